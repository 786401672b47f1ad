"""Archives of documents: what is in them takes their place among the files of a request.

An archive is unpacked before anything is stored, and its documents are inserted together with all
others, or none. A process that is killed meanwhile leaves files of uploads, which are removed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ilios.accounts.holdings import Holding, counted_bytes
from ilios.core import computing, data_folder, failpoints, file_names, ids
from ilios.core.archive_errors import ArchiveGiven, ArchiveRefused
from ilios.core.disk_space import DiskReserve
from ilios.core.request_errors import TooManyFiles, UnsupportedType
from ilios.core.settings import MIB, Settings
from ilios.documents.parser_places import ParserPlaces
from ilios.documents.submission import MAX_BATCH_FILES
from ilios.documents.uploads import Received, RefusedFile
from ilios.documents.validation import Submitted
from ilios.engines.detection import media_types
from ilios.engines.detection.archives import kind_of
from ilios.engines.embedded.limits import (
    ARCHIVE_MAX_BYTES,
    ARCHIVE_MAX_ENTRIES,
    ARCHIVE_PART_MAX_BYTES,
)
from ilios.engines.unpacking import Found, Unpacker

HoldingOf = Callable[[str], Holding]
Files = Sequence[Submitted | RefusedFile]


class Archives:
    """Unpacks archives for the threads of a web process; parser children start on need."""

    def __init__(
        self, settings: Settings, disk_reserve: DiskReserve, holding_of: HoldingOf
    ) -> None:
        self._scratch = data_folder.uploads(settings)
        self._disk_reserve = disk_reserve
        self._holding_of = holding_of
        self._places = ParserPlaces("Other archives have been unpacked")
        bounds = {
            "entries": ARCHIVE_MAX_ENTRIES,
            "documents": MAX_BATCH_FILES,
            "member_bytes": min(settings.max_file_size_bytes, ARCHIVE_PART_MAX_BYTES),
            "total_bytes": ARCHIVE_MAX_BYTES,
        }
        self._unpacker = Unpacker(settings.parser_memory_limit_bytes, bounds)

    @contextmanager
    def unpacked(self, files: Files, owner: str) -> Iterator[Files]:
        """Provide the files with the documents of archives in the place of these.

        An archive that is refused is a RefusedFile. Raises TooManyFiles, StorageQuotaExceeded,
        TooManyWaiting, DiskFull and Busy.
        """
        with ExitStack() as held:
            found: list[Submitted | RefusedFile] = []
            for file in files:
                if isinstance(file, Received) and is_archive(file):
                    found += self._documents_of(file, owner, held)
                else:
                    found.append(file)
            if len(found) > MAX_BATCH_FILES:
                raise TooManyFiles(
                    f"With what is in archives these are {len(found)} documents, and a batch has "
                    f"{MAX_BATCH_FILES} at most. Send several batches."
                )
            yield found

    def close(self) -> None:
        """End the parser children."""
        self._unpacker.close()

    def _documents_of(self, archive: Received, owner: str, held: ExitStack) -> Files:
        try:
            with computing.waiting(), self._places.held(owner):
                return self._unpack(archive, owner, held)
        except ArchiveRefused as reason:
            return [RefusedFile(archive.file_name, reason)]

    def _unpack(self, archive: Received, owner: str, held: ExitStack) -> Files:
        """Return the documents of an archive, as files that go with `held`."""
        found = self._unpacker.found(archive.path)
        names = _names(found)
        total_bytes = sum(one.size_bytes for one in found)
        if total_bytes > ARCHIVE_MAX_BYTES:
            raise ArchiveRefused("size", limit=f"{ARCHIVE_MAX_BYTES // MIB} MiB")
        holding = self._holding_of(owner)
        holding.require_room(sum(counted_bytes(one.size_bytes) for one in found), len(found))
        targets = [self._scratch / f"{os.getpid()}-{ids.new_id()}" for _ in found]
        for target in targets:
            held.callback(target.unlink, missing_ok=True)
        with self._disk_reserve.promised(total_bytes):
            self._unpacker.unpack(archive.path, targets)
        failpoints.reach(failpoints.ARCHIVE_UNPACKED)
        return [
            _received(target, name, one, archive.file_name)
            for target, name, one in zip(targets, names, found, strict=True)
        ]


def is_archive(file: Received) -> bool:
    """Return whether a file is an archive of documents, and no Office file or book."""
    with file.path.open("rb", buffering=0) as stream:
        if kind_of(stream) is None:
            return False
        try:
            media_types.sniff(stream, file.file_name)
        except ArchiveGiven:
            return True
        except UnsupportedType:
            return False
    return False


def _names(found: Sequence[Found]) -> list[str]:
    """Return what documents are called: their paths. Raises ArchiveRefused for two that are one."""
    names: list[str] = []
    for one in found:
        name = file_names.safe_path(one.name)
        if not name:
            raise ArchiveRefused("name", one.name)
        if name in names:
            raise ArchiveRefused("duplicate", name)
        names.append(name)
    return names


def _received(path: Path, name: str, found: Found, archive: str) -> Received | RefusedFile:
    """Return a document that was unpacked; a child is believed neither its size nor its bytes."""
    size_bytes = path.stat().st_size
    if size_bytes != found.size_bytes:
        raise ArchiveRefused("damaged", name)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    document = Received(path, name, size_bytes, digest, archive)
    if size_bytes and is_archive(document):
        return RefusedFile(archive, ArchiveRefused("nesting", name))
    return document
