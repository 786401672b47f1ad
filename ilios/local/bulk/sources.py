"""The documents of a run: below a folder, below a prefix of a bucket, or named in a list."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from ilios.core.errors import SettingsError, StartupError
from ilios.engines.detection.media_types import NAMED
from ilios.local import inputs
from ilios.local.bulk.buckets import SCHEME, Bucket, BucketPlace, is_bucket
from ilios.local.bulk.messages import Item, Unread

HEAD_BYTES: Final = 4096  #: of a list, in which no zero stands
MARK_BYTES: Final = 12


class Source(Protocol):
    """Where documents are."""

    def items(self) -> Iterator[Item | Unread]:
        """Yield the documents, one by one: there may be a million."""
        ...


class FolderSource:
    """The documents below a folder, as `ilios convert` finds them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def items(self) -> Iterator[Item | Unread]:
        """Yield the documents in the order of their names."""
        for found in inputs.below(self._folder):
            if isinstance(found, inputs.Missing):
                yield Unread(Item(found.shown, found.shown, "", ""), found.reason)
            elif found.path is not None:
                shown = found.path.relative_to(self._folder)
                yield file_item(found.path, PurePosixPath(shown).as_posix())


class BucketSource:
    """The documents below a prefix of a bucket, but for hidden ones."""

    def __init__(self, place: BucketPlace) -> None:
        self._place = place

    def items(self) -> Iterator[Item | Unread]:
        """Yield the documents in the order of their keys."""
        bucket = Bucket(self._place.bucket)
        try:
            for found in bucket.listed(self._place.folder):
                parts = PurePosixPath(found.key.removeprefix(self._place.folder)).parts
                is_hidden = any(part.startswith(".") for part in parts)
                if parts and not is_hidden and PurePosixPath(parts[-1]).suffix.lower() in NAMED:
                    url = f"{SCHEME}{bucket.name}/{found.key}"
                    yield Item(url, parts[-1], url, found.version, found.size_bytes)
        finally:
            bucket.close()


class ListSource:
    """The documents that a file names, one a line: paths, or `s3://bucket/key`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def items(self) -> Iterator[Item | Unread]:
        """Yield the documents in the order of their lines."""
        with self._path.open(encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                named = line.rstrip("\r\n")
                if named:
                    yield _listed(named)


def open_source(named: str) -> Source:
    """Return what an argument means. Raises StartupError."""
    if is_bucket(named):
        return BucketSource(BucketPlace.parse(named))
    path = Path(named)
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            return FolderSource(path)
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise StartupError(f"{named}: {error.strerror}.") from error
    if b"\0" in head or head.startswith(b"%PDF"):
        raise StartupError(
            f"{named}: it is a document, not a list of documents: `ilios convert` converts it."
        )
    return ListSource(path)


def file_item(path: Path, shown: str) -> Item | Unread:
    """Return a file as a document; its version is its size with the time of its last change."""
    place = os.path.abspath(path)  # noqa: PTH100  # without a look at each folder on the way
    readable = os.fsencode(shown).decode(errors="replace")
    try:
        found = path.stat()
    except OSError as error:
        return Unread(Item(readable, path.name, place, ""), f"{error.strerror}.")
    except ValueError as error:  # a zero in its name
        return Unread(Item(readable, path.name, place, ""), f"It is no name: {error}.")
    if not stat.S_ISREG(found.st_mode):
        return Unread(Item(readable, path.name, place, ""), "It is no file.")
    version = f"{found.st_size}-{found.st_mtime_ns}"
    name = os.fsencode(path.name).decode(errors="replace")
    return Item(readable, name, place, version, found.st_size)


def mark_of(item: Item) -> str:
    """Return what stands for a document at its place, as it is now; empty if that is not known."""
    if not item.version:
        return ""
    both = f"{item.place}\0{item.version}".encode(errors="surrogateescape")
    return hashlib.blake2b(both, digest_size=MARK_BYTES).hexdigest()


def _listed(named: str) -> Item | Unread:
    if is_bucket(named):
        return _listed_object(named)
    if inputs.is_url(named):
        unknown = Item(named, named, named, "")
        return Unread(unknown, "Addresses are not fetched here: `ilios convert` does that.")
    return file_item(Path(named), named)


def _listed_object(named: str) -> Item | Unread:
    readable = os.fsencode(named).decode(errors="replace")
    item = Item(readable, PurePosixPath(readable).name, readable, "")
    if readable != named:
        return Unread(item, "Its name is no UTF-8.")
    try:
        BucketPlace.parse(named)
    except SettingsError as error:
        return Unread(item, str(error))
    return item
