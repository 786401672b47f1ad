"""ZIP files that are written while they are sent: no member is held, nor kept on the disk."""

from __future__ import annotations

import zipfile
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

WRITTEN_AT_ONCE: Final = 16 * 1024  #: bytes, about
_FIRST_YEAR: Final = 1980  #: of the dates that the format knows
_PERMISSIONS: Final = 0o644 << 16


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive; what is compressed already is stored as it is."""

    name: str  #: a relative path
    modified: datetime
    pieces: Iterable[bytes]
    is_compressed: bool = False


def zipped(members: Iterable[Member]) -> Generator[bytes]:
    """Yield an archive. A member is read when its turn comes, before the next one is asked for."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:  # type: ignore[call-overload]  # needs no more
        for member in members:
            # Its size is not known before: it follows the bytes, in as many as it may take.
            with archive.open(_head(member), "w", force_zip64=True) as file:
                for piece in member.pieces:
                    file.write(piece)
                    if sink.size >= WRITTEN_AT_ONCE:
                        yield sink.taken()
    yield sink.taken()


class _Sink:
    """A file that cannot be sought in, of which what is written is taken out again."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: it is all in memory."""

    def taken(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces, self.size = [], 0
        return taken


def _head(member: Member) -> zipfile.ZipInfo:
    date = member.modified.timetuple()[:6]
    head = zipfile.ZipInfo(member.name, max(date, (_FIRST_YEAR, 1, 1, 0, 0, 0)))
    head.compress_type = zipfile.ZIP_STORED if member.is_compressed else zipfile.ZIP_DEFLATED
    head.external_attr = _PERMISSIONS
    return head
