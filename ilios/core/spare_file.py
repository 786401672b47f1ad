"""The spare file: space beside the database, given up for the writes that make room on a full disk.

Even a DELETE has to be written somewhere before it can free anything. So some MiB are kept
allocated, are released when a write finds next to nothing free, and are allocated again as soon as
there is room.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from ilios.core import platform

SPARE_BYTES: Final = 16 * 1024 * 1024
WRITE_ROOM_BYTES: Final = 8 * 1024 * 1024
"""With less free, the spare file is given up: about twice what the write-ahead log takes."""
SUFFIX: Final = ".spare"


def free_bytes(folder: Path | str) -> int:
    """Return what we may still write on the file system of a folder."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class SpareFile:
    """The spare file of a database; every process of the service may give it up."""

    def __init__(self, database_path: Path) -> None:
        self.path = database_path.with_name(database_path.name + SUFFIX)
        self._path = str(self.path)  # Path takes longer than what is asked of the system
        self._folder = str(self.path.parent)

    def missing_bytes(self) -> int:
        """Return how much of it is not allocated."""
        return self._missing_bytes(where_absent=SPARE_BYTES)

    def missing_bytes_once_made(self) -> int:
        """Return how much was given up; 0 where no service has made a spare file yet."""
        return self._missing_bytes(where_absent=0)

    def _missing_bytes(self, where_absent: int) -> int:
        try:
            return max(0, SPARE_BYTES - os.stat(self._path).st_size)  # noqa: PTH116
        except FileNotFoundError:
            return where_absent

    def give_up_if_short(self) -> bool:
        """Release the space when next to nothing is free; return whether there was any."""
        return free_bytes(self._folder) < WRITE_ROOM_BYTES and self.give_up()

    def give_up(self) -> bool:
        """Release the space; return whether there was any."""
        if self.missing_bytes() == SPARE_BYTES:
            return False
        with suppress(FileNotFoundError):
            os.truncate(self.path, 0)
        return True

    def make(self) -> bool:
        """Allocate what is missing, if that leaves enough to write; return whether it did.

        Raises OSError for a folder that cannot be written.
        """
        missing = self.missing_bytes()
        if not missing or free_bytes(self._folder) < missing + 2 * WRITE_ROOM_BYTES:
            return False
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            platform.allocate(descriptor, SPARE_BYTES)
        except OSError:
            os.ftruncate(descriptor, 0)  # another writer was faster: no half of it
            raise
        finally:
            os.close(descriptor)
        return True
