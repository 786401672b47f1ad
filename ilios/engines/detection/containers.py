"""What ZIP and OLE containers hold, read within limits: they are untrusted."""

from __future__ import annotations

import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable
from typing import BinaryIO, Final, NamedTuple

ZIP_READ_MAX_BYTES: Final = 4 * 1024 * 1024  #: directory and declarations together
DECLARATION_MAX_BYTES: Final = 1024 * 1024  #: unpacked
OLE_DIRECTORY_MAX_SECTORS: Final = 256

_OOXML_MAIN_PART = re.compile(rb"ContentType\s*=\s*[\"']([^\"']{1,150}?)\.main(?:\+xml)?[\"']")
_ODF_ROOT = re.compile(rb"<[\w:.-]{1,60}\s[^<>]{0,400}?full-path\s*=\s*[\"']/[\"'][^<>]{0,400}>")
_ODF_MEDIA_TYPE = re.compile(
    rb"media-type\s*=\s*[\"'](application/vnd\.oasis\.opendocument\.[a-z-]{1,40})[\"']"
)

_OLE_HEADER_BYTES = 512
_OLE_ENTRY_BYTES = 128
_OLE_LAST_SECTOR = 0xFFFFFFFA
_OLE_DIFAT_ENTRIES = 109  #: in the header; reach the directory of any file up to 7 MB, or 436 MB


class DamagedContainer(Exception):
    """The container's own structure cannot be followed."""


class _OutsideFile(OSError):
    """An offset lies outside the file; zipfile expects an OSError where that is harmless."""


_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    RuntimeError,
    struct.error,
    _OutsideFile,
)


def zip_declaration(file: BinaryIO) -> str | None:
    """Return the media type that a ZIP declares: in `mimetype`, as main part, in a manifest.

    None when it declares nothing. Raises DamagedContainer when its directory cannot be read.
    """
    try:
        with zipfile.ZipFile(_BoundedReader(file, ZIP_READ_MAX_BYTES)) as archive:
            return _declaration(archive)
    except _DAMAGE as error:
        raise DamagedContainer from error


def zip_members(file: BinaryIO, wanted: Iterable[str]) -> dict[str, bytes]:
    """Return the beginnings of members of a ZIP by their names in small letters, if they are there.

    Raises DamagedContainer when one of them cannot be read.
    """
    try:
        with zipfile.ZipFile(_BoundedReader(file, ZIP_READ_MAX_BYTES)) as archive:
            entries = _entries(archive)
            return {name: _unpacked(archive, entries[name]) for name in wanted if name in entries}
    except _DAMAGE as error:
        raise DamagedContainer from error


def ole_streams(file: BinaryIO) -> frozenset[str]:
    """Return the names at the root of an OLE compound file, as far as they can be followed.

    Where none can, all names of its directory: those of embedded documents are among them.
    """
    header = _at(file, 0, _OLE_HEADER_BYTES)
    if len(header) < _OLE_HEADER_BYTES:
        return frozenset()
    shift, sector = struct.unpack_from("<H16xI", header, 30)
    if shift not in (9, 12):
        return frozenset()
    entries: list[_OleEntry] = []
    for _ in range(OLE_DIRECTORY_MAX_SECTORS):
        if sector > _OLE_LAST_SECTOR:
            break
        entries += _ole_entries(_at(file, (sector + 1) << shift, 1 << shift))
        sector = _ole_next(file, header, shift, sector)
    return frozenset(_ole_root(entries) or (entry.name for entry in entries))


class _OleEntry(NamedTuple):
    """An entry of a directory, with the places of its neighbours and of its first child."""

    name: str
    before: int
    behind: int
    child: int


def _ole_root(entries: list[_OleEntry]) -> list[str]:
    """Return the names of what the first entry, the root, holds."""
    waiting = [entries[0].child] if entries else []
    seen = {0}  #: a damaged tree may lead in circles
    names: list[str] = []
    while waiting:
        place = waiting.pop()
        if place < len(entries) and place not in seen:
            seen.add(place)
            names.append(entries[place].name)
            waiting += (entries[place].before, entries[place].behind)
    return names


class _BoundedReader:
    """A file for `zipfile` that reads `budget_bytes` in all at most, and never outside the file."""

    def __init__(self, file: BinaryIO, budget_bytes: int) -> None:
        self._file = file
        self._budget_bytes = budget_bytes
        self._size_bytes = file.seek(0, os.SEEK_END)

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._size_bytes}[whence]
        if not 0 <= start + offset <= self._size_bytes:
            raise _OutsideFile
        return self._file.seek(start + offset)

    def read(self, size: int = -1) -> bytes:
        left = self._size_bytes - self.tell()
        wanted = left if size < 0 else min(size, left)
        self._budget_bytes -= wanted
        if self._budget_bytes < 0:
            raise zipfile.BadZipFile("the directory is too large")
        return self._file.read(wanted)


def _declaration(archive: zipfile.ZipFile) -> str | None:
    entries = _entries(archive)
    if "mimetype" in entries:
        return _unpacked(archive, entries["mimetype"]).decode("ascii", "replace").strip()
    if "[content_types].xml" in entries:
        main = _OOXML_MAIN_PART.search(_unpacked(archive, entries["[content_types].xml"]))
        return main[1].decode("ascii", "replace") if main else None
    if "meta-inf/container.xml" in entries:  # an EPUB without its `mimetype`
        return "application/epub+zip"
    if "meta-inf/manifest.xml" in entries:  # an OpenDocument file without its `mimetype`
        root = _ODF_ROOT.search(_unpacked(archive, entries["meta-inf/manifest.xml"]))
        kind = _ODF_MEDIA_TYPE.search(root[0]) if root else None
        return kind[1].decode("ascii") if kind else None
    return None


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name, as far as writers do not differ in them: case and slashes."""
    return {i.filename.replace("\\", "/").lstrip("/").lower(): i for i in archive.infolist()}


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile("packed in a way that does not stop at a limit")
    with archive.open(info) as entry:
        return entry.read(DECLARATION_MAX_BYTES)


def _ole_entries(directory_sector: bytes) -> list[_OleEntry]:
    entries = []
    for start in range(0, len(directory_sector) - _OLE_ENTRY_BYTES + 1, _OLE_ENTRY_BYTES):
        (length,) = struct.unpack_from("<H", directory_sector, start + 64)
        raw = directory_sector[start : start + max(0, min(length, 64) - 2)]  # less the final NUL
        places = struct.unpack_from("<3I", directory_sector, start + 68)
        entries.append(_OleEntry(raw.decode("utf-16-le", "replace"), *places))
    return entries


def _ole_next(file: BinaryIO, header: bytes, shift: int, sector: int) -> int:
    """Return the next sector of the chain, from the file's allocation table."""
    table, entry = divmod(sector, 1 << (shift - 2))
    if table >= _OLE_DIFAT_ENTRIES:
        return _OLE_LAST_SECTOR + 1
    (table_sector,) = struct.unpack_from("<I", header, 76 + 4 * table)
    raw = _at(file, ((table_sector + 1) << shift) + 4 * entry, 4)
    return int.from_bytes(raw, "little") if len(raw) == 4 else _OLE_LAST_SECTOR + 1


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
