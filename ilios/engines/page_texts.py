"""What is known of the text of pages, written by the parent and read by the parser child.

And what the child says of the PDF that it made of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ilios.engines.page_structure import POINTS_PER_INCH, Box


@dataclass(frozen=True, slots=True)
class PageText:
    """What is known of the text of a page; boxes are in the unit of its size.

    `has_blocks` is False when nobody asked where its text stands.
    """

    index: int
    width: float
    height: float
    dpi: int | None
    turns: int  #: see `Page.turns`
    has_blocks: bool
    lines: list[tuple[str, Box]]

    @property
    def size(self) -> tuple[float, float]:
        """Its width and height in points."""
        scale = POINTS_PER_INCH / self.dpi if self.dpi else 1.0
        return self.width * scale, self.height * scale

    def as_json(self) -> str:
        """Return it as a line of the file that a child reads."""
        fields = (self.index, self.width, self.height, self.dpi, self.turns, self.has_blocks)
        return json.dumps([*fields, self.lines]) + "\n"


@dataclass(frozen=True, slots=True)
class Made:
    """What a child has made."""

    is_changed: bool  #: whether there is a file; else the original is as it should be
    page_without_text: int | None = None  #: number of the first that shows text nobody asked for


def texts(path: Path) -> Iterator[PageText]:
    """Yield what is written in a file of texts."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            index, width, height, dpi, turns, has_blocks, lines = json.loads(line)
            placed = [(text, (left, top, right, end)) for text, (left, top, right, end) in lines]
            yield PageText(index, width, height, dpi, turns, has_blocks, placed)
