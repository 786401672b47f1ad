"""The structure of a page that a reader has converted: blocks, tables, links, captions.

All of it is told from the final Markdown; what the reader knows of places is added to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Final

from ilios.engines import markdown_structure, page_details, unicode
from ilios.engines.base import ImageFile, Page
from ilios.engines.embedded import alignment
from ilios.engines.embedded.alignment import Placed
from ilios.engines.embedded.output_limits import BLOCKS_MAX_COUNT, LINKS_MAX_COUNT
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block, Table, TableFormat

CAPTION_MAX_CHARACTERS: Final = 300
_CAPTION: Final = re.compile(
    r"[*_]{0,3}(?:(?P<table>(?i:Table|Tab\.|Tabelle|Tableau|Tabla|Tabela|Tabella)|表)"
    r"|(?i:Figure|Fig\.|Abbildung|Abb\.|Figura)|图|図)[*_]{0,3}\s?[*_]{0,3}"
    r"(?:[A-Z]\.?)?\d+(?:[.\-–]\d+)*[a-z]?(?!\w)[*_\s]*"
)
"""A word, a number, and what stands before the next word."""


@dataclass(frozen=True, slots=True)
class PlacedPage:
    """A page, and what it shows where, in reading order; boxes are in the unit of its size."""

    page: Page
    places: Sequence[Placed]
    lines: Sequence[Placed] = ()  #: that place what `places` do not


class Structurer:
    """Tells the structure of the pages of one document, one after the other."""

    def __init__(self) -> None:
        self._images: set[str] = set()

    def structured(self, item: Page | PlacedPage) -> Page:
        """Return a page with its blocks, and with what they tell."""
        placed = PlacedPage(item, ()) if isinstance(item, Page) else item
        page = placed.page
        markdown = unicode.replace_invalid(page.markdown)  # else ranges would move
        if markdown != page.markdown:
            page = replace(page, markdown=markdown)
        self._images.update(image.name for image in page.images)
        found, is_cut = self._blocks(page)
        places, lines = (list(_inside(shown, page)) for shown in (placed.places, placed.lines))
        found = alignment.with_places(markdown, found, places, lines)
        blocks, captions = _with_captions(markdown, found)
        layout = Layout.of(blocks)
        told = replace(
            page,
            links=tuple(islice(markdown_structure.links(markdown), LINKS_MAX_COUNT)),
            tables=tuple(_tables(markdown, blocks)),
            images=tuple(_captioned(image, captions) for image in page.images),
            layout=replace(layout, is_cut=layout.is_cut or is_cut),
        )
        return page_details.bounded(told)

    def _blocks(self, page: Page) -> tuple[list[Block], bool]:
        """Return the blocks of a page, and whether the last stands for more than there may be."""
        rest = map(self._named, markdown_structure.blocks(page.markdown))
        found = list(islice(_with_table_ids(page.index + 1, rest), BLOCKS_MAX_COUNT))
        is_cut = next(rest, None) is not None
        if is_cut:
            found[-1] = Block("text", found[-1].start, len(page.markdown.rstrip()))
        return found, is_cut

    def _named(self, block: Block) -> Block:
        """Take its name from an image that is none of the document's."""
        if block.image_name is None or block.image_name in self._images:
            return block
        return replace(block, image_name=None)


def _with_table_ids(page: int, blocks: Iterable[Block]) -> Iterator[Block]:
    numbers = count(1)
    for block in blocks:
        is_table = block.type == "table"
        yield replace(block, table_id=f"table-{page}-{next(numbers)}") if is_table else block


def _inside(places: Iterable[Placed], page: Page) -> Iterator[Placed]:
    """Yield what a page shows inside of its edges."""
    if page.width is None or page.height is None:
        return
    for place in places:
        left, top, right, bottom = place.box
        box = max(left, 0.0), max(top, 0.0), min(right, page.width), min(bottom, page.height)
        if box[0] < box[2] and box[1] < box[3]:
            yield replace(place, box=box)


def _with_captions(markdown: str, blocks: Sequence[Block]) -> tuple[list[Block], Mapping[str, str]]:
    """Return blocks of which some are captions, and the captions of images by their names."""
    told = list(blocks)
    captions: dict[str, str] = {}
    for index, block in enumerate(blocks):
        if block.type != "text" or block.end - block.start > CAPTION_MAX_CHARACTERS:
            continue
        match = _CAPTION.match(markdown, block.start, block.end)
        neighbours = [*blocks[max(index - 1, 0) : index], *blocks[index + 1 : index + 2]]
        types = {neighbour.type for neighbour in neighbours}
        if match is None or not types & {"image", "table"}:
            continue
        if markdown[match.end() : match.end() + 1].islower():  # "Table 3 shows that …"
            continue
        told[index] = replace(block, type="caption")
        names = [neighbour.image_name for neighbour in neighbours if neighbour.image_name]
        if names and not (match["table"] and "table" in types):
            captions.setdefault(
                names[0], markdown_structure.bare(markdown[block.start : block.end])
            )
    return told, captions


def _captioned(image: ImageFile, captions: Mapping[str, str]) -> ImageFile:
    return replace(image, caption=captions[image.name]) if image.name in captions else image


def _tables(markdown: str, blocks: Iterable[Block]) -> Iterator[Table]:
    for block in blocks:
        if block.table_id is not None:
            is_html = markdown.startswith("<", block.start)
            format_: TableFormat = "html" if is_html else "markdown"
            yield Table(block.table_id, block.start, block.end, format_, block.box)
