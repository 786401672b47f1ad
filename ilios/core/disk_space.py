"""Free disk space, looked at before anything is stored: what is kept free stays free."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ilios.core import data_folder
from ilios.core.conversion_errors import DiskFull
from ilios.core.disk_promises import DiskPromise, DiskPromises
from ilios.core.spare_file import free_bytes

if TYPE_CHECKING:  # as in ilios.core.telemetry.logs
    from ilios.core.settings import Settings

MIB: Final = 1024 * 1024
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)

UNPROMISED_BYTES: Final = MIB
"""Less than this is written without an entry in the account. With the writes that run at once it is
the slack by which the free space may fall below the reserve."""


class DiskReserve:
    """The data folder's file system, of which a reserve is kept free for work under way."""

    def __init__(self, settings: Settings) -> None:
        self._folder = str(settings.data_folder)  # no Path: it is asked for each document
        self._reserve_bytes = settings.min_free_disk_bytes
        self._promises = DiskPromises(data_folder.disk_promises(settings))
        self.spare = data_folder.spare_file(settings)

    def fault(self, needed_bytes: int = 0) -> str | None:
        """Return a sentence that says why `needed_bytes` more do not fit; None when they do.

        What others were promised, and what the spare file lacks, is not free.
        """
        available = free_bytes(self._folder) - self._promises.total_bytes()
        reserve_bytes = self._reserve_bytes + self.spare.missing_bytes_once_made()
        if available - needed_bytes >= reserve_bytes:
            return None
        return (
            f"Only {max(0, available) // MIB} MiB are free in the data folder, and "
            f"{(needed_bytes + reserve_bytes) // MIB} MiB are needed (with the reserve, "
            "MIN_FREE_DISK_BYTES)."
        )

    def free_bytes(self) -> int:
        """Return how many bytes fit in, above the reserve."""
        return max(0, free_bytes(self._folder) - self._reserve_bytes)

    def require(self, needed_bytes: int = 0) -> None:
        """Raise DiskFull when `needed_bytes` more do not fit."""
        if fault := self.fault(needed_bytes):
            raise DiskFull(f"{fault} Nothing was stored: try again when there is room.")

    def promise(self, needed_bytes: int) -> DiskPromise:
        """Enter what is going to be written into the account of all; the caller releases it.

        Raises DiskFull when it does not fit beside what others were promised.
        """
        with self._promises.exclusively():
            self.require(needed_bytes)
            return self._promises.add(needed_bytes)

    @contextmanager
    def promised(self, needed_bytes: int) -> Iterator[None]:
        """Hold a promise during the block; what is small is only looked at. Raises DiskFull."""
        if needed_bytes < UNPROMISED_BYTES:
            self.require(needed_bytes)
            yield
            return
        promise = self.promise(needed_bytes)
        try:
            yield
        finally:
            promise.release()


def is_full(error: OSError) -> bool:
    """Tell whether an error says that the disk or a quota is full."""
    return error.errno in _FULL
