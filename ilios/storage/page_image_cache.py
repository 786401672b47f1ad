"""The cache of page images: pictures of pages that were drawn, until they are not looked at.

Each may be drawn anew from its original. Nothing is synced, so the folder is emptied at start.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from ilios.core import data_folder
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import MIB, Settings

CACHE_MAX_BYTES: Final = 256 * MIB  #: of all images; those that were used longest ago go first
CACHE_MAX_FILES: Final = 4_000
CACHE_MAX_AGE: Final = timedelta(hours=24)  #: since its last use; then retention removes an image
_LOOKS: Final = 16  #: a process looks how much there is whenever it has added one in so many parts
_LEFT_SHARE: Final = 0.75  #: of what may be kept, once some had to go


class CachedImage(NamedTuple):
    """An image that was found: when it was last used, its size, and its path."""

    used_at: float
    size_bytes: int
    path: Path


class PageImageCache:
    """A folder that the processes of one data volume share: a folder for each document in it."""

    def __init__(self, settings: Settings) -> None:
        self._folder = data_folder.page_images(settings)
        self._disk_reserve = DiskReserve(settings)
        self._lock = threading.Lock()
        self._added_bytes = CACHE_MAX_BYTES  #: since this process looked; it does at its first
        self._added_files = 0

    def open(self, document_id: str, name: str) -> BinaryIO | None:
        """Open an image, and note that it is used; None without one. Close it."""
        with suppress(OSError):
            file = self._path(document_id, name).open("rb")
            with suppress(OSError):
                os.utime(file.fileno())
            return file
        return None

    def keep(self, document_id: str, name: str, path: Path) -> None:
        """Move an image into the cache, unless the disk is short of room. Never an error.

        Look afterwards whether its document is still there: `remove` may have run before.
        """
        with suppress(OSError):
            size_bytes = path.stat().st_size
            if size_bytes > CACHE_MAX_BYTES // _LOOKS or self._disk_reserve.fault():
                return
            target = self._path(document_id, name)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            path.rename(target)
            if self._is_to_be_looked_at(size_bytes):
                self._make_room()

    def remove(self, document_id: str) -> None:
        """Remove all images of a document."""
        folder = f"{self._folder}/{document_id}"
        if os.path.lexists(folder):  # which is rare, and this takes no time
            shutil.rmtree(folder, ignore_errors=True)

    def images(self) -> Iterator[CachedImage]:
        """Yield all images, in no order."""
        for folder in self._entries(self._folder):
            for entry in self._entries(folder):
                with suppress(OSError):  # it was removed just now
                    found = entry.stat()
                    yield CachedImage(found.st_mtime, found.st_size, entry)

    def remove_image(self, image: CachedImage) -> None:
        """Remove an image, and the folder of its document with the last one."""
        with suppress(OSError):
            image.path.unlink(missing_ok=True)
            image.path.parent.rmdir()

    def remove_empty_folders(self) -> None:
        """Remove the folders of documents that have no image any more."""
        for folder in self._entries(self._folder):
            with suppress(OSError):  # as it does for one that is not empty
                folder.rmdir()

    def _is_to_be_looked_at(self, size_bytes: int) -> bool:
        with self._lock:
            self._added_bytes += size_bytes
            self._added_files += 1
            is_due = (
                self._added_bytes > CACHE_MAX_BYTES // _LOOKS
                or self._added_files > CACHE_MAX_FILES // _LOOKS
            )
            if is_due:
                self._added_bytes = self._added_files = 0
            return is_due

    def _make_room(self) -> None:
        """Remove what was used longest ago, if there is more than may be kept."""
        found = sorted(self.images(), reverse=True)
        total_bytes = sum(image.size_bytes for image in found)
        if total_bytes <= CACHE_MAX_BYTES and len(found) <= CACHE_MAX_FILES:
            return
        while found and (
            total_bytes > _LEFT_SHARE * CACHE_MAX_BYTES
            or len(found) > _LEFT_SHARE * CACHE_MAX_FILES
        ):
            oldest = found.pop()
            total_bytes -= oldest.size_bytes
            self.remove_image(oldest)

    def _path(self, document_id: str, name: str) -> Path:
        return self._folder / document_id / name

    @staticmethod
    def _entries(folder: Path) -> list[Path]:
        with suppress(OSError):
            return list(folder.iterdir())
        return []
