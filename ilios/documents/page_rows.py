"""The rows of pages as they are read: some at a time, and what continues long ones.

Who reads Markdown alone does not read what lies beside it.
"""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise, starmap
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.orm import InstrumentedAttribute

from ilios.db.models import PagePiece, PageRow, PageWords
from ilios.db.prepared import Prepared, Runner
from ilios.engines.page_text import PIECE_MAX_CHARACTERS

PAGES_PER_READ: Final = 50  #: bounds the length of a read transaction
READ_MAX_CHARACTERS: Final = 256 * 1024
"""Of the pages that are read at once, besides the last of them."""
PIECES_PER_READ: Final = READ_MAX_CHARACTERS // PIECE_MAX_CHARACTERS


Extent = Literal["text", "details", "blocks"]
"""What is read of pages: their Markdown; with details; with details and blocks."""


class PageColumns(NamedTuple):
    """What a result shows of a page: its Markdown, and the rest where it is asked for."""

    place: int  #: its index
    markdown: str  #: its first piece
    images: list[dict[str, Any]]
    width: float | None = None
    height: float | None = None
    dpi: int | None = None
    confidence: float | None = None
    details: str | None = None  #: see ilios.engines.page_details
    layout: str | None = None  #: the blocks that begin in its first piece

    @property
    def characters(self) -> int:
        return len(self.markdown) + len(self.details or "") + len(self.layout or "")


class PageOutline(NamedTuple):
    """What is known of a page beside what it says."""

    place: int  #: its index
    width: float | None
    height: float | None
    dpi: int | None
    confidence: float | None
    blocks: int  #: 1 if some were made of it, else 0

    @property
    def has_blocks(self) -> bool:
        """Whether blocks were made of it."""
        return bool(self.blocks)

    @property
    def number(self) -> int:
        """Its place in the original, from 1."""
        return self.place + 1


_DETAILS: Final = (
    PageRow.width,
    PageRow.height,
    PageRow.dpi,
    PageRow.confidence,
    PageRow.details,
)
_COLUMNS: Final[dict[Extent, tuple[InstrumentedAttribute[Any], ...]]] = {
    "text": (),
    "details": _DETAILS,
    "blocks": (*_DETAILS, PageRow.layout),
}
# Prepared once: see ilios.queue.jobs.
_PAGES: Final = {
    extent: Prepared(
        select(PageRow.index, PageRow.markdown, PageRow.images, *columns)
        .where(
            PageRow.document_id == bindparam("of_document"),
            PageRow.index.between(bindparam("first"), bindparam("last")),
        )
        .order_by(PageRow.index)
    )
    for extent, columns in _COLUMNS.items()
}


def _beyond(
    number: InstrumentedAttribute[int], *columns: InstrumentedAttribute[Any], at_most: int
) -> Prepared:
    """Return the statement for the next of the rows that continue a page."""
    row = number.class_
    return Prepared(
        select(*columns)
        .where(
            row.document_id == bindparam("of_document"),
            row.index == bindparam("of_index"),
            number > bindparam("after"),
        )
        .order_by(number)
        .limit(at_most)
    )


_OUTLINES = Prepared(
    select(
        PageRow.index,
        PageRow.width,
        PageRow.height,
        PageRow.dpi,
        PageRow.confidence,
        PageRow.layout.is_not(None),
    )
    .where(PageRow.document_id == bindparam("of_document"), PageRow.index >= bindparam("first"))
    .order_by(PageRow.index)
    .limit(bindparam("at_most"))
)
_PIECES = _beyond(PagePiece.number, PagePiece.markdown, at_most=PIECES_PER_READ)
_LAYOUTS = _beyond(PagePiece.number, PagePiece.layout, at_most=1)
_WORDS = _beyond(PageWords.number, PageWords.words, at_most=1)


def pages(on: Runner, document_id: str, indexes: list[int], extent: Extent) -> list[PageColumns]:
    """Return the first of these pages, whose indexes rise: as many as are read at once.

    They follow one another: what comes after a gap is read the next time.
    """
    after = next((i for i, (a, b) in enumerate(pairwise(indexes), 1) if b > a + 1), len(indexes))
    last = indexes[min(after, PAGES_PER_READ) - 1]
    rows = []
    characters = 0
    found = _PAGES[extent].each(on, of_document=document_id, first=indexes[0], last=last)
    with closing(found):  # one by one: the driver holds no more of them
        for row in starmap(PageColumns, found):
            rows.append(row)
            characters += row.characters
            if characters >= READ_MAX_CHARACTERS:
                break
    return rows


def outlines(on: Runner, document_id: str, first: int, at_most: int) -> list[PageOutline]:
    """Return so many pages of a document, from an index on."""
    found = _OUTLINES.all(on, of_document=document_id, first=first, at_most=at_most)
    return [PageOutline(*row) for row in found]


def pieces(on: Runner, document_id: str, index: int, *, after: int) -> list[str]:
    """Return what a page has beyond this many pieces: as much as is read at once."""
    found = _PIECES.all(on, of_document=document_id, of_index=index, after=after)
    return [text for (text,) in found]


def layout(on: Runner, document_id: str, index: int, *, after: int) -> str | None:
    """Return the blocks of the piece that comes after this many; None when there is none."""
    return _text(_LAYOUTS.first(on, of_document=document_id, of_index=index, after=after))


def words(on: Runner, document_id: str, index: int, *, after: int) -> str | None:
    """Return the words of a page that come after the text with this number, from 0."""
    return _text(_WORDS.first(on, of_document=document_id, of_index=index, after=after))


def _text(row: tuple[Any, ...] | None) -> str | None:
    return None if row is None else row[0]
