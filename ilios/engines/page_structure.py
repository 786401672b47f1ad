"""What a page consists of beside its Markdown: blocks, tables, links and words.

A block is a range of the page's Markdown. The ranges of a page rise, do not overlap, and leave only
white space between them, so that the words of its blocks are those of its Markdown. Only what is
not in the Markdown has a text of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

POINTS_PER_INCH: Final = 72
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, from the top left corner, in the unit of the page's size."""
TableFormat = Literal["markdown", "html"]
BlockType = Literal[
    "text",
    "title",
    "list",
    "table",
    "image",
    "equation",
    "caption",
    "code",
    "references",
    "aside_text",
    "header",
    "footer",
    "signature",
]
BLOCK_TYPES: Final[tuple[BlockType, ...]] = get_args(BlockType)
"""Stored by their places here: new ones are appended."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a recognised block: a range of the page's Markdown, and where it was read."""

    start: int
    end: int
    box: Box
    confidence: float | None = None  #: 0 to 1


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a page, in reading order; `start` and `end` are characters of its Markdown.

    What is not in the Markdown, such as a header that was taken out, has a `text` of its own and
    stands at `start`, which is `end` then.
    """

    type: BlockType
    start: int
    end: int
    level: int | None = None  #: of a title, 1 to 6
    box: Box | None = None
    confidence: float | None = None  #: 0 to 1
    table_id: str | None = None  #: `Table.id`
    image_name: str | None = None  #: `ImageFile.name`
    text: str | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table: a range of the page's Markdown, or a `text` that is not in it."""

    id: str  #: unique in the document
    start: int
    end: int
    format: TableFormat
    box: Box | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a page; `text` is None where only the address is known."""

    text: str | None
    url: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was recognised."""

    text: str
    confidence: float | None  #: 0 to 1
    box: Box | None


def union(boxes: Sequence[Box]) -> Box:
    """Return the smallest box around boxes."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
