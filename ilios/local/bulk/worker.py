"""What one process of Ray does: reads documents, converts them, and writes parts.

It has the embedded engine with one parser child, which opens every document; see
ilios.local.in_process. This module does not know Ray.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from ilios.core.conversion_errors import (
    ConversionError,
    DiskFull,
    ParserCrashed,
    StorageUnavailable,
)
from ilios.core.conversion_limits import MAX_CRASHES
from ilios.core.disk_space import is_full
from ilios.core.errors import IliosError
from ilios.engines import document_errors
from ilios.engines.detection import media_types
from ilios.engines.machine_errors import full_disk_as_such
from ilios.local.bulk import records, refusals, targets
from ilios.local.bulk.buckets import Bucket, BucketPlace, is_bucket
from ilios.local.bulk.folders import own_folder
from ilios.local.bulk.messages import (
    Converted,
    Failed,
    Item,
    Order,
    Outcome,
    Seen,
    Unread,
    Written,
)
from ilios.local.bulk.parts import PartWriter
from ilios.local.in_process import InProcess
from ilios.local.inputs import Document

BLOCK_BYTES: Final = 1024 * 1024  #: of a file, that are hashed at once
ID_BYTES: Final = 12
ATTEMPTS: Final = 3
"""At a document whose conversion failed for a reason that may pass."""
FETCHES_AT_ONCE: Final = 8  #: from a bucket
FILE_MAX_BYTES: Final = 1024**3  #: of a document; what MAX_FILE_SIZE_BYTES is to a service


class Worker:
    """Converts for one run, one document at a time."""

    def __init__(self, target: str, order: Order, staged: Path | None = None) -> None:
        """`staged` is where the run looks for lines; None on other machines than its own."""
        self._order = order
        self._target = targets.open_target(target, staged)
        self._target.make()
        turns = Path(tempfile.gettempdir(), f"ilios-bulk-{os.getuid()}")
        self._ends = ExitStack()
        self._folder = self._ends.enter_context(own_folder(f"ilios-worker-{os.getuid()}-"))
        # Ray gives a process one core, and starts as many as there are.
        self._converter = InProcess(1, cores=1, turns=turns, folder=self._folder)
        self._buckets: dict[str, Bucket] = {}
        self._connecting = threading.Lock()
        self._fetched: dict[str, Path] = {}
        self._part: PartWriter | None = None

    def ready(self) -> None:
        """Answer once there is room for this worker, and it has started."""

    def look(self, items: Sequence[Item]) -> list[Seen | Unread | Item]:
        """Read documents, and return what they are. Those of a bucket are kept until `convert`.

        One of a bucket that has no version yet is returned with it, unread.
        """
        if not any(is_bucket(item.place) for item in items):
            return [self._looked(item) for item in items]
        with ThreadPoolExecutor(FETCHES_AT_ONCE) as fetchers:
            return list(fetchers.map(self._looked, items))

    def convert(self, batch: Sequence[Seen], dropped: Sequence[Seen], part: str) -> Converted:
        """Convert documents that were looked at, and write their results to a part.

        Those that are dropped are not needed any more. Raises StartupError when a disk is full.
        """
        for seen in dropped:
            self._drop(seen.item)
        outcomes = tuple(self._outcome(seen, part) for seen in batch)
        return Converted(outcomes, self._part.size_bytes if self._part else 0)

    def close_part(self) -> None:
        """Hand the part over to the target, if there is one. Raises StartupError."""
        part, self._part = self._part, None
        if part is not None:
            with refusals.told():
                part.close()
                self._target.hand_over(part.path, self._order.form)

    def close(self) -> None:
        """Release processes, connections and files."""
        if self._part is not None:
            self._part.leave()
        self._converter.close()
        for bucket in self._buckets.values():
            bucket.close()
        self._target.close()
        self._ends.close()

    def _looked(self, item: Item) -> Seen | Unread | Item:
        try:
            if is_bucket(item.place) and not item.version:
                return self._with_version(item)
            seen = self._seen(item, self._path(item))
        except ConversionError as error:
            return Unread(item, error.detail)
        except OSError as error:
            self._require_room(error)
            return Unread(item, f"{error.strerror or error}.")
        except Exception as error:  # noqa: BLE001  # the others go on
            return Unread(item, f"It cannot be read ({type(error).__name__}: {error}).")
        if seen.code is not None:
            self._drop(item)
        return seen

    def _seen(self, item: Item, path: Path) -> Seen:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
            size_bytes = file.tell()
            media_type, error = None, None
            file.seek(0)
            try:
                _require_size(size_bytes)
                media_type = media_types.sniff(file, item.name)
            except IliosError as refusal:
                error = refusal
        sha256 = digest.hexdigest()
        seen = Seen(item, _id(sha256, media_type), sha256, size_bytes, media_type)
        return replace(seen, code=error.code, detail=error.detail) if error else seen

    def _path(self, item: Item) -> Path:
        """Return where a document is, on this machine. Raises StorageUnavailable."""
        if not is_bucket(item.place):
            return Path(item.place)
        if item.place not in self._fetched:
            bucket, key = self._bucket(item)
            path = Path(self._folder, hashlib.sha256(item.place.encode()).hexdigest())
            bucket.fetch(key, path)
            self._fetched[item.place] = path
        return self._fetched[item.place]

    def _with_version(self, item: Item) -> Item:
        bucket, key = self._bucket(item)
        found = bucket.found(key)
        return replace(item, version=found.version, size_bytes=found.size_bytes)

    def _bucket(self, item: Item) -> tuple[Bucket, str]:
        """Return the bucket of a document, and its key there."""
        place = BucketPlace.parse(item.place)
        with self._connecting:
            if place.bucket not in self._buckets:
                self._buckets[place.bucket] = Bucket(place.bucket)
        return self._buckets[place.bucket], place.key

    def _drop(self, item: Item) -> None:
        path = self._fetched.pop(item.place, None)
        if path is not None:
            path.unlink(missing_ok=True)

    def _outcome(self, seen: Seen, part: str) -> Outcome:
        try:
            path = self._path(seen.item)
            return self._written(seen, path, part) if _still(seen, path) else _changed(seen)
        except StorageUnavailable as error:  # or a full disk
            self._require_room(error)
            return Unread(seen.item, error.detail, seen)
        except IliosError as error:
            return Failed(seen, error.code, error.detail)
        except OSError as error:
            self._require_room(error)
            return Unread(seen.item, f"{error.strerror or error}.", seen)
        except Exception as error:  # noqa: BLE001  # the others go on
            broken = f"The engine broke on it ({type(error).__name__}: {error})."
            return Unread(seen.item, broken, seen)
        finally:
            self._drop(seen.item)

    def _written(self, seen: Seen, path: Path, part: str) -> Written:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempted(seen, path, part)
            except StorageUnavailable:
                raise
            except ParserCrashed as error:
                if attempt >= MAX_CRASHES:
                    raise document_errors.poison(attempt, error) from error
            except ConversionError as error:
                if not error.retryable or attempt == ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _attempted(self, seen: Seen, path: Path, part: str) -> Written:
        document = Document(seen.item.shown, seen.item.name, path)
        begun = time.monotonic()
        with self._converter.converted(document, self._order.pages) as conversion:
            milliseconds = round((time.monotonic() - begun) * 1000)
            line = records.line_of(
                seen, conversion, milliseconds, with_blocks=self._order.with_blocks
            )
            with full_disk_as_such():
                self._writer(part).append(line)
            return Written(seen, len(conversion.pages))

    def _require_room(self, error: Exception) -> None:
        """Raise StartupError for a disk that is full without this document too."""
        if isinstance(error, DiskFull) or (isinstance(error, OSError) and is_full(error)):
            refusals.require_room(self._target.staged, self._folder)

    def _writer(self, part: str) -> PartWriter:
        if self._part is None:
            self._part = PartWriter(self._target.staged, part)
        return self._part


def _require_size(size_bytes: int) -> None:
    if size_bytes > FILE_MAX_BYTES:
        raise document_errors.too_large(
            f"The document has {size_bytes:,} bytes", f"{FILE_MAX_BYTES:,} bytes"
        )


def _still(seen: Seen, path: Path) -> bool:
    """Return whether a file has the size that was hashed, and the version that was listed."""
    found = path.stat()
    version = f"{found.st_size}-{found.st_mtime_ns}"
    listed = seen.item.version
    return found.st_size == seen.size_bytes and (
        is_bucket(seen.item.place) or not listed or version == listed
    )


def _changed(seen: Seen) -> Unread:
    return Unread(seen.item, "It was changed while it was read: the next run takes it.", seen)


def _id(sha256: str, media_type: str | None) -> str:
    """Return what the same bytes of the same type have in common, in the shape of our ids."""
    both = f"{sha256} {media_type or ''}".encode()
    return hashlib.blake2b(both, digest_size=ID_BYTES).hexdigest()
