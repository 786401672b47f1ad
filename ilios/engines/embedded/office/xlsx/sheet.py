"""A sheet's cells as Markdown: each block of filled cells is a table of its own."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from ilios.engines.embedded import limits, markdown
from ilios.engines.embedded.office.xlsx.formulas import column_letters

CUTS_MAX_DEPTH: Final = 20
"""Blocks within blocks; a table that is nested deeper stays whole."""
SPARSE_MIN_CELLS: Final = 100_000
SPARSE_MAX_SHARE: Final = 0.05
"""Larger tables with a smaller share of filled cells are written cell by cell."""

Grid = dict[tuple[int, int], str]
"""Texts by row and column; empty cells are absent."""


def to_markdown(grid: Grid) -> str:
    """Write all blocks of a sheet, from top to bottom.

    Tables have the columns and, all together, the cells that the limits allow, empty ones among
    them; beyond that cells are written with their places.
    """
    left = limits.SHEET_MAX_CELLS
    written: list[str] = []
    for part in _blocks(grid):
        rows, columns = len({row for row, _ in part}), len({column for _, column in part})
        area = rows * columns
        is_wide = columns > limits.TABLE_MAX_COLUMNS
        # Less its last row, where reading may have ended half-way.
        if is_wide or area - columns > left or _is_sparse(len(part), area):
            written.append(_placed(part))
        else:
            left -= area
            written.append(_block(part))
    return markdown.blocks(written)


def _blocks(grid: Grid, depth: int = 0) -> list[Grid]:
    """Cut at empty rows; then at an empty column, if there is a table on both sides of it."""
    blocks: list[Grid] = []
    for part in _cut(grid, axis=0):
        sides = _cut(part, axis=1) if depth < CUTS_MAX_DEPTH else []
        if len(sides) > 1 and all(_is_table(side) for side in sides):
            for side in sides:
                blocks += _blocks(side, depth + 1)
        else:
            blocks.append(part)
    return blocks


def _is_sparse(filled: int, area: int) -> bool:
    return area > SPARSE_MIN_CELLS and filled < SPARSE_MAX_SHARE * area


def _placed(grid: Grid) -> str:
    """Write cells with their places: a table would be full of empty cells."""
    return "\n".join(
        markdown.list_item(0, "-", f"{column_letters(column)}{row}: {grid[row, column]}")
        for row, column in sorted(grid)
    )


def _cut(grid: Grid, axis: int) -> list[Grid]:
    """Cut at empty rows (axis 0) or at empty columns (axis 1)."""
    used = sorted({cell[axis] for cell in grid})
    runs = groupby(enumerate(used), key=lambda pair: pair[1] - pair[0])
    number = {position: n for n, (_, run) in enumerate(runs) for _, position in run}
    parts: dict[int, Grid] = {}
    for cell, text in grid.items():
        parts.setdefault(number[cell[axis]], {})[cell] = text
    return [parts[n] for n in sorted(parts)]


def _is_table(grid: Grid) -> bool:
    rows, columns = {row for row, _ in grid}, {column for _, column in grid}
    return len(rows) >= 2 and len(columns) >= 2 and len(grid) >= 0.5 * len(rows) * len(columns)


def _block(grid: Grid) -> str:
    """Write a table; rows of a single cell above and below it are its title and its notes."""
    columns = sorted({column for _, column in grid})
    by_row: dict[int, dict[int, str]] = {}
    for (row, column), text in grid.items():
        by_row.setdefault(row, {})[column] = text
    rows = [by_row[row] for row in sorted(by_row)]
    if len(columns) == 1:
        return _column([text for row in rows for text in row.values()])
    above = next((n for n, row in enumerate(rows) if len(row) > 1), 0)
    below = next((n for n, row in enumerate(reversed(rows)) if len(row) > 1), 0)
    body = rows[above : len(rows) - below]
    table = markdown.table([[row.get(column, "") for column in columns] for row in body])
    titles = [text for row in rows[:above] for text in row.values()]
    notes = [text for row in rows[len(rows) - below :] for text in row.values()]
    return markdown.blocks([*_lines(titles), table, *_lines(notes)])


def _column(texts: list[str]) -> str:
    if len(texts) == 1:
        return markdown.escaped_start(texts[0])
    return markdown.table([[text] for text in texts])


def _lines(texts: list[str]) -> list[str]:
    return [markdown.escaped_start(text) for text in texts]
