"""The pages of a result as they are sent: some at a time, long ones piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from ilios.db.database import Database
from ilios.db.models import PagePiece, PageRow
from ilios.engines.page_text import PIECE_MAX_CHARACTERS

PAGES_PER_READ: Final = 50  #: bounds the length of a read transaction
READ_MAX_CHARACTERS: Final = 256 * 1024
"""Of the pages that are read at once, besides the last of them."""
PIECES_PER_READ: Final = READ_MAX_CHARACTERS // PIECE_MAX_CHARACTERS

_PageColumns = Row[tuple[int, str, list[dict[str, Any]]]]

_PAGES = (
    select(PageRow.index.label("place"), PageRow.markdown, PageRow.images)
    .where(
        PageRow.document_id == bindparam("of_document"),
        PageRow.index.in_(bindparam("wanted", expanding=True)),
    )
    .order_by(PageRow.index)
)
_PIECES = (
    select(PagePiece.markdown)
    .where(
        PagePiece.document_id == bindparam("of_document"),
        PagePiece.index == bindparam("of_index"),
        PagePiece.number > bindparam("after"),
    )
    .order_by(PagePiece.number)
    .limit(PIECES_PER_READ)
)


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page of a result; iterate `pieces`, its Markdown, before the next page is taken."""

    image_names: frozenset[str]
    pieces: Iterator[str]


def of_document(database: Database, document_id: str, wanted: list[int]) -> Iterator[ResultPage]:
    """Yield the pages with these indexes, which rise, as far as they are still there.

    No transaction stays open while what was read is sent.
    """
    place = 0
    while place < len(wanted):
        some = wanted[place : place + PAGES_PER_READ]
        with database.reading() as session:
            rows = read_pages(session, document_id, some)
        for row in rows:
            names = frozenset(image["name"] for image in row.images)
            yield ResultPage(names, _pieces(database, document_id, row))
        # Pages may be missing when the document was deleted meanwhile.
        place += some.index(rows[-1].place) + 1 if rows else len(some)


def read_pages(session: Session, document_id: str, indexes: list[int]) -> list[_PageColumns]:
    """Return the first of these pages: as many as are read at once."""
    found = session.connection().execute(_PAGES, {"of_document": document_id, "wanted": indexes})
    rows = []
    characters = 0
    for row in found:  # one by one: the driver holds no more of them
        rows.append(row)
        characters += len(row.markdown)
        if characters >= READ_MAX_CHARACTERS:
            break
    found.close()
    return rows


def read_pieces(session: Session, document_id: str, index: int, *, after: int) -> list[str]:
    """Return what a page has beyond this many pieces: as much as is read at once."""
    parameters = {"of_document": document_id, "of_index": index, "after": after}
    return list(session.connection().execute(_PIECES, parameters).scalars())


def _pieces(database: Database, document_id: str, page: _PageColumns) -> Iterator[str]:
    yield page.markdown
    number = 0
    goes_on = len(page.markdown) >= PIECE_MAX_CHARACTERS
    while goes_on:
        with database.reading() as session:
            texts = read_pieces(session, document_id, page.place, after=number)
        yield from texts
        number += len(texts)
        goes_on = len(texts) == PIECES_PER_READ
