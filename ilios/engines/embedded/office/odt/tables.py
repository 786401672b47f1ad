"""The cells of OpenDocument tables, which may be repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import attribute, children, local_name
from ilios.engines.embedded.numerals import unsigned

REPEATED_MAX: Final = 200
REPEATED_MAX_CHARACTERS: Final = 10_000_000
"""How much a document may gain by repeating cells and rows."""
_GROUPS: Final = ("table-header-rows", "table-rows", "table-row-group")
_CELL_GROUPS: Final = ("table-cell", "covered-table-cell")


class Tables:
    """Reads the tables of one document."""

    def __init__(self, write: Callable[[etree._Element], str]) -> None:
        self._write = write
        self._left = REPEATED_MAX_CHARACTERS
        self.is_cut = False

    def rows(self, table: etree._Element) -> list[list[str]]:
        rows: list[list[str]] = []
        for row in table_rows(table):
            cells = self._cells(row)
            if cells:
                size = sum(len(cell) + 1 for cell in cells)
                rows += [cells] * self.times(row, "number-rows-repeated", size)
        return rows

    def _cells(self, row: etree._Element) -> list[str]:
        """Return the cells of a row up to the last one that is filled."""
        cells: list[str] = []
        empty = 0
        for cell in children(row, *_CELL_GROUPS):
            text = self._write(cell) if local_name(cell) == "table-cell" else ""
            if not text:
                empty += min(repeated(cell, "number-columns-repeated"), REPEATED_MAX)
                continue
            cells += [""] * empty
            cells += [text] * self.times(cell, "number-columns-repeated", len(text) + 1)
            empty = 0
        return cells

    def times(self, element: etree._Element, name: str, size: int) -> int:
        """Return how often a cell or row of this size is written."""
        wanted = repeated(element, name)
        times = min(wanted, REPEATED_MAX, 1 + self._left // size)
        self._left -= (times - 1) * size
        self.is_cut = self.is_cut or times < wanted
        return times


def only_cell(table: etree._Element) -> etree._Element | None:
    """Return the cell of a table that has no other and does not repeat it."""
    rows = list(islice(table_rows(table), 2))
    cells = list(children(rows[0], *_CELL_GROUPS)) if len(rows) == 1 else []
    if len(cells) != 1 or repeated(rows[0], "number-rows-repeated") > 1:
        return None
    return cells[0] if repeated(cells[0], "number-columns-repeated") == 1 else None


def table_rows(table: etree._Element) -> Iterator[etree._Element]:
    """Yield the rows of a table, also those in groups."""
    for part in table:
        if local_name(part) == "table-row":
            yield part
        elif local_name(part) in _GROUPS:
            yield from table_rows(part)


def repeated(element: etree._Element, name: str) -> int:
    """Return how often an element stands, by an attribute of it."""
    return max(unsigned(attribute(element, name), 1), 1)
