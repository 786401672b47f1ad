"""Files that were uploaded, on disk, until they are deleted, expire, or the server ends."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from tests.mistral_server.documents import Content
from tests.mistral_server.journal import FileThere

MAX_BYTES = 512 * 1024 * 1024


@dataclass(slots=True)
class StoredFile:
    """A row of `GET /v1/files`; times are seconds since the epoch."""

    name: str
    purpose: str
    path: Path
    size: int
    sha256: str
    sample_type: str
    source: str = "upload"
    mimetype: str | None = None
    num_lines: int | None = None
    expires_at: int | None = None
    visible_at: float = 0.0
    visibility: str = "workspace"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: float = field(default_factory=time.time)

    @property
    def content(self) -> Content:
        return Content(self.name, self.sha256, self.size, self.path)

    def schema(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.size,
            "created_at": int(self.created_at),
            "filename": self.name,
            "purpose": self.purpose,
            "sample_type": self.sample_type,
            "source": self.source,
            "num_lines": self.num_lines,
            "mimetype": self.mimetype,
            "signature": self.sha256[:32],
            "expires_at": self.expires_at,
            "visibility": self.visibility,
        }


class NewFile:
    """A file that is being written; hashed and counted on the way."""

    def __init__(self, path: Path, out: BinaryIO) -> None:
        self.path = path
        self.size = 0
        self.lines = 0
        self._out = out
        self._hash = hashlib.sha256()
        self._last = b"\n"

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    @property
    def num_lines(self) -> int:
        return self.lines + (self._last != b"\n")

    def write(self, chunk: bytes) -> None:
        self._out.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)
        self.lines += chunk.count(b"\n")
        self._last = chunk[-1:]

    def finish(self) -> None:
        """Make it readable: nothing more comes."""
        self._out.flush()


class FileStore:
    """All files of the account."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, StoredFile] = {}
        self._links: dict[str, tuple[str, float]] = {}  #: token: file id, end

    @contextmanager
    def writing(self) -> Iterator[NewFile]:
        """Provide a new file, not yet in the store; it goes when the block raises."""
        path = self._folder / uuid.uuid4().hex
        with path.open("wb") as out:
            try:
                yield NewFile(path, out)
            except BaseException:
                path.unlink(missing_ok=True)
                raise

    def add(self, file: StoredFile, *, same_id: bool = False) -> StoredFile:
        """Put it into the store; with `same_id` identical bytes are one file.

        Seen: it is the first upload's file that is given back, so a delete takes it from everybody.
        """
        if same_id and (duplicate := self._duplicate(file)):
            file.path.unlink()
            return duplicate
        self._files[file.id] = file
        return file

    def get(self, file_id: str) -> StoredFile | None:
        """Return None for files that are unknown, deleted, expired or not yet visible."""
        file = self._files.get(file_id)
        return file if file is not None and _is_there(file) else None

    def all(self) -> list[StoredFile]:
        """Return the newest first."""
        return [file for file in reversed(self._files.values()) if _is_there(file)]

    def delete(self, file_id: str) -> None:
        self._files.pop(file_id).path.unlink()

    def sign(self, file: StoredFile, hours: int) -> str:
        """Return a token that opens the file for a while."""
        token = uuid.uuid4().hex
        self._links[token] = (file.id, time.time() + hours * 3600)
        return token

    def signed(self, token: str) -> StoredFile | None:
        file_id, end = self._links.get(token, ("", 0.0))
        return self.get(file_id) if time.time() < end else None

    def there(self) -> list[FileThere]:
        """Return everything that was not deleted and has not expired, visible or not."""
        return [
            FileThere(file.id, file.name, file.purpose, file.size, file.sha256, file.expires_at)
            for file in self._files.values()
            if not _has_expired(file)
        ]

    def clear(self) -> None:
        for file in self._files.values():
            file.path.unlink(missing_ok=True)
        self._files.clear()
        self._links.clear()

    def _duplicate(self, file: StoredFile) -> StoredFile | None:
        for other in self._files.values():
            is_same = (other.sha256, other.purpose) == (file.sha256, file.purpose)
            if is_same and not _has_expired(other):
                return other
        return None


def _is_there(file: StoredFile) -> bool:
    return time.time() >= file.visible_at and not _has_expired(file)


def _has_expired(file: StoredFile) -> bool:
    return file.expires_at is not None and time.time() >= file.expires_at
