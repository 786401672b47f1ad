"""HTML tables as grids of cells, with spans filled up; tells layout tables from data tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from ilios.engines.embedded import limits
from ilios.engines.embedded.archive import local_name
from ilios.engines.embedded.numerals import whole_number

SPAN_MAX: Final = 200
_CELLS: Final = ("td", "th")
_OUTSIDE: Final = ("caption", "colgroup", "col")
_ORDER: Final = {"thead": 0, "tfoot": 2}


@dataclass(slots=True)
class Rows:
    """The cells of a table by rows, head first and foot last, and what stands between them."""

    rows: list[list[etree._Element]] = field(default_factory=list)
    stray: list[str | etree._Element] = field(default_factory=list)
    """Text and elements that the parser leaves between rows and browsers show above the table."""

    def cells(self) -> Iterator[etree._Element]:
        return (cell for row in self.rows for cell in row)


def read(table: etree._Element) -> Rows:
    found = Rows()
    found.stray.append(table.text or "")
    for child in sorted(table, key=lambda child: _ORDER.get(local_name(child), 1)):
        _collect(child, found, into_row=False)
    return found


def _collect(element: etree._Element, found: Rows, *, into_row: bool) -> None:
    """Take an element of a table into its rows; a form around rows is looked through."""
    name = local_name(element)
    if name in _CELLS:
        if not into_row or not found.rows:
            found.rows.append([])
        found.rows[-1].append(element)
    elif name == "tr" or (name != "table" and _holds_cells(element)):
        if name == "tr":
            found.rows.append([])
        found.stray.append(element.text or "")
        for child in element:
            _collect(child, found, into_row=into_row or name == "tr")
    elif name and name not in _OUTSIDE:
        found.stray.append(element)
    found.stray.append(element.tail or "")


def _holds_cells(element: etree._Element) -> bool:
    return any(local_name(child) in ("tr", *_CELLS) for child in element.iterdescendants())


def grid(table: Rows, write: Callable[[etree._Element], str]) -> list[list[str]]:
    """Return the cells as text; a cell that spans several fields fills the first of them.

    Spans that make more fields than memory should hold are not filled up.
    """
    lines: list[list[str]] = []
    occupied_until: dict[int, int] = {}
    fields = 0
    for y, row in enumerate(table.rows):
        line: list[str] = []
        for cell in row:
            while occupied_until.get(len(line), -1) >= y:
                line.append("")
            width, height = _span(cell, "colspan"), _span(cell, "rowspan")
            if len(line) + width > limits.TABLE_MAX_COLUMNS or fields > limits.SHEET_MAX_CELLS:
                width = height = 1
            if height > 1:
                occupied_until.update({len(line) + x: y + height - 1 for x in range(width)})
            line += [write(cell), *[""] * (width - 1)]
        fields += len(line)
        lines.append(line)
    if len(lines) * max(map(len, lines), default=0) > limits.SHEET_MAX_CELLS:
        return [[text for text in line if text] for line in lines]
    return lines


def is_layout(table: etree._Element, found: Rows) -> bool:
    """Return whether a table is for layout: one column, or few rows that hold blocks or tables.

    So is one whose cells, all rows made equally long, would be more than memory should hold.
    """
    if table.get("role") in ("presentation", "none"):
        return True
    widest = max((len(row) for row in found.rows), default=0)
    if widest <= 1 or widest * len(found.rows) > limits.SHEET_MAX_CELLS:
        return True
    blocks = ("table", "h1", "h2", "h3", "h4", "pre", "p")
    return len(found.rows) <= 2 and any(
        _count(cell, blocks) > 3 or _count(cell, ("table",)) for cell in found.cells()
    )


def _count(cell: etree._Element, names: tuple[str, ...]) -> int:
    return sum(local_name(descendant) in names for descendant in cell.iterdescendants())


def _span(cell: etree._Element, name: str) -> int:
    return min(max(whole_number((cell.get(name) or "").strip()) or 1, 1), SPAN_MAX)
