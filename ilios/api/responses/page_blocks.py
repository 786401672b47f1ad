"""The blocks of a page for forms that show each by itself: whole, however long it is.

They are those of the page's Markdown, which every result has, with the boxes of its layout where
there is one. A long block is read while it is sent, as often as it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ilios.api.responses.chunk_lines import Boxes
from ilios.api.responses.result_html import html_pieces
from ilios.documents.chunks import union
from ilios.documents.result_pages import ResultPage, StructuredPage
from ilios.engines.json_pieces import Text
from ilios.engines.markdown_parts import PART_MAX_CHARACTERS, Part, parts
from ilios.engines.markdown_structure import LIST_MARK, bare
from ilios.engines.page_structure import BlockType, Box

_ITEM: Final = re.compile(rf"^[ \t]*+{LIST_MARK}(?=\s)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PageBlock:
    """A block of a page's Markdown, from `start` to `end`, with the white space behind it."""

    page: ResultPage
    type: BlockType
    start: int
    end: int
    level: int | None  #: of a title
    box: Box | None
    image_name: str | None
    confidence: float | None  #: that of the worst of the blocks that were made of it
    held: str | None  #: its Markdown; None of a block that is too long to be held

    def markdown(self) -> Iterator[str]:
        """Yield its Markdown."""
        return iter((self.held,)) if self.held is not None else self.page.text(self.start, self.end)

    def beginning(self, most: int) -> str:
        """Return at most so many characters from its beginning."""
        return next(self.markdown(), "")[:most]

    def plain(self) -> str | Text:
        """Return what readers see of it."""
        return self._shown(lambda: _plain(self.markdown()))

    def html(self) -> str | Text:
        """Return it as HTML whose images have names alone."""
        return self._shown(lambda: html_pieces(self.markdown()))

    def items(self) -> Iterator[str]:
        """Yield what readers see of each item of a list; one that is very long comes in parts."""
        return filter(None, map(bare, self._items()))

    def _items(self) -> Iterator[str]:
        held = ""  #: of an item that may go on
        for part in parts(self.markdown()):
            *whole, held = _cut_at_items(held + part.text)
            yield from whole
            if not part.goes_on or len(held) > PART_MAX_CHARACTERS:
                yield held
                held = ""

    def _shown(self, pieces: Callable[[], Iterator[str]]) -> str | Text:
        return "".join(pieces()).strip() if self.held is not None else Text(pieces())


def blocks_of(page: StructuredPage) -> Iterator[PageBlock]:
    """Yield the blocks of a page, in order; it must have been read with its blocks, for boxes."""
    boxes = Boxes(page)
    found = parts(page.pieces())
    for first in found:
        last = first
        while last.goes_on and (following := next(found, None)):
            last = following
        end = last.start + len(last.text)
        made = list(boxes.within(first.start, last.start + len(last.text.rstrip())))
        confidences = [block.confidence for block in made if block.confidence is not None]
        yield PageBlock(
            page,
            first.type,
            first.start,
            end,
            first.level,
            union([block.box for block in made]),
            first.image_name,
            min(confidences, default=None),
            first.text if last is first else None,
        )


def _plain(pieces: Iterator[str]) -> Iterator[str]:
    between = ""
    for part in parts(pieces):
        yield between + _plain_part(part)
        between = _between(part)


def _plain_part(part: Part) -> str:
    """Return what readers see of a part, without the head that is told with it."""
    if part.type != "table" or not part.opening:
        return bare(part.opening + part.text + part.closing)
    if part.opening.lstrip().startswith("<"):
        return bare(part.text)
    text = bare(part.opening + part.text)
    return text.partition("\n")[2] if bare(part.opening) else text


def _between(part: Part) -> str:
    if part.type in ("table", "code") or part.text.endswith("\n"):
        return "\n"
    return " " if part.text[-1:].isspace() else ""


def _cut_at_items(text: str) -> list[str]:
    """Return a text cut before each item of its list."""
    bounds = dict.fromkeys((0, *(found.start() for found in _ITEM.finditer(text)), len(text)))
    return [text[start:end] for start, end in pairwise(bounds)] or [""]
