"""Functions of the operating system for processes: death signal, niceness, locks, descriptors."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ilios.core import platform

LOCK_POLL_SECONDS = 0.05
PRIVATE_UMASK = 0o077  #: what is made is for this user alone
EXIT_ORPHANED = 71  #: the parent is gone; nobody reads this code


def keep_files_private() -> None:
    """Make every file and folder of this process and its children closed to other users."""
    os.umask(PRIVATE_UMASK)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal all processes of a group, if there are any."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def die_with_parent(parent_pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Let the kernel send this process a signal when the thread that spawned it ends.

    It backs up the reading of EOF from the parent's pipe; Linux only.
    """
    platform.request_death_signal(number)
    if os.getppid() != parent_pid:  # it went before the request was made
        os._exit(EXIT_ORPHANED)


def set_niceness(pid: int, niceness: int) -> None:
    """Set the niceness of a child's threads beside its first: what they start inherits it.

    On Linux only, where each thread has its own. A child that has ended is left alone.
    """
    reached: set[int] = set()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        while threads := platform.later_thread_ids(pid) - reached:
            for thread in threads:
                with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                    os.setpriority(os.PRIO_PROCESS, thread, niceness)
            reached |= threads


def lock_file(path: Path, wait_seconds: float) -> int:
    """Lock a file, created if need be, and return the descriptor that holds the lock.

    Wait for another holder for `wait_seconds`; raises BlockingIOError when it still holds it then.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise
            time.sleep(LOCK_POLL_SECONDS)
        else:
            return descriptor


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


class InheritedDescriptor:
    """A file descriptor, `number`, that a spawned process receives among its arguments."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Callable[[Any], InheritedDescriptor], tuple[Any]]:
        from multiprocessing import reduction  # here, for it is 1 MB that `ilios.watch` spares

        return _inherit, (reduction.DupFd(self.number),)


def _inherit(duplicate: Any) -> InheritedDescriptor:
    return InheritedDescriptor(duplicate.detach())
