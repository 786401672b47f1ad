"""A result as the answer of Mistral's OCR: page by page, as it is read.

Sizes and corners are whole pixels there. Our own engine has points: they are shown as pixels of a
page at DPI. What an image or a table is called is its name here, in Markdown, lists and blocks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from ilios.api.responses.streaming import data_url, opened_image
from ilios.documents.queries import Result
from ilios.documents.result_pages import StructuredPage
from ilios.engines.base import Granularity
from ilios.engines.json_pieces import Fields, Text
from ilios.engines.page_details import ImageDetails
from ilios.engines.page_structure import POINTS_PER_INCH, Block, Box, Table, Word
from ilios.engines.page_text import PIECE_MAX_CHARACTERS
from ilios.storage.base import ObjectStore

DPI: Final = 200  #: of a page whose size is known in points
WORD_GAP_MAX_CHARACTERS: Final = 1_000
"""Of Markdown between two words: farther on a word is not looked for."""
_NOTHING_TOLD: Final = ImageDetails()
_CORNERS: Final = ("top_left_x", "top_left_y", "bottom_right_x", "bottom_right_y")
_SUFFIXES: Final = {"html": ".html", "markdown": ".md"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a result a client wants to see."""

    blocks: bool = False
    image_bytes: bool = False
    tables_apart: bool = False  #: out of the Markdown, with references to them in their places
    confidence: Granularity | None = None


def answer(found: Result, shown: Shown, store: ObjectStore, warnings: list[Any]) -> Fields:
    """Return the answer, whose pages are read while it is sent."""
    document, source = found.document, found.source()
    extraction = found.extraction() if source.is_extracted else None
    return Fields(
        {
            "pages": _pages(found, shown, store),
            "model": source.model or document.model or "",
            "document_annotation": extraction or None,
            "usage_info": {
                "pages_processed": found.page_total,
                "doc_size_bytes": document.file_size,
            },
            "warnings": warnings,
        }
    )


def _pages(found: Result, shown: Shown, store: ObjectStore) -> Iterator[Fields]:
    table_numbers = count()  # through all pages, as the provider's
    for page in found.structured_pages(with_blocks=shown.blocks):
        yield Fields(_Page(page, shown, store, table_numbers).fields())


class _Page:
    """One page of the answer."""

    def __init__(
        self, page: StructuredPage, shown: Shown, store: ObjectStore, table_numbers: Iterator[int]
    ) -> None:
        self._page = page
        self._shown = shown
        self._store = store
        self._scale = DPI / POINTS_PER_INCH if page.dpi is None else 1
        tables = page.details.tables if shown.tables_apart else ()
        self._tables = [
            (table, f"tbl-{next(table_numbers)}{_SUFFIXES[table.format]}") for table in tables
        ]
        self._table_names = {table.id: name for table, name in self._tables}

    def fields(self) -> dict[str, Any]:
        page, details = self._page, self._page.details
        fields: dict[str, Any] = {
            "index": page.number - 1,
            "markdown": Text(self._markdown()),
            "images": (self._image(image) for image in page.images),
            "dimensions": self._dimensions(),
            "tables": (self._table(table, name) for table, name in self._tables),
            "hyperlinks": [link.url for link in details.links],
            "header": details.header,
            "footer": details.footer,
        }
        if self._shown.confidence is not None:
            fields["confidence_scores"] = self._scores()
        if self._shown.blocks:
            fields["blocks"] = self._blocks()
        return fields

    def _dimensions(self) -> dict[str, int] | None:
        page = self._page
        if page.width is None or page.height is None:
            return None
        return {
            "dpi": page.dpi or DPI,
            "height": self._pixels(page.height),
            "width": self._pixels(page.width),
        }

    def _markdown(self) -> Iterator[str]:
        """Yield the Markdown, with a reference for each table that is listed apart."""
        if not self._tables:
            yield from self._page.pieces()
            return
        place = 0
        for table, name in self._tables:
            if table.text is None and table.start >= place:
                yield from self._page.text(place, table.start)
                yield f"[{name}]({name})"
                place = table.end
        yield from self._page.text(place, sys.maxsize)

    def _image(self, image: dict[str, Any]) -> Fields:
        name: str = image["name"]
        told = self._page.details.images.get(name, _NOTHING_TOLD)
        fields: dict[str, Any] = {"id": name, **self._corners(image["bbox"])}
        fields["image_base64"] = self._data_url(image) if self._shown.image_bytes else None
        return Fields({**fields, "image_annotation": told.annotation})

    def _data_url(self, image: dict[str, Any]) -> Text:
        return Text(_data_url(self._store, image["key"], image["mediaType"]))

    def _table(self, table: Table, name: str) -> Fields:
        content = self._text(table)
        fields: dict[str, Any] = {"id": name, "content": content, "format": table.format}
        return Fields(fields)

    def _blocks(self) -> Iterator[Fields]:
        """Yield the blocks; one for all of a page that has none, but a text."""
        page = self._page
        is_empty = True
        for block in page.blocks() if page.has_blocks else ():
            yield self._block(block)
            is_empty = False
        first = next(page.pieces(), "") if is_empty else ""
        if first:
            fields = {"type": "text", **self._whole(), "content": Text(page.pieces())}
            yield Fields(fields)

    def _block(self, block: Block) -> Fields:
        corners = self._whole() if block.box is None else self._corners(block.box)
        fields: dict[str, Any] = {"type": block.type, **corners, "content": self._text(block)}
        if block.type == "image":
            fields["image_id"] = block.image_name or ""
        if block.type == "table":
            fields["table_id"] = self._table_names.get(block.table_id or "")
        if self._shown.confidence == "block":
            fields["confidence_scores"] = {"average_content_confidence_score": block.confidence}
        return Fields(fields)

    def _text(self, part: Block | Table) -> str | Text:
        """Return the text of a part of the page; a long one is read while it is sent."""
        if part.text is not None:
            return part.text
        pieces = self._page.text(part.start, part.end)
        is_long = part.end - part.start > PIECE_MAX_CHARACTERS
        return Text(pieces) if is_long else "".join(pieces)

    def _scores(self) -> Fields | None:
        """Return the scores of the page; what the worst of its words has is not kept."""
        confidence = self._page.confidence
        if confidence is None:
            return None
        scores: dict[str, Any] = {
            "average_page_confidence_score": confidence,
            "minimum_page_confidence_score": confidence,
        }
        if self._shown.confidence == "word":
            scores["word_confidence_scores"] = _words(self._page)
        return Fields(scores)

    def _whole(self) -> dict[str, int]:
        """Return the corners of the page; zeros where its size is not known."""
        box = (0.0, 0.0, self._page.width or 0.0, self._page.height or 0.0)
        return {name: self._pixels(side) for name, side in zip(_CORNERS, box, strict=True)}

    def _corners(self, box: Box | None) -> dict[str, int | None]:
        sides: Iterable[float | None] = (None,) * len(_CORNERS) if box is None else box
        return {
            name: None if side is None else self._pixels(side)
            for name, side in zip(_CORNERS, sides, strict=True)
        }

    def _pixels(self, side: float) -> int:
        return round(side * self._scale)


def _words(page: StructuredPage) -> Iterator[dict[str, Any]]:
    """Yield the words, with their places in the Markdown, as far as they are found in order."""
    text = "".join(page.pieces())
    place = 0
    for word in page.words():
        start = text.find(word.text, place, place + WORD_GAP_MAX_CHARACTERS + len(word.text))
        place = place if start < 0 else start
        yield _scored(word, place)
        place += 0 if start < 0 else len(word.text)


def _scored(word: Word, place: int) -> dict[str, Any]:
    return {"text": word.text, "confidence": word.confidence or 0.0, "start_index": place}


def _data_url(store: ObjectStore, key: str, media_type: str) -> Iterator[str]:
    """Yield an image as a data URL; of one that is lost, nothing."""
    with opened_image(store, key) as file:
        if file is not None:
            yield from data_url(media_type, file)
