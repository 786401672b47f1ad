"""HTML tables as grids of cells, with spans filled up; tells layout tables from data tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import local_name

SPAN_MAX: Final = 200
_SECTIONS = ("thead", "tbody", "tfoot")


def grid(table: etree._Element, write: Callable[[etree._Element], str]) -> list[list[str]]:
    """Return the cells as text; a cell that spans several fields fills the first of them."""
    rows: list[list[str]] = []
    occupied: dict[tuple[int, int], bool] = {}
    for y, row in enumerate(_rows(table)):
        line: list[str] = []
        for cell in _row_cells(row):
            while occupied.pop((y, len(line)), False):
                line.append("")
            width, height = _span(cell, "colspan"), _span(cell, "rowspan")
            for below in range(1, height):
                occupied.update({(y + below, len(line) + x): True for x in range(width)})
            line += [write(cell), *[""] * (width - 1)]
        rows.append(line)
    return rows


def cells(table: etree._Element) -> Iterator[etree._Element]:
    return (cell for row in _rows(table) for cell in _row_cells(row))


def is_layout(table: etree._Element) -> bool:
    """Return whether a table is for layout: one column, or few rows that hold blocks or tables."""
    if table.get("role") in ("presentation", "none"):
        return True
    widths = [len(list(_row_cells(row))) for row in _rows(table)]
    if not widths or max(widths) <= 1:
        return True
    blocks = ("table", "h1", "h2", "h3", "h4", "pre", "p")
    heavy = [cell for cell in cells(table) if _count(cell, blocks) > 3 or _count(cell, ("table",))]
    return bool(heavy) and len(widths) <= 2


def _count(cell: etree._Element, names: tuple[str, ...]) -> int:
    return sum(local_name(descendant) in names for descendant in cell.iterdescendants())


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    for child in table:
        if local_name(child) == "tr":
            yield child
        elif local_name(child) in _SECTIONS:
            yield from (row for row in child if local_name(row) == "tr")


def _row_cells(row: etree._Element) -> Iterator[etree._Element]:
    return (cell for cell in row if local_name(cell) in ("td", "th"))


def _span(cell: etree._Element, name: str) -> int:
    value = (cell.get(name) or "").strip()
    return min(max(int(value), 1), SPAN_MAX) if value.isdigit() and len(value) < 6 else 1
