"""The structure of a page as the parser child sends it: nothing of it is believed.

It comes in the form in which it is stored (ilios.engines.page_layout, page_details), is taken
apart, checked and written anew.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from ilios.core.conversion_limits import INFO_TEXT_MAX_CHARACTERS
from ilios.engines import page_details, page_layout, unicode
from ilios.engines.base import DocumentInfo, ImageFile, Page
from ilios.engines.embedded import output_limits
from ilios.engines.page_details import ImageDetails, PageDetails
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block, Box, Line, Link, Table


class StructureReceiver:
    """Gathers what is sent of a page, and tells the page. Raises ValueError and TypeError."""

    def __init__(self) -> None:
        self._details_characters = 0  #: of the document
        self._table_ids: set[str] = set()
        self._begin()

    def _begin(self) -> None:
        self._blocks: list[Block] = []
        self._layouts = self._lines = 0
        self._details: list[str] = []

    def add_layout(self, text: str) -> None:
        """Take the blocks that begin in the next piece of the page's Markdown."""
        for block in page_layout.decode(text, self._layouts):
            self._lines += len(block.lines)
            self._blocks.append(block)
            _refuse(len(self._blocks) > output_limits.BLOCKS_MAX_COUNT)
            _refuse(self._lines > output_limits.LINES_MAX_COUNT)
        self._layouts += 1

    def add_details(self, text: str) -> None:
        """Take a piece of the page's details."""
        self._details_characters += len(text)
        self._details.append(text)
        _refuse(sum(map(len, self._details)) > page_details.TEXT_MAX_CHARACTERS)
        _refuse(self._details_characters > output_limits.DETAILS_MAX_CHARACTERS)

    def told(self, page: Page, names: Collection[str]) -> Page:
        """Return a page with what was sent of it; `names` are of the images of the document."""
        details = page_details.decode("".join(self._details) or None)
        _refuse(details.header is not None or details.footer is not None)
        tables = tuple(self._tables(page, details.tables))
        blocks = _blocks(page, self._blocks, {table.id for table in tables}, names)
        told = replace(
            page,
            links=tuple(_links(details)),
            tables=tables,
            images=tuple(_images(page.images, details)),
            turns=number(details.turns, 0, 3),
            layout=Layout.of(blocks) if self._layouts else None,
        )
        self._begin()
        return told

    def _tables(self, page: Page, tables: Collection[Table]) -> Iterator[Table]:
        _refuse(len(tables) > output_limits.BLOCKS_MAX_COUNT)
        for table, (start, end) in zip(tables, _ranges(tables, 0, page.characters), strict=True):
            _refuse(not output_limits.TABLE_ID.fullmatch(table.id) or table.id in self._table_ids)
            _refuse(table.format not in ("markdown", "html") or table.text is not None)
            self._table_ids.add(table.id)
            yield Table(table.id, start, end, table.format, _box(table.box, page))


def confidence(value: Any) -> float | None:
    """Return a score from 0 to 1, if there is one. Raises ValueError, TypeError."""
    if value is None:
        return None
    _refuse(type(value) not in (int, float) or not 0 <= value <= 1)
    return float(value)


def number(value: Any, low: int, high: int) -> int:
    """Return a number within bounds. Raises ValueError."""
    _refuse(type(value) is not int or not low <= value <= high)
    return int(value)


def info(value: Any) -> DocumentInfo:
    """Return what a file says of itself. Raises ValueError, TypeError."""
    told = {name: text for name, text in value.items() if text is not None}
    if "page_count" in told:
        number(told["page_count"], 0, 2**31 - 1)
    for name in told.keys() - {"page_count"}:
        _refuse(len(told[name]) > INFO_TEXT_MAX_CHARACTERS)
        told[name] = unicode.replace_invalid(told[name])
    return DocumentInfo(**told)


def _blocks(
    page: Page, blocks: Collection[Block], table_ids: Collection[str], names: Collection[str]
) -> Iterator[Block]:
    for block, (start, end) in zip(blocks, _ranges(blocks, 0, page.characters), strict=True):
        _refuse(start == end or block.text is not None)
        _refuse(block.image_name is not None and block.image_name not in names)
        yield Block(
            block.type,
            start,
            end,
            level=None if block.level is None else number(block.level, 1, 6),
            box=_box(block.box, page),
            confidence=confidence(block.confidence),
            table_id=block.table_id if block.table_id in table_ids else None,
            image_name=block.image_name,
            lines=tuple(_lines(page, block)),
        )


def _lines(page: Page, block: Block) -> Iterator[Line]:
    ranges = _ranges(block.lines, block.start, block.end)
    for line, (start, end) in zip(block.lines, ranges, strict=True):
        box = _box(line.box, page)
        if box is not None:
            yield Line(start, end, box, confidence(line.confidence))


def _links(details: PageDetails) -> Iterator[Link]:
    _refuse(len(details.links) > output_limits.LINKS_MAX_COUNT)
    for link in details.links:
        text = None if link.text is None else unicode.replace_invalid(link.text)
        yield Link(text, unicode.replace_invalid(link.url))


def _images(images: Collection[ImageFile], details: PageDetails) -> Iterator[ImageFile]:
    _refuse(not details.images.keys() <= {image.name for image in images})
    for image in images:
        told = details.images.get(image.name, ImageDetails())
        _refuse(told.annotation is not None)
        caption = None if told.caption is None else unicode.replace_invalid(told.caption)
        yield replace(image, caption=caption)


def _ranges(parts: Collection[Any], low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of parts, which rise within bounds."""
    for part in parts:
        low_end = number(part.start, low, high)
        low = number(part.end, low_end, high)
        yield low_end, low


def _box(value: Any, page: Page) -> Box | None:
    """Return what of a box lies in its page; None without any."""
    if value is None or page.width is None or page.height is None:
        return None
    left, top, right, bottom = value
    _refuse(any(type(side) not in (int, float) or not math.isfinite(side) for side in value))
    box = max(left, 0.0), max(top, 0.0), min(right, page.width), min(bottom, page.height)
    return box if box[0] < box[2] and box[1] < box[3] else None


def _refuse(is_wrong: bool) -> None:
    if is_wrong:
        raise ValueError
