"""Where a PDF page shows what its text layer holds, for the blocks of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ilios.engines import folded_text
from ilios.engines.embedded.alignment import Placed
from ilios.engines.embedded.pdf import rtl
from ilios.engines.embedded.pdf.lines import TextLine
from ilios.engines.embedded.pdf.pdfium import PageFacts
from ilios.engines.embedded.pdf.text_layer import LayerPage
from ilios.engines.page_structure import BlockType, Box

_UNREAD: Final[Mapping[str, BlockType]] = {"table": "table", "code": "code"}
"""The kinds of blocks whose texts liteparse does not give beside the Markdown."""


def of_layout(layer: LayerPage, facts: PageFacts) -> Iterator[Placed]:
    """Yield the blocks of the layout."""
    for block in layer.blocks:
        if block.text is not None:
            yield Placed(facts.shown(block.box), folded_text.folded(block.text))
        elif block.kind in _UNREAD:
            yield Placed(facts.shown(block.box), kind=_UNREAD[block.kind])


def of_lines(lines: Sequence[TextLine], facts: PageFacts) -> Iterator[Placed]:
    """Yield PDFium's lines; of a page that runs from right to left, as the page has them."""
    texts = [line.text for line in lines]
    if rtl.has_rtl(facts.text):
        ordered = [text for text in facts.text.split("\n") if text.strip()]
        texts = ordered if len(ordered) == len(lines) else texts
    for text, line in zip(texts, lines, strict=True):
        yield Placed(facts.shown(line.box), folded_text.letters(text))


def within(places: Sequence[Placed], box: Box, shape: Sequence[int]) -> Iterator[Placed]:
    """Yield places in an image as they are in the box it fills; `shape` is height and width."""
    left, top, right, bottom = box
    across, down = (right - left) / shape[1], (bottom - top) / shape[0]
    for place in places:
        a, b, c, d = place.box
        own = left + a * across, top + b * down, left + c * across, top + d * down
        yield replace(place, box=own)
