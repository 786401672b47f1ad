"""The protocol of an object store, and the values that it takes and returns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store knows of an object without reading it."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object of a list, and when it got its key."""

    key: str
    stored_at: datetime


class ObjectStore(Protocol):
    """Keeps objects under keys such as `documents/<instance>/<document>/images/1.png`.

    Keys are relative, `/`-separated, made by us, never by a client; a malformed one is a
    ValueError. Every call may block on a disk or a network, so none is made inside a database
    transaction, except that presigning only computes. Two errors: ObjectMissing when the store
    answers that there is no such object, StorageUnavailable for everything that may pass.
    Stores are safe to share between threads.
    """

    name: str  #: as `/health` shows it: `local` or `configured`

    def put(self, key: str, path: Path, media_type: str, sha256: str | None = None) -> None:
        """Store the file durably; when this returns, a power cut does not lose it.

        The file is complete and closed. The local store moves it instead of copying it, within one
        file system: the caller gives it away. An object of the same key is replaced at once.
        The SHA-256 of the file, in hex, is computed if the caller does not know it and the store
        needs it.
        """
        ...

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Open the object as a stream, which may not be seekable; close it, or use `with`.

        An error of the store while reading is StorageUnavailable inside the `with` as well.
        """
        ...

    def fetch(self, key: str, path: Path, sha256: str | None = None) -> None:
        """Give the object to a file; `path` must not exist. Memory stays flat.

        Its SHA-256, where it is known, makes it found sooner; it is not compared.

        The file is to be read, moved or removed, never written: it may be the object itself.
        """
        ...

    def stat(self, key: str) -> ObjectInfo: ...

    def presign_get(self, key: str, *, expires: timedelta, file_name: str, media_type: str) -> str:
        """Return a URL that serves the object as an attachment `file_name` until it expires."""
        ...

    def presign_put(self, key: str, *, expires: timedelta, size_bytes: int) -> str:
        """Return a URL to which a client may PUT exactly `size_bytes` bytes until it expires.

        It says nothing of a Content-Type: the type is sniffed once the bytes are there, and many
        clients send none, or their own.
        """
        ...

    def copy(self, source: str, target: str) -> None:
        """Give the bytes a second key, which lives on when the first is deleted or replaced."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; one that is not there is no error."""
        ...

    def listed(self, folder: str) -> Iterator[ListedObject]:
        """Yield all objects whose keys begin with `folder` and a slash, in no order.

        What is stored or deleted meanwhile may be among them, or not.
        """
        ...

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        ...
