"""Boxes of headings of several lines, of which liteparse gives the first line alone."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from ilios.engines import folded_text
from ilios.engines.page_structure import Box, union

STARTS_TRIED: Final = 4  #: pieces of text that begin where a heading does
SKIPPED_MAX: Final = 8  #: pieces between two of a heading
NEAR_POINTS: Final = 1  #: in which boxes of lines and of their pieces differ


class HeadingBoxes:
    """Finds the pieces of a page's text that make up a heading."""

    def __init__(self, items: Sequence[Any]) -> None:
        """Take the text items of a page, as liteparse gives them: line after line."""
        self._items = items
        self._starts: dict[int, list[tuple[float, int]]] = defaultdict(list)  #: by left edge
        for index, item in enumerate(items):
            for column in (int(item.x), int(item.x) + NEAR_POINTS):
                self._starts[column].append((item.y, index))
        for starts in self._starts.values():
            starts.sort()

    def whole(self, text: str, first_line: Box) -> Box:
        """Return the box of a heading; that of its first line if its pieces are not found."""
        left, top, _, bottom = first_line
        starts = self._starts.get(round(left), [])
        sought = folded_text.folded(text)
        begin = bisect_left(starts, (top - NEAR_POINTS, 0))
        for y, index in starts[begin : begin + STARTS_TRIED]:
            if y <= bottom and (boxes := self._continued(sought, index)):
                return union([first_line, *boxes])
        return first_line

    def _continued(self, sought: str, first: int) -> list[Box]:
        """Return the boxes of the pieces from `first` on that make up a text; none if another.

        Pieces of columns beside the heading stand between its lines.
        """
        place, skipped, boxes = 0, 0, []
        for item in islice(self._items, first, None):
            letters = folded_text.letters(item.text)
            if letters and sought.startswith(letters, place):
                boxes.append((item.x, item.y, item.x + item.width, item.y + item.height))
                place, skipped = place + len(letters), 0
            else:
                skipped += 1
            if place == len(sought):
                return boxes
            if not place or skipped > SKIPPED_MAX:
                break
        return []
