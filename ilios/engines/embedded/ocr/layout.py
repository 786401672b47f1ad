"""Layout analysis: the reading order of recognised lines, by columns, then rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import Final

from ilios.engines.embedded.ocr.recognized_text import TextLine

PROSE_LINES: Final = 4
PROSE_EMS: Final = 7.0
"""Lines of prose are at least this many times as wide as high (about 14 characters)."""
FULL_SHARE: Final = 0.7
"""A full line of prose fills at least this share of its column."""
TAIL_LINES: Final = 2
TAIL_GAP: Final = 0.4
GUTTER_STEPS: Final = 120
GUTTER_RANGE: Final = (GUTTER_STEPS // 6, GUTTER_STEPS * 5 // 6)
MARGIN_NOTE_RATIO: Final = 3.0
SURE_NOTE: Final = 0.8


@dataclass(frozen=True, slots=True)
class TextRow:
    """Lines side by side, from left to right."""

    lines: tuple[TextLine, ...]

    @property
    def text(self) -> str:
        return " ".join(line.text for line in self.lines)

    @property
    def left(self) -> float:
        return self.lines[0].left

    @property
    def right(self) -> float:
        return max(line.right for line in self.lines)

    @property
    def top(self) -> float:
        return min(line.top for line in self.lines)

    @property
    def bottom(self) -> float:
        return max(line.bottom for line in self.lines)

    @property
    def height(self) -> float:
        return median(line.height for line in self.lines)


def columns(lines: Sequence[TextLine]) -> list[list[TextRow]]:
    """Arrange lines as columns of rows, in reading order; without a gutter there is one column."""
    level = [line for line in lines if not _is_margin_note(line)]
    notes = [line for line in lines if _is_margin_note(line)]
    return _columns(level) + [[TextRow((note,))] for note in notes if note.confidence >= SURE_NOTE]


def _columns(lines: Sequence[TextLine]) -> list[list[TextRow]]:
    gutter = _gutter(lines)
    if gutter is None:
        return [rows(lines)] if lines else []
    ordered: list[list[TextRow]] = []
    for band, split in _bands(lines, gutter):
        if split:
            ordered += _columns([line for line in band if line.right <= gutter])
            ordered += _columns([line for line in band if line.right > gutter])
        else:
            ordered += _columns(band)
    return ordered


def _is_margin_note(line: TextLine) -> bool:
    """Return whether a line is vertical text in the margin of an otherwise upright page."""
    return len(line.text) > 2 and line.height > MARGIN_NOTE_RATIO * line.width


def rows(lines: Sequence[TextLine]) -> list[TextRow]:
    """Group lines whose middles are at about the same height into rows."""
    grouped: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda line: line.middle):
        if grouped and _same_row(grouped[-1], line):
            grouped[-1].append(line)
        else:
            grouped.append([line])
    return [TextRow(tuple(sorted(group, key=lambda line: line.left))) for group in grouped]


def _same_row(group: list[TextLine], line: TextLine) -> bool:
    last = group[-1]
    if abs(line.middle - last.middle) > 0.5 * min(line.height, last.height):
        return False
    overlap = any(
        min(line.right, other.right) - max(line.left, other.left)
        > 0.5 * min(line.width, other.width)
        for other in group
    )
    return not overlap


def _bands(lines: Sequence[TextLine], x: float) -> list[tuple[list[TextLine], bool]]:
    """Cut a page from top to bottom into bands, and tell which have two columns divided at `x`."""
    bands: list[tuple[list[TextLine], bool]] = []
    for crossing, group in groupby(_by_height(lines), key=lambda line: line.left < x < line.right):
        band = list(group)
        split = not crossing and _holds_columns(band, x)
        tail = _tail(band, x) if split else 0
        for part, is_split in (
            (band[: len(band) - tail], split),
            (band[len(band) - tail :], False),
        ):
            if bands and not is_split and not bands[-1][1]:
                bands[-1][0].extend(part)
            elif part:
                bands.append((part, is_split))
    return bands


def _by_height(lines: Sequence[TextLine]) -> list[TextLine]:
    return sorted(lines, key=lambda line: line.middle)


def _gutter(lines: Sequence[TextLine]) -> float | None:
    """Return the x of the gutter that divides most lines of prose; None if there is none."""
    if len(lines) < 2 * PROSE_LINES:
        return None
    start, end = min(line.left for line in lines), max(line.right for line in lines)
    step = (end - start) / GUTTER_STEPS
    candidates = [start + number * step for number in range(*GUTTER_RANGE)]
    beside = [_lines_beside(lines, x) for x in candidates]
    most = max(beside)
    if not most:
        return None
    best = [x for x, count in zip(candidates, beside, strict=True) if count == most]
    return best[len(best) // 2]


def _lines_beside(lines: Sequence[TextLine], x: float) -> int:
    return sum(len(band) for band, split in _bands(lines, x) if split)


def _holds_columns(band: Sequence[TextLine], x: float) -> bool:
    left = [line for line in band if line.right <= x]
    return _is_prose(left) and _is_prose([line for line in band if line.right > x])


def _is_prose(side: Sequence[TextLine]) -> bool:
    """Return whether most of the text is long lines that fill the width of their column."""
    if len(side) < PROSE_LINES:
        return False
    width = max(line.right for line in side) - min(line.left for line in side)
    full = [
        line.width
        for line in side
        if line.width >= FULL_SHARE * width and line.width >= PROSE_EMS * line.height
    ]
    return len(full) >= PROSE_LINES - 1 and sum(full) >= 0.5 * sum(line.width for line in side)


def _tail(band: Sequence[TextLine], x: float) -> int:
    """Count lines at the end of a band that are set apart below both columns, such as a heading."""
    for count in range(1, min(TAIL_LINES, len(band) - 1) + 1):
        line, others = band[-count], band[:-count]
        if line.right > x or line.top - max(o.bottom for o in others) > TAIL_GAP * line.height:
            return count if line.right <= x else 0
    return 0
