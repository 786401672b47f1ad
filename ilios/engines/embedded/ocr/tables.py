"""Finding tables in recognised text: rows whose cells are aligned in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ilios.engines.embedded import markdown
from ilios.engines.embedded.ocr.layout import TextRow
from ilios.engines.embedded.ocr.recognized_text import TextLine

MIN_ROWS: Final = 3
MIN_COLUMNS: Final = 3
ROW_GAP: Final = 2.5
"""Rows of a table are no farther apart than this multiple of their height."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table found in recognised text."""

    markdown: str


def aligned_tables(rows: Sequence[TextRow]) -> list[list[TextRow] | TextTable]:
    """Return the rows of a column, with runs of rows that form a table replaced by the table."""
    pieces: list[list[TextRow] | TextTable] = []
    for run, tabular in _runs(rows):
        table = _table(run) if tabular else None
        if table is not None:
            pieces.append(table)
        elif pieces and isinstance(pieces[-1], list):
            pieces[-1] += run
        else:
            pieces.append(list(run))
    return pieces


def _runs(rows: Sequence[TextRow]) -> list[tuple[list[TextRow], bool]]:
    """Cut rows into runs with several cells per row (True) and with one cell per row (False)."""
    runs: list[tuple[list[TextRow], bool]] = []
    for row in rows:
        tabular = len(row.lines) > 1
        if runs and runs[-1][1] == tabular and _is_near(runs[-1][0][-1], row):
            runs[-1][0].append(row)
        else:
            runs.append(([row], tabular))
    return runs


def _is_near(above: TextRow, row: TextRow) -> bool:
    return row.top - above.bottom <= ROW_GAP * max(above.height, row.height)


def _table(rows: Sequence[TextRow]) -> TextTable | None:
    if len(rows) < MIN_ROWS:
        return None
    columns = _column_bounds([line for row in rows for line in row.lines])
    if len(columns) < MIN_COLUMNS or not _is_regular(rows, columns):
        return None
    cells = [[_cell(row, bounds) for bounds in columns] for row in rows]
    return TextTable(markdown.table(cells))


def _column_bounds(lines: Sequence[TextLine]) -> list[tuple[float, float]]:
    """Return the left and right bounds of the table's columns: no cell crosses them."""
    columns: list[tuple[float, float]] = []
    for line in sorted(lines, key=lambda line: line.left):
        if columns and line.left < columns[-1][1]:
            columns[-1] = columns[-1][0], max(columns[-1][1], line.right)
        else:
            columns.append((line.left, line.right))
    return columns


def _is_regular(rows: Sequence[TextRow], columns: Sequence[tuple[float, float]]) -> bool:
    """Return whether most cells are filled; else the rows are only text with wide gaps."""
    filled = sum(bool(_cell(row, bounds)) for row in rows for bounds in columns)
    return filled >= 0.6 * len(rows) * len(columns)


def _cell(row: TextRow, bounds: tuple[float, float]) -> str:
    inside = [line.text for line in row.lines if bounds[0] <= line.left and line.right <= bounds[1]]
    return markdown.escaped(" ".join(inside))
