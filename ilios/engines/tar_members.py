"""The members of a TAR, plain or compressed, in a parser child only."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

from ilios.engines.archive_limits import HEADER_MAX_BYTES, RATIO_FREE_BYTES
from ilios.engines.archive_rules import (
    BLOCK_BYTES,
    DAMAGE,
    Bounds,
    Member,
    RefusedMember,
    checked_name,
    exactly,
    is_document,
    require_ratio,
)
from ilios.engines.detection.archives import ArchiveKind, kind_of_head

_DATA_FILTER: Final = getattr(tarfile, "data_filter", None)
"""Refuses what is no data, beside our own rules. Python has it from 3.11.4 on, and nothing is
extracted here without it either."""


def of_tar(path: Path, kind: ArchiveKind, bounds: Bounds) -> Generator[Member]:
    """Yield the documents of a TAR, in one reading of it from its beginning to its end."""
    most_bytes = bounds.total_bytes + RATIO_FREE_BYTES + bounds.entries * tarfile.BLOCKSIZE
    with ExitStack() as opened:
        stream = _Forward(
            opened.enter_context(_decompressed(path, kind)), path.stat().st_size, most_bytes
        )
        stream.require_tar(kind)
        tar = opened.enter_context(tarfile.open(fileobj=stream, mode="r:"))  # type: ignore[call-overload]  # it reads, seeks and tells
        for number, info in enumerate(iter(tar.next, None), 1):
            tar.members = []  # which it keeps for names that nobody asks for
            if number > bounds.entries:
                raise RefusedMember("entries")
            name = checked_name(info.name) if info.name not in ("", ".", "./") else ""
            if info.isdir():
                continue
            _require_file(name, info, path.parent)
            if is_document(name):
                yield Member(name, info.size, partial(_untarred, tar, info, name))
        stream.require_end()


def _require_file(name: str, info: tarfile.TarInfo, folder: Path) -> None:
    if info.issym() or info.islnk():
        raise RefusedMember("link", name)
    if info.issparse():
        raise RefusedMember("sparse", name)
    if not info.isreg():
        raise RefusedMember("device", name)
    if info.size < 0 or not name:
        raise RefusedMember("damaged", name)
    if _DATA_FILTER is None:
        return
    try:
        _DATA_FILTER(info, str(folder))
    except tarfile.TarError as error:
        raise RefusedMember("path", name) from error


def _untarred(tar: tarfile.TarFile, info: tarfile.TarInfo, name: str) -> Iterator[bytes]:
    file = tar.extractfile(info)
    if file is None:
        raise RefusedMember("damaged", name)
    try:
        with file:
            yield from exactly(file, info.size, name)
    except DAMAGE as error:
        raise RefusedMember("damaged", name) from error


def _decompressed(path: Path, kind: ArchiveKind) -> Any:
    """Open the TAR in a file; all of these unpack no more at once than is read."""
    match kind:
        case ArchiveKind.GZIP:
            return gzip.open(path)
        case ArchiveKind.BZIP2:
            return bz2.open(path)
        case ArchiveKind.XZ:
            return lzma.open(path)
    return path.open("rb")


class _Forward:
    """A TAR that is read from its beginning to its end, within bounds; for `tarfile`."""

    def __init__(self, stream: Any, packed_bytes: int, most_bytes: int) -> None:
        self._stream = stream
        self._packed_bytes = packed_bytes
        self._most_bytes = most_bytes
        self._at = 0
        self._first = b""  #: block, which was looked at before
        self._last = b""  #: what was read last: the end of a TAR are empty blocks

    def require_tar(self, kind: ArchiveKind) -> None:
        """Raise RefusedMember if there is no TAR in what is compressed."""
        self._first = self._stream.read(tarfile.BLOCKSIZE)
        if kind is not ArchiveKind.TAR and kind_of_head(self._first) is not ArchiveKind.TAR:
            raise RefusedMember("tar")

    def require_end(self) -> None:
        """Raise RefusedMember if the TAR has no end; read what is behind it: a checksum may be."""
        if self._last != bytes(tarfile.BLOCKSIZE):
            raise RefusedMember("damaged")
        while self.read(BLOCK_BYTES):
            pass

    def tell(self) -> int:
        return self._at

    def seek(self, position: int) -> int:
        """Go forward. Raises ValueError otherwise."""
        if position < self._at:
            raise ValueError("a TAR is read once")
        while self._at < position:
            if not self.read(min(BLOCK_BYTES, position - self._at)):
                raise EOFError
        return self._at

    def read(self, size: int) -> bytes:
        """Return so many bytes, or as many as there are. Raises RefusedMember beyond bounds."""
        if size > HEADER_MAX_BYTES:
            raise RefusedMember("headers")
        found, self._first = self._first[:size], self._first[size:]
        if len(found) < size:
            found += self._stream.read(size - len(found))
        self._at += len(found)
        if self._at > self._most_bytes:
            raise RefusedMember("size")
        require_ratio(self._at, self._packed_bytes)
        self._last = found
        return found
