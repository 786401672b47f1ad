"""Tables in what was read from an image: rows whose cells stand below each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ilios.engines.embedded import markdown
from ilios.engines.embedded.ocr.layout import TextRow
from ilios.engines.embedded.ocr.recognized_text import TextLine

TABLE_ROWS: Final = 3
TABLE_COLUMNS: Final = 3
ROW_GAP: Final = 2.5
"""Rows of a table are no farther apart than so many times their height."""


@dataclass(frozen=True, slots=True)
class Table:
    markdown: str


def aligned_tables(rows: Sequence[TextRow]) -> list[list[TextRow] | Table]:
    """The rows of a column, with the runs that form a table replaced by it."""
    pieces: list[list[TextRow] | Table] = []
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
    """Cut where rows of several cells begin and end."""
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


def _table(rows: Sequence[TextRow]) -> Table | None:
    if len(rows) < TABLE_ROWS:
        return None
    tracks = _tracks([line for row in rows for line in row.lines])
    if len(tracks) < TABLE_COLUMNS or not _is_regular(rows, tracks):
        return None
    cells = [[_cell(row, track) for track in tracks] for row in rows]
    return Table(markdown.table(cells))


def _tracks(lines: Sequence[TextLine]) -> list[tuple[float, float]]:
    """Horizontal extents that no cell leaves: the columns of the table."""
    tracks: list[tuple[float, float]] = []
    for line in sorted(lines, key=lambda line: line.left):
        if tracks and line.left < tracks[-1][1]:
            tracks[-1] = tracks[-1][0], max(tracks[-1][1], line.right)
        else:
            tracks.append((line.left, line.right))
    return tracks


def _is_regular(rows: Sequence[TextRow], tracks: Sequence[tuple[float, float]]) -> bool:
    """Most places hold a cell; else the rows only happen to be in pieces."""
    filled = sum(bool(_cell(row, track)) for row in rows for track in tracks)
    return filled >= 0.6 * len(rows) * len(tracks)


def _cell(row: TextRow, track: tuple[float, float]) -> str:
    inside = [line.text for line in row.lines if track[0] <= line.left and line.right <= track[1]]
    return markdown.escaped(" ".join(inside))
