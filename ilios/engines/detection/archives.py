"""Tells archives by their first bytes."""

from __future__ import annotations

from enum import StrEnum
from typing import BinaryIO, Final

HEAD_BYTES: Final = 512
EXTENSIONS: Final = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz")
"""How archives are called, for those who choose files; the bytes decide."""
_TAR_MAGIC_AT: Final = 257


class ArchiveKind(StrEnum):
    """A kind of archive, as people call it."""

    ZIP = "ZIP"
    TAR = "TAR"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"


_SIGNATURES: Final = (
    (0, b"PK\x03\x04", ArchiveKind.ZIP),
    (0, b"PK\x05\x06", ArchiveKind.ZIP),
    (0, b"PK\x07\x08", ArchiveKind.ZIP),
    (0, b"\x1f\x8b\x08", ArchiveKind.GZIP),
    (4, b"1AY&SY", ArchiveKind.BZIP2),
    (0, b"\xfd7zXZ\x00", ArchiveKind.XZ),
    (_TAR_MAGIC_AT, b"ustar\0", ArchiveKind.TAR),
    (_TAR_MAGIC_AT, b"ustar ", ArchiveKind.TAR),
)


def kind_of(file: BinaryIO) -> ArchiveKind | None:
    """Return what kind of archive a file begins as; None for none. Moves the file's position."""
    file.seek(0)
    return kind_of_head(file.read(HEAD_BYTES))


def kind_of_head(head: bytes) -> ArchiveKind | None:
    """Return what kind of archive begins with these bytes; an Office file begins as a ZIP too."""
    for offset, signature, kind in _SIGNATURES:
        if head.startswith(signature, offset):
            return kind
    return None
