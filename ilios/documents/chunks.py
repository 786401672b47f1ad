"""Cut a result into chunks for retrieval: at its structure first, and never inside a row.

A title begins a chunk, and each chunk has the path of titles that it stands under. Blocks are added
while they fit. One that does not is cut: a table between its rows, whose head is repeated, code
between its lines, within fences of its own, other text between sentences or words. What the chunks
have of their own makes up the text exactly, with the white space that had no room.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from semantic_text_splitter import MarkdownSplitter

from ilios.engines import markdown_parts, markdown_structure
from ilios.engines.markdown_parts import Frame, Part
from ilios.engines.page_structure import Box

SIZE_MIN: Final = 100  #: characters
SIZE_MAX: Final = 100_000
SIZE: Final = 1_500  #: unless a client asks for another
HEADING_MAX_CHARACTERS: Final = 200  #: in a path, which each chunk below it repeats
_ROOM_SHARE: Final = 4
"""What is left of a chunk is filled with a part of a text when it is at least one of so many."""
_SIGHT: Final = 2  #: how many times as much text the splitter sees as it returns

_SENTENCE: Final = re.compile(r"[.!?…][\"'”’»)\]]*\s+(?=\S)|[。！？]\s*(?=\S)")
_WORD: Final = re.compile(r"\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a result, and where it stands."""

    part: Part
    page: int  #: its number
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk; `text[start:end]` is its own, what stands before and behind it is repeated."""

    text: str
    start: int
    end: int
    headings: tuple[str, ...]
    pages: tuple[int, ...]
    box: Box | None
    space_before: str = ""  #: that is not in its text
    space_behind: str = ""


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is not cut any more: a block, a row, a line, some sentences."""

    text: str
    section: Section
    opening: str = ""  #: see `markdown_parts.Frame`
    closing: str = ""


@dataclass(slots=True)
class _Open:
    """The chunk that is being filled."""

    space_before: str
    before: str
    headings: tuple[str, ...] = ()
    texts: list[str] = field(default_factory=list)
    characters: int = 0  #: of its texts
    text_begins: int = 0  #: behind the last title, table or code
    closing: str = ""
    space_behind: str = ""
    sections: list[Section] = field(default_factory=list)

    @property
    def has_titles_only(self) -> bool:
        return all(section.part.type == "title" for section in self.sections)


def chunks(sections: Iterable[Section], size: int = SIZE, overlap: int = 0) -> Iterator[Chunk]:
    """Yield the chunks of a result, of at most `size` characters: only one long row has more.

    A chunk that goes on with a text begins with sentences, or words, of the chunk before: as many
    as `overlap` characters hold. Nothing is taken from a table, from code, or across a title.
    """
    packer = _Packer(size, overlap)
    for section in sections:
        yield from packer.added(section)
    yield from packer.closed()


class _Packer:
    def __init__(self, size: int, overlap: int) -> None:
        self._size = size
        self._overlap = overlap
        self._open: _Open | None = None
        self._path: list[tuple[int, str]] = []  #: levels and titles
        self._space = ""  #: before the chunk that comes next
        self._tail = ""  #: what that may repeat of the chunk before

    def added(self, section: Section) -> Iterator[Chunk]:
        """Add a part of the result; yield the chunks that are full."""
        part = section.part
        if part.type == "title" and part.is_whole:
            yield from self._begin_title(part)
        shown = len(part.text.rstrip())
        if part.is_whole and self._room() < shown <= self._size and not self._has_titles_only():
            yield from self.closed()
        if shown <= self._room() and (part.is_whole or not part.opening):
            yield from self._put(_Piece(part.text, section, closing=part.closing))
        elif found := self._frame(part):
            for piece in self._rows(section, found):
                yield from self._put(piece)
        else:
            yield from self._put_text(part.text, section)

    def closed(self) -> Iterator[Chunk]:
        """Yield the open chunk, if there is one."""
        filled, self._open = self._open, None
        if filled is None:
            return
        own = "".join(filled.texts)
        closing = filled.closing.lstrip("\n") if own.endswith("\n") else filled.closing
        self._tail = own[filled.text_begins :] + filled.space_behind
        pages = tuple(dict.fromkeys(section.page for section in filled.sections))
        yield Chunk(
            filled.before + own + closing,
            len(filled.before),
            len(filled.before) + len(own),
            filled.headings,
            pages,
            union([section.box for section in filled.sections]) if len(pages) == 1 else None,
            filled.space_before,
            filled.space_behind,
        )

    def _begin_title(self, part: Part) -> Iterator[Chunk]:
        level = part.level or 1
        above = [entry for entry in self._path if entry[0] < level]
        if not (self._has_titles_only() and above == self._path):  # directly below another one
            yield from self.closed()
            self._tail = ""
        title = " ".join(markdown_structure.bare(part.text).split())
        if len(title) > HEADING_MAX_CHARACTERS:
            title = title[: HEADING_MAX_CHARACTERS - 1] + "…"
        self._path = [*above, (level, title)]

    def _has_titles_only(self) -> bool:
        return self._open is not None and self._open.has_titles_only

    def _room(self) -> int:
        """Return how many characters may be added, to a new chunk if none is open."""
        if self._open is None:
            return self._size
        if self._open.space_behind:
            return 0
        return self._size - len(self._open.before) - self._open.characters

    def _frame(self, part: Part) -> Frame | None:
        """Return how a part is divided; fences that leave little room are not repeated."""
        found = markdown_parts.frame(part.type, part.text, part.opening)
        if found and part.type == "code" and len(found.opening) * _ROOM_SHARE > self._size:
            return Frame("", "", found.ends)
        return found

    def _rows(self, section: Section, found: Frame) -> Iterator[_Piece]:
        """Yield the rows or lines of a part; the first one has the head before it if it fits."""
        part = section.part
        bounds = [0, *found.ends, len(part.text)]
        fits = len(bounds) > 2 and len(part.text[: bounds[2]].rstrip()) <= self._size
        if found.opening and not part.opening and fits:
            del bounds[1]
        for start, end in pairwise(dict.fromkeys(bounds)):
            opening = found.opening if start or part.opening else ""
            closing = found.closing if end < len(part.text) else part.closing
            row = part.text[start:end]
            begun, shown = 0, len(row.rstrip())
            most = self._size - len(found.opening) - len(found.closing)
            while part.type == "code" and shown - begun > most:
                piece = _first(row, most, begun)
                yield _Piece(piece, section, opening, found.closing)
                opening, begun = found.opening, begun + len(piece)
            yield _Piece(row[begun:], section, opening, closing)

    def _put_text(self, text: str, section: Section) -> Iterator[Chunk]:
        """Add a text, cut where chunks are full."""
        begun, shown = 0, len(text.rstrip())
        while begun < shown:
            if shown - begun > self._room() < self._size // _ROOM_SHARE:
                yield from self.closed()
            most = self._room() - (0 if self._open else len(self._repeated(self._overlap)))
            piece = text[begun:] if shown - begun <= most else _first(text, most, begun)
            yield from self._put(_Piece(piece, section))
            begun += len(piece)
            if begun < shown:
                yield from self.closed()
        self._put_space(text[begun:])

    def _put(self, piece: _Piece) -> Iterator[Chunk]:
        """Add a piece, to a new chunk if the open one has no room for it."""
        text = piece.text.rstrip()
        needed = len(text) + len(piece.closing)
        closing = "" if len(text) <= self._size < needed else piece.closing
        if text and self._open and len(text) + len(closing) > self._room():
            yield from self.closed()
        if text and self._open is None:
            self._open = _Open(self._space, self._before(piece, len(text) + len(closing)))
            self._space = ""
        if text and self._open:
            filled = self._open
            filled.texts.append(text)
            filled.characters += len(text)
            filled.closing = closing
            filled.headings = tuple(title for _, title in self._path if title)
            filled.sections.append(piece.section)
        self._put_space(piece.text[len(text) :])
        if text and self._open and piece.section.part.type in ("title", "table", "code"):
            self._open.text_begins = self._open.characters

    def _put_space(self, space: str) -> None:
        """Add white space as far as the open chunk has room for it."""
        if self._open is None:
            self._space += space
            return
        fits = space[: max(0, self._room() - len(self._open.closing))]
        self._open.texts.append(fits)
        self._open.characters += len(fits)
        self._open.space_behind += space[len(fits) :]

    def _before(self, piece: _Piece, needed: int) -> str:
        """Return what a chunk that begins with a piece repeats: a head, a fence, or an overlap."""
        if not piece.opening:
            return self._repeated(min(self._overlap, self._size - needed))
        is_long = needed > self._size >= len(piece.opening)
        return piece.opening if is_long or len(piece.opening) + needed <= self._size else ""

    def _repeated(self, most: int) -> str:
        """Return the end of the chunk before, from a sentence or word on."""
        if most <= 0 or not self._tail.strip():
            return ""
        if len(self._tail) <= most:
            return self._tail
        tail = self._tail[-most - 1 :]  # with what stands before it
        begun = _SENTENCE.search(tail) or _WORD.search(tail)
        return tail[begun.end() :] if begun else tail[1:]


def _first(text: str, most: int, begun: int) -> str:
    """Return what comes next of a longer text: the sentences or words that `most` characters hold.

    It is not copied to its end, which would take time with the square of its length.
    """
    seen = text[begun : begun + most * _SIGHT]
    return MarkdownSplitter(most, trim=False).chunks(seen)[0]


def union(boxes: Sequence[Box | None]) -> Box | None:
    """Return the box around boxes; None without any, or when one is not known."""
    known = [box for box in boxes if box is not None]
    if not known or len(known) < len(boxes):
        return None
    left, top, right, bottom = zip(*known, strict=True)
    return min(left), min(top), max(right), max(bottom)
