"""The Markdown of a page in pieces: a long one is never held whole outside of the parser child."""

from __future__ import annotations

import os
import tempfile
import weakref
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ilios.engines import machine_errors

PAGE_BREAK: Final = "\n\n---\n\n"  #: between the pages of a result
TEXT_PAGE_BREAK: Final = "\n\n"  #: the same where they are shown without markup
PIECE_MAX_CHARACTERS: Final = 64 * 1024
"""Of a text that is sent, stored or read at once; 256 KiB in UTF-8 at most."""
_BLOCK_BYTES: Final = 64 * 1024
_Decoder = getincrementaldecoder("utf-8")


def cut(text: str) -> Iterator[str]:
    """Yield a text in pieces; an empty one is one piece."""
    yield text[:PIECE_MAX_CHARACTERS]
    for start in range(PIECE_MAX_CHARACTERS, len(text), PIECE_MAX_CHARACTERS):
        yield text[start : start + PIECE_MAX_CHARACTERS]


class _File:
    """A file without a name; it ends with the last that refers to it."""

    def __init__(self, folder: Path) -> None:
        self.descriptor, name = tempfile.mkstemp(dir=folder)
        weakref.finalize(self, os.close, self.descriptor)
        Path(name).unlink()


class TextSpool:
    """A file for the texts of one document; it has no name, and ends with the last of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: _File | None = None
        self.size_bytes = 0

    def append(self, piece: str) -> None:
        """Write a piece behind the last one. Raises DiskFull, and OSError for other faults."""
        with machine_errors.full_disk_as_such():
            if self._file is None:  # most documents need none
                self._file = _File(self._folder)
            content = memoryview(piece.encode())
            while content:
                written = os.write(self._file.descriptor, content)
                self.size_bytes += written
                content = content[written:]

    def text_from(self, start: int, characters: int) -> SpooledText:
        """Return what was written since the file had `start` bytes."""
        assert self._file is not None  # noqa: S101  # narrows the type
        return SpooledText(self._file, start, self.size_bytes - start, characters)

    def appended(self, texts: Iterable[str]) -> SpooledTexts:
        """Write several texts, and return them. Raises as `append` does."""
        written = []
        for text in texts:
            start = self.size_bytes
            self.append(text)
            written.append(self.text_from(start, len(text)))
        return SpooledTexts(tuple(written))


@dataclass(frozen=True, slots=True)
class SpooledTexts:
    """Texts in the file of a TextSpool, which are read anew each time."""

    items: tuple[SpooledText, ...]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[str]:
        for item in self.items:
            yield "".join(item.pieces())


@dataclass(frozen=True, slots=True)
class SpooledText:
    """A text in the file of a TextSpool. Any thread may read it, and several at once."""

    file: _File
    start: int  #: byte
    size_bytes: int
    characters: int

    def pieces(self) -> Iterator[str]:
        """Yield the text in pieces of PIECE_MAX_CHARACTERS; the last one may be shorter."""
        held: list[str] = []
        count = 0
        for text in self._decoded():
            room = PIECE_MAX_CHARACTERS - count
            held.append(text[:room])
            count += len(text)
            if count >= PIECE_MAX_CHARACTERS:
                yield "".join(held)
                held, count = [text[room:]], len(text) - room
        if count or not self.size_bytes:
            yield "".join(held)

    def _decoded(self) -> Iterator[str]:
        """Yield the text block by block; a block has at most as many characters as a piece."""
        decoder = _Decoder()
        place, end = self.start, self.start + self.size_bytes
        while place < end:
            block = os.pread(self.file.descriptor, min(_BLOCK_BYTES, end - place), place)
            if not block:
                raise EOFError("The file of a text has become shorter.")
            place += len(block)
            yield decoder.decode(block)
