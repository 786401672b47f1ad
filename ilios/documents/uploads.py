"""Uploads: files are streamed to the data volume while they are counted and hashed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from ilios.core import ids
from ilios.core.disk_promises import DiskPromise
from ilios.core.disk_space import UNPROMISED_BYTES, DiskReserve
from ilios.core.durable_files import write_all
from ilios.core.request_errors import FileTooLarge, RequestError

PROMISE_BYTES = 16 * 1024 * 1024
"""Entered into the account of the disk at once: a client's word for its length holds no space."""


@dataclass(frozen=True, slots=True)
class Received:
    """A file that was received whole; its receiver moves or discards it."""

    path: Path
    file_name: str
    size_bytes: int
    sha256: str
    archive: str | None = None  #: in which it came

    def discard(self) -> None:
        """Remove the file; no error when it was moved away."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file of a batch that was refused while it was received; its bytes are gone."""

    file_name: str
    reason: RequestError


class UploadSink:
    """A writable file in `folder` that hashes what passes and stops at `limit_bytes`."""

    def __init__(self, folder: Path, limit_bytes: int, disk_reserve: DiskReserve) -> None:
        self.path = folder / f"{os.getpid()}-{ids.new_id()}"
        self.size_bytes = 0
        self._limit_bytes = limit_bytes
        self._disk_reserve = disk_reserve
        self._promise: DiskPromise | None = None
        self._promised_up_to = UNPROMISED_BYTES
        self._hash = hashlib.sha256()
        self._file = FileIO(self.path, "x")

    def write(self, block: bytes | bytearray | memoryview) -> int:
        """Append a block.

        Raises FileTooLarge at the first byte beyond the limit, and DiskFull before a block that
        would take what others were promised, or the reserve.
        """
        view = memoryview(block)
        self.size_bytes += view.nbytes
        if self.size_bytes > self._limit_bytes:
            raise FileTooLarge(
                f"The file is larger than {self._limit_bytes} bytes (MAX_FILE_SIZE_BYTES)."
            )
        if self.size_bytes > self._promised_up_to:
            self._release_promise()
            self._promise = self._disk_reserve.promise(PROMISE_BYTES)
            self._promised_up_to = self.size_bytes + PROMISE_BYTES
        self._hash.update(view)
        return write_all(self._file, view)

    @property
    def sha256(self) -> str:
        """The hash of what has passed, hex."""
        return self._hash.hexdigest()

    def received(self, file_name: str) -> Received:
        """Close the file and hand it over."""
        self.close()
        return Received(self.path, file_name, self.size_bytes, self.sha256)

    def close(self) -> None:
        """Close the file: all of it is on the disk, and nothing more is promised."""
        self._file.close()
        self._release_promise()

    def discard(self) -> None:
        """Remove the file, unless it was moved away."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _release_promise(self) -> None:
        if self._promise is not None:
            self._promise.release()
            self._promise = None


def remove_those_of(folder: Path, pid: int) -> None:
    """Remove the files that a dead process was receiving."""
    for path in folder.glob(f"{pid}-*"):
        path.unlink(missing_ok=True)
