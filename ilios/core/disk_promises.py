"""Space that running writes were promised: an account that all processes of one host share.

A look at the disk does not see what others are about to write, so large writes are entered here
first. An entry is a file whose length is the number of bytes and which its owner keeps locked: the
kernel ends the lock with the process, and then the entry counts no more.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ilios.core import ids

LOCK_NAME = "lock"


class DiskPromises:
    """The account, in a folder that may be missing until the first entry."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = str(folder)

    def total_bytes(self) -> int:
        """Return what is promised now; entries of processes that have ended count no more."""
        return sum([_promised_by(path) or 0 for path in self._entries()])

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Let no other process add to the account during the block."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / LOCK_NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._remove_ended()
            yield
        finally:
            os.close(descriptor)

    def add(self, size_bytes: int) -> DiskPromise:
        """Enter what is going to be written; only inside `exclusively`."""
        path = self._folder / ids.new_id()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.ftruncate(descriptor, size_bytes)  # a hole: it takes no space
        return DiskPromise(path, descriptor)

    def _remove_ended(self) -> None:
        """Remove entries of processes that have ended; only inside `exclusively`.

        Elsewhere such an entry may be one that another process has made and not locked yet.
        """
        for path in self._entries():
            if _promised_by(path) is None:
                path.unlink(missing_ok=True)

    def _entries(self) -> list[Path]:
        try:
            found = os.listdir(self._name)  # noqa: PTH208  # names, not paths
        except FileNotFoundError:
            return []
        return [self._folder / name for name in found if name != LOCK_NAME]


class DiskPromise:
    """An entry of the account."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def release(self) -> None:
        """Take the entry back, once; what was written is seen on the disk."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def _promised_by(path: Path) -> int | None:
    """Return what an entry stands for; None when nobody holds it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # it has just been released
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.fstat(descriptor).st_size
    else:
        return None
    finally:
        os.close(descriptor)
