"""The members of a ZIP, in a parser child only."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from ilios.engines.archive_rules import (
    DAMAGE,
    Bounds,
    Member,
    RefusedMember,
    checked_name,
    exactly,
    is_document,
    require_ratio,
)

_LOCAL_HEADER_BYTES: Final = 30  #: of an entry, without its name
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000  #: flags of an entry: itself, strongly, the directory
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Those that stop at a limit: of others a few bytes may become megabytes at once."""


def of_zip(path: Path, bounds: Bounds) -> Generator[Member]:
    """Yield the documents of a ZIP; what its directory says is looked at before the first."""
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if len(infos) > bounds.entries:
            raise RefusedMember("entries")
        named = [(checked_name(_name(info)), info) for info in infos]
        _require_apart(infos, archive.start_dir)
        for name, info in named:
            _require_plain(name, info)
        files = [(name, info) for name, info in named if not _is_folder(info)]
        unpacked = sum(info.file_size for _, info in files)
        require_ratio(unpacked, path.stat().st_size)
        for name, info in files:
            if is_document(name):
                yield Member(name, info.file_size, partial(_unzipped, archive, info, name))


def _name(info: zipfile.ZipInfo) -> str:
    """Return a name as it was meant: many programs write UTF-8 without saying so."""
    raw = info.orig_filename  # which is not cut at a NUL
    if info.flag_bits & 0x800 or raw.isascii():
        return raw
    try:
        return raw.encode("cp437").decode()
    except UnicodeError:
        return raw


def _require_apart(infos: list[zipfile.ZipInfo], end: int) -> None:
    """Raise RefusedMember for entries that share bytes: few of them unpack to any size."""
    placed = sorted(infos, key=lambda info: info.header_offset)
    starts = [*(info.header_offset for info in placed[1:]), end]
    for info, next_start in zip(placed, starts, strict=False):
        if info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size > next_start:
            raise RefusedMember("overlap", _name(info))


def _require_plain(name: str, info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise RefusedMember("link", name)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise RefusedMember("device", name)
    if info.flag_bits & _ENCRYPTED:
        raise RefusedMember("encrypted", name)
    if info.compress_type not in _METHODS:
        raise RefusedMember("method", name)


def _is_folder(info: zipfile.ZipInfo) -> bool:
    is_marked = stat.S_IFMT(info.external_attr >> 16) == stat.S_IFDIR
    return is_marked or info.filename.endswith(("/", "\\"))


def _unzipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Iterator[bytes]:
    """Yield what is in a member, which is as long as it says, and has the checksum that it says."""
    try:
        with archive.open(info) as file:
            yield from exactly(file, info.file_size, name)
    except DAMAGE as error:
        raise RefusedMember("damaged", name) from error
