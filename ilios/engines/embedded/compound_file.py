"""OLE compound files, in which older programs of Microsoft keep streams and storages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import olefile


class CompoundFile(olefile.OleFileIO):  # type: ignore[misc]
    """A compound file whose streams are opened by their entries. Raises OSError if it is none."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))

    def _check_duplicate_stream(self, first_sect: int, minifat: bool = False) -> None:
        """Check nothing: it takes the square of their number, and we read each stream once."""

    def content(self, entry: Any, most_bytes: int) -> bytes:
        """Return a stream, or nothing if it is larger; by its name it would be sought anew."""
        if entry.size > most_bytes:
            return b""
        stream: bytes = self._open(entry.isectStart, entry.size).read()
        return stream


def entries_of(storage: Any) -> dict[str, Any]:
    """Return what a storage holds by names in small letters."""
    return {entry.name.lower(): entry for entry in storage.kids}
