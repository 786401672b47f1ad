"""The spool of objects: files that a bucket has just got, until a worker of the same host fetches.

The bucket is the truth. A file here saves a worker one fetch, is taken once, and is checked before
it is trusted: nothing is synced, so a power cut may leave half of it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import time
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
SPOOL_MAX_FILES: Final = 1000
SPOOL_MAX_AGE: Final = timedelta(hours=1)  #: then retention removes a file that nobody has taken
RECOUNT_SECONDS: Final = 1.0  #: between looks whether a full spool has room again
_ENTERED: Final = struct.Struct("<QQ")  #: files and bytes


class ObjectSpool:
    """A folder that the processes of one data volume share, on the file system of what they put.

    A file's name says what it is: its SHA-256 and the object's key, percent-encoded. A file beside
    the folder is the account of how much was put into it.
    """

    def __init__(self, folder: Path, disk_reserve: DiskReserve) -> None:
        self._folder = folder
        self._disk_reserve = disk_reserve
        self._full_until = 0.0  #: by time.monotonic()

    def keep(self, key: str, path: Path, sha256: str) -> None:
        """Move a file, with its SHA-256, into the spool if there is room. Never an error.

        As long as the disk has no room for a full spool above its reserve, nothing is kept.
        """
        with suppress(OSError):
            size_bytes = path.stat().st_size
            if size_bytes > SPOOL_MAX_BYTES or time.monotonic() < self._full_until:
                return
            if self._disk_reserve.fault(SPOOL_MAX_BYTES):
                return
            with self._exclusively():
                if self._enter(size_bytes):
                    kept = f"{self._folder}/{_named(sha256, key)}"
                    os.rename(path, kept)  # noqa: PTH104  # makes no path of the name

    def take(self, key: str, path: Path, sha256: str | None = None) -> bool:
        """Move the file of an object to `path`; return whether it was there, and whole.

        With the object's SHA-256 its name is known; else all names are read.
        """
        names = [_named(sha256, key)] if sha256 else self._of(key)
        for name in names:
            with suppress(OSError):
                os.rename(f"{self._folder}/{name}", path)  # noqa: PTH104  # of two, one gets it
                if name.startswith(sha256_of(path)):
                    return True
                path.unlink()
        return False

    def remove(self, key: str) -> None:
        """Remove the file of an object, if there is one. Raises StorageUnavailable."""
        with disk_errors():
            for name in self._of(key):
                (self._folder / name).unlink(missing_ok=True)

    def _of(self, key: str) -> list[str]:
        encoded = _encoded(key)
        return [name for name in self._names() if name.partition(".")[2] == encoded]

    def _enter(self, size_bytes: int) -> bool:
        """Enter a file into the account; return False if there is no room for it.

        What was taken is left out of the account only when there seems to be no room: else the
        folder would be read for each file.
        """
        account = os.open(f"{self._folder}.account", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            entered = os.read(account, _ENTERED.size)
            files, kept_bytes = _ENTERED.unpack(entered) if entered else self._present()
            if not _has_room(files, kept_bytes + size_bytes):
                files, kept_bytes = self._present()
                if not _has_room(files, kept_bytes + size_bytes):
                    self._full_until = time.monotonic() + RECOUNT_SECONDS
                    return False
            os.pwrite(account, _ENTERED.pack(files + 1, kept_bytes + size_bytes), 0)
            return True
        finally:
            os.close(account)

    def _present(self) -> tuple[int, int]:
        """Return how many files there are, and their bytes."""
        sizes = []
        for name in self._names():
            with suppress(FileNotFoundError):  # it was taken just now
                sizes.append((self._folder / name).stat().st_size)
        return len(sizes), sum(sizes)

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


def _has_room(files: int, size_bytes: int) -> bool:
    return files < SPOOL_MAX_FILES and size_bytes <= SPOOL_MAX_BYTES


def _named(sha256: str, key: str) -> str:
    return f"{sha256}.{_encoded(key)}"


def _encoded(key: str) -> str:
    return quote(key).replace("/", "%2F")  # an eighth of what quoting the slash takes


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
