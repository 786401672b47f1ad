"""Folders for temporary files of one process: what a killed one leaves, the next one removes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ilios.core import processes

LOCK: Final = "lock"  #: a file in each, locked as long as it is in use


@contextmanager
def own_folder(prefix: str, place: str | None = None) -> Iterator[Path]:
    """Have a new folder during the block; left ones of the same prefix are removed first.

    `place` is where it is made; None for the folder of the system.
    """
    place = place or tempfile.gettempdir()
    for left in Path(place).glob(f"{prefix}*"):
        if _is_left(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    lock = processes.lock_file(folder / LOCK, 0)
    try:
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Return whether nobody holds the lock of a folder any more."""
    with suppress(OSError):
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
        return True
    return False
