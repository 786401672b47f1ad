"""What holds for the members of archives of documents, whatever their format."""

from __future__ import annotations

import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Final

from ilios.engines.archive_limits import NAME_MAX_BYTES, RATIO_FREE_BYTES, RATIO_MAX

BLOCK_BYTES: Final = 64 * 1024
DAMAGE: Final = (
    *(zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, struct.error),
    *(EOFError, OSError, ValueError, RuntimeError, OverflowError, KeyError, IndexError),
)
"""What the libraries raise for archives that are none."""
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_UNREADABLE: Final = re.compile("[\0\ud800-\udfff]")
_OF_SYSTEMS: Final = (".ds_store", "thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much an archive may hold."""

    entries: int
    documents: int
    member_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Member:
    """A document in an archive; its blocks can be read until the next member is asked for."""

    name: str
    size_bytes: int
    blocks: Callable[[], Iterator[bytes]]


class RefusedMember(Exception):
    """A rule of ilios.core.archive_errors that an archive, or a member of it, goes against."""

    def __init__(self, rule: str, name: str = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.name = name


def is_document(name: str) -> bool:
    """Return whether a member is a document, and not what a system leaves in archives."""
    *folders, last = name.split("/")
    is_left = last.startswith("._") or last.lower() in _OF_SYSTEMS
    return not is_left and "__MACOSX" not in folders


def checked_name(raw: str) -> str:
    """Return the path of a member. Raises RefusedMember."""
    if _UNREADABLE.search(raw) or len(raw.encode(errors="replace")) > NAME_MAX_BYTES:
        raise RefusedMember("name", raw)
    slashed = raw.replace("\\", "/")
    parts = [part for part in slashed.split("/") if part not in ("", ".")]
    if slashed.startswith("/") or _DRIVE.match(slashed) or ".." in parts:
        raise RefusedMember("path", raw)
    if not parts:
        raise RefusedMember("name", raw)
    return "/".join(parts)


def exactly(file: IO[bytes], size_bytes: int, name: str) -> Iterator[bytes]:
    """Yield as many bytes as a member says that it has. Raises RefusedMember for fewer."""
    left = size_bytes
    while block := file.read(BLOCK_BYTES):
        left -= len(block)
        yield block
    if left:
        raise RefusedMember("damaged", name)


def require_ratio(unpacked_bytes: int, packed_bytes: int) -> None:
    if unpacked_bytes > RATIO_FREE_BYTES + RATIO_MAX * packed_bytes:
        raise RefusedMember("ratio")
