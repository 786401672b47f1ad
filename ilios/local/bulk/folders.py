"""Folders for temporary files of one process: what a killed one leaves, the next one removes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ilios.core import processes

LOCK: Final = "lock"  #: a file in each, locked as long as it is in use
RANDOM_CHARACTERS: Final = 8  #: that are drawn for the end of its name
OLD_SECONDS: Final = 3600  #: after which one without that file is no new one


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
    """Return whether nobody uses a folder any more."""
    with suppress(OSError):
        try:
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:  # it is being made, or something late wrote when it was removed
            return time.time() - folder.stat().st_mtime > OLD_SECONDS
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
        return True
    return False
