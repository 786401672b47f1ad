"""What our processes need of the operating system."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing import reduction
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1  #: linux/prctl.h
LOCK_POLL_SECONDS = 0.05
EXIT_ORPHANED = 71  #: the parent is gone; nobody reads this code


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when the thread that spawned it ends.

    A second line of defence behind reading EOF from the parent's pipe; Linux only.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it went before the request was made
        os._exit(EXIT_ORPHANED)


def lock_file(path: Path, wait_seconds: float) -> int:
    """Take the lock of a file, once its last holder is gone; gives the descriptor that holds it.

    Raises BlockingIOError when somebody holds it all the while.
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


class InheritedDescriptor:
    """A file descriptor that a spawned process gets with its arguments, under `number`."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Callable[[Any], InheritedDescriptor], tuple[Any]]:
        return _inherit, (reduction.DupFd(self.number),)


def _inherit(duplicate: Any) -> InheritedDescriptor:
    return InheritedDescriptor(duplicate.detach())
