"""Slots: numbers that a process holds as long as it lives, and that later processes reuse."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from ilios.core.processes import lock_file

GUARD_WAIT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class ProcessSlot:
    """A number, and the descriptor of its lock: the kernel unlocks it however its holder ends."""

    folder: Path
    number: int
    descriptor: int

    def release(self) -> None:
        """Release the number; the last holder removes the folder. Raises OSError."""
        with _guarded(self.folder):
            os.close(self.descriptor)
            if not _any_is_held(self.folder):
                shutil.rmtree(self.folder)

    def close_after_fork(self) -> None:
        """Close a forked process's copy of the descriptor: the slot is its parent's."""
        os.close(self.descriptor)


def take(folder: Path) -> ProcessSlot:
    """Take the lowest free slot; the first holder empties the folder. Raises OSError."""
    with _guarded(folder):
        if not _any_is_held(folder):
            for path in folder.glob("*.db*"):
                path.unlink()
        number = next(number for number in count() if not _is_held(_file(folder, number)))
        return ProcessSlot(folder, number, lock_file(_file(folder, number), 0))


def make_private(folder: Path) -> bool:
    """Make the folder unless it exists, and tell whether it is a real one of this user's.

    In /dev/shm, any user may have made it before.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


@contextmanager
def _guarded(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, exist_ok=True)  # the last holder removed it
    descriptor = lock_file(folder / "guard", GUARD_WAIT_SECONDS)
    try:
        yield
    finally:
        os.close(descriptor)


def _any_is_held(folder: Path) -> bool:
    return any(_is_held(path) for path in folder.glob("slot-*"))


def _is_held(path: Path) -> bool:
    try:
        os.close(lock_file(path, 0))
    except BlockingIOError:
        return True
    return False


def _file(folder: Path, number: int) -> Path:
    return folder / f"slot-{number}"
