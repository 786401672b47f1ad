"""Free disk: looked at before anything is taken on whose outcome has to be stored."""

from __future__ import annotations

import errno
import os
from typing import Final

from ilios.core.conversion_errors import DiskFull
from ilios.core.settings import MIB, Settings

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class DiskReserve:
    """The file system of the data folder, of which a reserve stays free for what is under way."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_folder
        self._reserve_bytes = settings.min_free_disk_bytes

    def fault(self, needed_bytes: int = 0) -> str | None:
        """Why so much more cannot be stored, in one sentence; None when it can."""
        found = os.statvfs(self._folder)
        free_bytes = found.f_bavail * found.f_frsize
        if free_bytes - needed_bytes >= self._reserve_bytes:
            return None
        return (
            f"Only {free_bytes // MIB} MiB are free in the data folder, and "
            f"{(needed_bytes + self._reserve_bytes) // MIB} MiB are needed (with the reserve, "
            "MIN_FREE_DISK_BYTES)."
        )

    def require(self, needed_bytes: int = 0) -> None:
        """Raises DiskFull."""
        if fault := self.fault(needed_bytes):
            raise DiskFull(f"{fault} Nothing was stored: try again when there is room.")


def is_full(error: OSError) -> bool:
    """Whether an error says that the disk, or our share of it, is full."""
    return error.errno in _FULL
