"""The pages of a result as they are sent: some at a time, long ones piece by piece.

No transaction stays open while what was read is sent. Of a document that is deleted meanwhile, what
was not read yet is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from ilios.db.database import Database
from ilios.documents import page_rows
from ilios.documents.page_rows import Extent, PageColumns
from ilios.engines import page_details, page_layout, page_words
from ilios.engines.page_details import PageDetails
from ilios.engines.page_structure import Block, Word
from ilios.engines.page_text import PIECE_MAX_CHARACTERS


class ResultPage:
    """A page of a result, which may be read any number of times; it holds one read of its text."""

    def __init__(self, database: Database, document_id: str, row: PageColumns) -> None:
        self._database = database
        self._document_id = document_id
        self._row = row
        self._first_held = 0  #: number of the first piece that is held
        self._held = [row.markdown]

    @property
    def number(self) -> int:
        """Its place in the original, from 1."""
        return self._row.place + 1

    @property
    def images(self) -> list[dict[str, Any]]:
        """Its images, as `StoredImage.as_json` wrote them."""
        return self._row.images

    @cached_property
    def image_names(self) -> frozenset[str]:
        return frozenset(image["name"] for image in self._row.images)

    def pieces(self) -> Iterator[str]:
        """Yield its Markdown."""
        number = 0
        piece: str | None = self._row.markdown
        while piece is not None:
            yield piece
            number += 1
            piece = self._piece(number) if len(piece) >= PIECE_MAX_CHARACTERS else None

    def text(self, start: int, end: int) -> Iterator[str]:
        """Yield the characters of its Markdown in a range, of which only pieces are read."""
        for number in range(start // PIECE_MAX_CHARACTERS, -(-end // PIECE_MAX_CHARACTERS)):
            piece = self._piece(number)
            if piece is None:
                return
            before = number * PIECE_MAX_CHARACTERS
            yield piece[max(0, start - before) : end - before]

    def _piece(self, number: int) -> str | None:
        """Return a piece of its Markdown, from 0; None beyond the last one."""
        if number == 0:
            return self._row.markdown
        if not 0 <= number - self._first_held < len(self._held):
            with self._database.watching() as watch:
                self._held = page_rows.pieces(
                    watch, self._document_id, self._row.place, after=number - 1
                )
            self._first_held = number
        return self._held[number - self._first_held] if self._held else None


class StructuredPage(ResultPage):
    """A page of a result with what is known of it beside its Markdown."""

    def __init__(self, database: Database, document_id: str, row: PageColumns) -> None:
        super().__init__(database, document_id, row)
        self.width = row.width  #: in points, or pixels when `dpi` is set
        self.height = row.height
        self.dpi = row.dpi
        self.confidence = row.confidence
        self.details: PageDetails = page_details.decode(row.details)

    @property
    def has_blocks(self) -> bool:
        """Whether blocks were made of it, and were asked for with the page."""
        return self._row.layout is not None

    def blocks(self) -> Iterator[Block]:
        """Yield its blocks in reading order, those of one piece of Markdown at a time."""
        layout = self._row.layout
        number = 0
        while layout is not None:
            yield from page_layout.decode(layout, number)
            if len(self._row.markdown) < PIECE_MAX_CHARACTERS:
                return  # it has one piece
            with self._database.watching() as watch:
                layout = page_rows.layout(watch, self._document_id, self._row.place, after=number)
            number += 1

    def words(self) -> Iterator[Word]:
        """Yield its words, if they were asked for at its conversion."""
        number = -1
        while (text := self._words(number)) is not None:
            yield from page_words.decode(text)
            number += 1

    def _words(self, after: int) -> str | None:
        with self._database.watching() as watch:
            return page_rows.words(watch, self._document_id, self._row.place, after=after)


def of_document(database: Database, document_id: str, wanted: list[int]) -> Iterator[ResultPage]:
    """Yield the pages with these indexes, which rise, as far as they are still there."""
    for row in _rows(database, document_id, wanted, "text"):
        yield ResultPage(database, document_id, row)


def structured(
    database: Database, document_id: str, wanted: list[int], *, with_blocks: bool
) -> Iterator[StructuredPage]:
    """Yield the same pages with what is known of them, and their blocks if asked for."""
    for row in _rows(database, document_id, wanted, "blocks" if with_blocks else "details"):
        yield StructuredPage(database, document_id, row)


def _rows(
    database: Database, document_id: str, wanted: list[int], extent: Extent
) -> Iterator[PageColumns]:
    place = 0
    while place < len(wanted):
        some = wanted[place : place + page_rows.PAGES_PER_READ]
        with database.watching() as watch:
            rows = page_rows.pages(watch, document_id, some, extent)
        yield from rows
        # Pages may be missing when the document was deleted meanwhile.
        place += some.index(rows[-1].place) + 1 if rows else len(some)
