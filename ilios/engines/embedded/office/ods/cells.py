"""The cells of OpenDocument sheets: their texts by row and column, and the notes at them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from ilios.engines.embedded import limits, markdown, output_limits
from ilios.engines.embedded.archive import attribute, children, local_name
from ilios.engines.embedded.office.odt.blocks import Blocks
from ilios.engines.embedded.office.odt.tables import repeated, table_rows
from ilios.engines.embedded.office.xlsx.formulas import column_letters
from ilios.engines.embedded.office.xlsx.sheet import Grid

_CELLS: Final = ("table-cell", "covered-table-cell")
_DAY: Final = re.compile(r"\d{1,4}([./-])\s?\d{1,2}\1\s?\d{1,4}\b\.?")
_ISO_DAY: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:T|\Z)")


@dataclass(slots=True)
class Cells:
    """What a sheet shows."""

    grid: Grid = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  #: Markdown of list items
    sources: list[str] = field(default_factory=list)  #: the texts of the file, to be counted
    is_whole: bool = True


def read(table: etree._Element, writer: Blocks) -> Cells:
    """Return the cells of a sheet that are filled; those that repeat others are cut."""
    cells = Cells()
    row = 1
    characters = 0
    for element in table_rows(table):
        filled = list(_row(element, row, writer, cells))
        times = repeated(element, "number-rows-repeated")
        if filled:
            size = sum(len(text) + 1 for _, text in filled)
            for copy in range(writer.tables.times(element, "number-rows-repeated", size)):
                characters += size
                output_limits.refuse_page_of(characters)
                cells.grid.update(((row + copy, column), text) for column, text in filled)
        if len(cells.grid) > limits.SHEET_MAX_CELLS:
            cells.is_whole = False
            break
        row += times
    return cells


def _row(
    element: etree._Element, row: int, writer: Blocks, cells: Cells
) -> Iterator[tuple[int, str]]:
    """Yield column and text of the filled cells of a row."""
    column = 1
    for cell in children(element, *_CELLS):
        times = repeated(cell, "number-columns-repeated")
        is_filled = len(cell) or attribute(cell, "value-type") is not None
        if is_filled and local_name(cell) == "table-cell":
            for note in list(children(cell, "annotation")):
                cells.notes += _note(note, f"{column_letters(column)}{row}", writer)
                cell.remove(note)
            text = _shown(cell, writer, cells)
            if text:
                count = writer.tables.times(cell, "number-columns-repeated", len(text) + 1)
                yield from ((column + copy, text) for copy in range(count))
        column += times


def _shown(cell: etree._Element, writer: Blocks, cells: Cells) -> str:
    """Return what a cell shows; a day with its month and year as ISO 8601, as in workbooks."""
    text = writer.cell(cell)
    day = _ISO_DAY.match(attribute(cell, "date-value") or "")
    shown = _DAY.match(text) if day else None
    if day and shown:
        return f"{day[1]}{text[shown.end() :]}"
    cells.sources.append(" ".join("".join(map(str, p.itertext())) for p in children(cell, "p")))
    return text


def _note(note: etree._Element, place: str, writer: Blocks) -> Iterator[str]:
    text = " ".join(block for block in writer.blocks(note) if block)
    if text:
        yield markdown.list_item(0, "-", markdown.escaped_start(f"{place}: {text}"))
