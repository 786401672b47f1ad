"""Free disk space, checked before the service accepts or starts what has to be stored."""

from __future__ import annotations

import errno
import os
from typing import Final

from ilios.core.conversion_errors import DiskFull
from ilios.core.settings import MIB, Settings

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class DiskReserve:
    """The data folder's file system, of which a reserve is kept free for work under way."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_folder
        self._reserve_bytes = settings.min_free_disk_bytes

    def fault(self, needed_bytes: int = 0) -> str | None:
        """Return a sentence that says why `needed_bytes` more do not fit; None when they do."""
        found = os.statvfs(self._folder)
        free_bytes = found.f_bavail * found.f_frsize
        if free_bytes - needed_bytes >= self._reserve_bytes:
            return None
        return (
            f"Only {free_bytes // MIB} MiB are free in the data folder, and "
            f"{(needed_bytes + self._reserve_bytes) // MIB} MiB are needed (with the reserve, "
            "MIN_FREE_DISK_BYTES)."
        )

    def free_bytes(self) -> int:
        """Return how many bytes fit in, above the reserve."""
        found = os.statvfs(self._folder)
        return max(0, found.f_bavail * found.f_frsize - self._reserve_bytes)

    def require(self, needed_bytes: int = 0) -> None:
        """Raise DiskFull when `needed_bytes` more do not fit."""
        if fault := self.fault(needed_bytes):
            raise DiskFull(f"{fault} Nothing was stored: try again when there is room.")


def is_full(error: OSError) -> bool:
    """Tell whether an error says that the disk or a quota is full."""
    return error.errno in _FULL
