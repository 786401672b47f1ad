"""The pages of a result as they are sent: some at a time, long ones piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ilios.db.database import Database
from ilios.documents import repository
from ilios.documents.repository import PageColumns
from ilios.engines.page_text import PIECE_MAX_CHARACTERS


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
        some = wanted[place : place + repository.PAGES_PER_READ]
        with database.watching() as watch:
            rows = repository.pages(watch, document_id, some)
        for row in rows:
            names = frozenset(image["name"] for image in row.images)
            yield ResultPage(names, _pieces(database, document_id, row))
        # Pages may be missing when the document was deleted meanwhile.
        place += some.index(rows[-1].place) + 1 if rows else len(some)


def _pieces(database: Database, document_id: str, page: PageColumns) -> Iterator[str]:
    yield page.markdown
    number = 0
    goes_on = len(page.markdown) >= PIECE_MAX_CHARACTERS
    while goes_on:
        with database.watching() as watch:
            texts = repository.pieces(watch, document_id, page.place, after=number)
        yield from texts
        number += len(texts)
        goes_on = len(texts) == repository.PIECES_PER_READ
