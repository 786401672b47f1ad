"""The spool of objects: files that a bucket has just got, until a worker of the same host fetches.

The bucket is the truth. A file here saves a worker one fetch, is taken once, and is checked before
it is trusted: nothing is synced, so a power cut may leave half of it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ilios.core.disk_space import DiskReserve
from ilios.core.settings import MIB
from ilios.storage.disk_errors import disk_errors

SPOOL_MAX_BYTES: Final = 256 * MIB  #: of all files; what does not fit beside them is not kept
SPOOL_MAX_FILES: Final = 1000  #: their names are read for every file that is kept or taken
SPOOL_MAX_AGE: Final = timedelta(hours=1)  #: then retention removes a file that nobody has taken


class ObjectSpool:
    """A folder that the processes of one data volume share, on the file system of what they put.

    A file's name says what it is: its size, its SHA-256 and the object's key, percent-encoded.
    """

    def __init__(self, folder: Path, disk_reserve: DiskReserve) -> None:
        self._folder = folder
        self._disk_reserve = disk_reserve

    def keep(self, key: str, path: Path, sha256: str) -> None:
        """Move a file, with its SHA-256, into the spool if there is room. Never an error.

        As long as the disk has no room for a full spool above its reserve, nothing is kept.
        """
        with suppress(OSError):
            size_bytes = path.stat().st_size
            if size_bytes > SPOOL_MAX_BYTES or self._disk_reserve.fault(SPOOL_MAX_BYTES):
                return
            with self._exclusively():
                if self._has_room(size_bytes):
                    kept = f"{self._folder}/{size_bytes}.{sha256}.{_encoded(key)}"
                    os.rename(path, kept)  # noqa: PTH104  # makes no path of the name

    def take(self, key: str, path: Path) -> bool:
        """Move the file of an object to `path`; return whether it was there, and whole."""
        for kept in self._of(key):
            with suppress(OSError):
                kept.rename(path)  # of two that take it, one gets it
                if kept.name.startswith(f"{path.stat().st_size}.{sha256_of(path)}."):
                    return True
                path.unlink()
        return False

    def remove(self, key: str) -> None:
        """Remove the file of an object, if there is one. Raises StorageUnavailable."""
        with disk_errors():
            for kept in self._of(key):
                kept.unlink(missing_ok=True)

    def _of(self, key: str) -> list[Path]:
        ending = f".{_encoded(key)}"
        named = [name for name in self._names() if name.endswith(ending)]
        return [self._folder / name for name in named if name.split(".", 2)[2] == ending[1:]]

    def _has_room(self, size_bytes: int) -> bool:
        names = self._names()
        kept_bytes = sum([int(name.partition(".")[0]) for name in names])
        return len(names) < SPOOL_MAX_FILES and kept_bytes + size_bytes <= SPOOL_MAX_BYTES

    def _names(self) -> list[str]:
        try:
            return os.listdir(self._folder)  # noqa: PTH208  # names, not paths
        except FileNotFoundError:  # no service has started here yet
            return []

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Let nobody else add to the spool during the block."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _encoded(key: str) -> str:
    return quote(key).replace("/", "%2F")  # an eighth of what quoting the slash takes


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
