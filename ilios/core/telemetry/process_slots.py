"""Slots: numbers that processes hold as long as they live, and that others take after them."""

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

    def give_back(self) -> None:
        """Who comes last takes the folder away. Raises OSError."""
        with _alone(self.folder):
            os.close(self.descriptor)
            if not _anybody_lives(self.folder):
                shutil.rmtree(self.folder)

    def leave_to_parent(self) -> None:
        """For a process that was forked: the slot is that of who took it."""
        os.close(self.descriptor)


def take(folder: Path) -> ProcessSlot:
    """The lowest slot that is free. Who comes first empties the folder. Raises OSError."""
    with _alone(folder):
        if not _anybody_lives(folder):
            for path in folder.glob("*.db*"):
                path.unlink()
        number = next(number for number in count() if not _is_held(_file(folder, number)))
        return ProcessSlot(folder, number, lock_file(_file(folder, number), 0))


def make(folder: Path) -> bool:
    """Whether it is a folder of ours now: in /dev/shm, anybody may have been there before."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, exist_ok=True)  # who came last before us took it away
    descriptor = lock_file(folder / "guard", GUARD_WAIT_SECONDS)
    try:
        yield
    finally:
        os.close(descriptor)


def _anybody_lives(folder: Path) -> bool:
    return any(_is_held(path) for path in folder.glob("slot-*"))


def _is_held(path: Path) -> bool:
    try:
        os.close(lock_file(path, 0))
    except BlockingIOError:
        return True
    return False


def _file(folder: Path, number: int) -> Path:
    return folder / f"slot-{number}"
