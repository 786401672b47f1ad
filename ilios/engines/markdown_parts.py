"""Markdown that comes in pieces, block by block: what the forms of a result are written from.

The parts of a text make it up exactly. A block that is too long to be held becomes several: a table
is cut between its rows, a block of code between its lines, other text between its words.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ilios.engines import markdown_structure
from ilios.engines.page_structure import Block, BlockType

PART_MAX_CHARACTERS: Final = 16 * 1024
"""Of a part; but a row of a table, or a line of code, is a part however long it is, up to:"""
ROW_MAX_CHARACTERS: Final = 1024 * 1024
"""Of a row or line; a longer one is cut like a paragraph. A table in HTML is held up to here."""
OPENING_MAX_CHARACTERS: Final = PART_MAX_CHARACTERS
"""Of the head of a table that is told with the parts that continue it."""

_HTML_TABLE: Final = re.compile(r"<table(?=[\s/>])", re.IGNORECASE)
_HTML_TAG: Final = re.compile(r"<(/?)(table|thead|tr|th)(?=[\s/>])[^<>]*+>\s*+", re.IGNORECASE)
_FENCE: Final = re.compile(r" {0,3}(`{3,}+|~{3,}+)[^\n]*+\n")
_HEAD: Final = re.compile(r"[^\n]*+\n[^\n]*+(?:\n|\Z)")
_LINE_END: Final = re.compile(r"\n")
_CUTS: Final = re.compile(r"\n(?=\w)"), re.compile(r"\s(?=\w)")


@dataclass(frozen=True, slots=True)
class Frame:
    """How a table or a block of code is divided."""

    opening: str  #: what a part that continues it needs before it: the head, or the fence
    closing: str  #: what a part needs behind it that is continued
    ends: list[int]  #: of its head, its rows or lines, in its text


@dataclass(frozen=True, slots=True)
class Part:
    """A block of a text with the white space behind it, or a part of a long one."""

    type: BlockType
    start: int  #: in the text
    text: str
    level: int | None = None  #: of a title
    is_whole: bool = True  #: whether it is a whole block
    opening: str = ""  #: see `Frame`
    closing: str = ""
    goes_on: bool = False  #: whether the block goes on in the next part
    image_name: str | None = None  #: `ImageFile.name`, of a block that is an image


def parts(pieces: Iterable[str]) -> Iterator[Part]:
    """Yield the parts of a text."""
    reader = _Reader()
    for piece in pieces:
        yield from reader.more(piece)
    yield from reader.end()


def frame(kind: BlockType, text: str, opening: str = "") -> Frame | None:
    """Return how a block of this type is divided, which may have an opening before its text.

    None for one that is not a table or code.
    """
    whole = opening + text
    found: Frame | None
    if kind == "table" and _HTML_TABLE.match(whole):
        found = _html_frame(whole)
    elif kind == "table" and (head := _HEAD.match(whole)):
        found = Frame(head[0], "", _line_ends(whole, head.end()))
    elif kind == "code" and (fence := _FENCE.match(whole)):
        found = Frame(fence[0], f"\n{fence[1]}", _line_ends(whole, fence.end()))
        while found.ends and not whole[found.ends[-1] :].strip(f"{fence[1][0]} \t\n"):
            found.ends.pop()  # the fence that ends it stays with its last line
    elif kind == "code":
        found = Frame("", "", _line_ends(whole, 0))
    else:
        found = None
    if found is None:
        return None
    is_repeated = len(found.opening) <= OPENING_MAX_CHARACTERS
    ends = [end - len(opening) for end in found.ends if end > len(opening)]
    return Frame(found.opening.lstrip("\n") if is_repeated else "", found.closing, ends)


def _html_frame(whole: str) -> Frame | None:
    """Return where the rows of a table end; its head is its `<thead>`, or a first row of `<th>`.

    None when it has no rows.
    """
    depth = 0
    head = 0  #: where it ends
    ends: list[int] = []
    has_heads = False
    for tag in _HTML_TAG.finditer(whole):
        name, is_end = tag[2].lower(), bool(tag[1])
        if name == "table":
            depth += -1 if is_end else 1
            head = head or tag.end()
        elif depth != 1:
            continue
        elif name == "th" and not ends:
            has_heads = True
        elif is_end and name == "tr":
            head = tag.end() if has_heads and not ends else head
            ends.append(tag.end())
        elif is_end and name == "thead":
            head = tag.end()
    if not ends:
        return None
    # What follows the last row stays with it.
    return Frame(whole[:head], "</table>", [head, *(end for end in ends[:-1] if end > head)])


def _line_ends(whole: str, first: int) -> list[int]:
    further = (line.end() for line in _LINE_END.finditer(whole, first))
    return [first, *further] if first else list(further)


class _Reader:
    """Holds what may not be a whole block yet."""

    def __init__(self) -> None:
        self._held = ""
        self._place = 0  #: of that in the text
        self._opening = ""  #: that is needed before it
        self._is_continued = False  #: whether it begins in the middle of a block

    def more(self, piece: str) -> Iterator[Part]:
        """Yield what is sure now that a piece has come."""
        self._held += piece
        if len(self._held) > PART_MAX_CHARACTERS:
            yield from self._read(is_end=False)

    def end(self) -> Iterator[Part]:
        """Yield the rest."""
        if self._held:
            yield from self._read(is_end=True)

    def _read(self, *, is_end: bool) -> Iterator[Part]:
        # The line break keeps a rule from being read as front matter, which begins texts only.
        before = self._opening or ("\n" if self._place else "")
        text = before + self._held
        start = len(before)
        last: Block | None = None
        for block in markdown_structure.blocks(text):
            if last is not None:
                yield from self._divided(last, text[start : block.start], goes_on=False)
                start = block.start
            last = block
            if not is_end and _is_open_table(text, block):
                self._held = text[start:]
                return
        self._held = text[start:]
        if last is not None:
            yield from self._divided(last, self._held, goes_on=not is_end)
        else:
            yield self._part(Block("text", 0, 0), self._held)
            self._held = ""

    def _divided(self, block: Block, text: str, *, goes_on: bool) -> Iterator[Part]:
        """Yield the parts of a block; hold the last one if the block may go on."""
        found = frame(block.type, text, self._opening) if len(text) > PART_MAX_CHARACTERS else None
        begin = 0
        while len(text) - begin > PART_MAX_CHARACTERS:
            end = _cut(text, begin, found)
            if end is None:
                break
            yield self._part(block, text[begin:end], found.closing if found else "")
            self._is_continued = True
            self._opening = found.opening if found else ""
            begin = end
        self._held = text[begin:]
        if not goes_on:
            if self._held:
                yield self._part(block, self._held)
            self._opening, self._is_continued = "", False

    def _part(self, block: Block, text: str, closing: str | None = None) -> Part:
        """Return the next part; `closing` is that of one behind which the block goes on."""
        begun = self._place
        self._place += len(text)
        is_whole = closing is None and not self._is_continued
        return Part(
            block.type,
            begun,
            text,
            block.level,
            is_whole,
            self._opening,
            closing or "",
            goes_on=closing is not None,
            image_name=block.image_name,
        )


def _is_open_table(text: str, block: Block) -> bool:
    """Return whether a block begins a table in HTML that may end when more of it has come."""
    is_short = len(text) - block.start < ROW_MAX_CHARACTERS
    if not is_short or not _HTML_TABLE.match(text, block.start):
        return False
    marks = _HTML_TAG.finditer(text, block.start, block.end)
    depth = sum(-1 if tag[1] else 1 for tag in marks if tag[2].lower() == "table")
    return block.type != "table" or depth > 0


def _cut(text: str, begin: int, found: Frame | None) -> int | None:
    """Return where to cut what is longer than a part; None when it must not be cut."""
    limit = begin + PART_MAX_CHARACTERS
    if found is not None:
        place = bisect_right(found.ends, limit)
        if place and found.ends[place - 1] > begin:
            return found.ends[place - 1]
        end = found.ends[place] if place < len(found.ends) else len(text)
        if end - begin <= ROW_MAX_CHARACTERS:
            return end if end < len(text) else None
    middle = begin + PART_MAX_CHARACTERS // 2
    for expression in _CUTS:
        if ends := [sign.end() for sign in expression.finditer(text, middle, limit)]:
            return ends[-1]
    return limit
