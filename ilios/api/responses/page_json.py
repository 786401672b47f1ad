"""The pages of a result as objects, whose long fields are read while they are sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ilios.api.responses.image_links import linked
from ilios.api.responses.json_pieces import Fields, Text, json_or_text
from ilios.api.responses.page_blocks import PageBlock, blocks_of
from ilios.api.responses.result_html import block_html
from ilios.documents.page_rows import PageOutline
from ilios.documents.queries import ListedPages, Result
from ilios.documents.repository import Source
from ilios.documents.result_pages import StructuredPage
from ilios.engines import registry
from ilios.engines.page_details import ImageDetails, PageDetails
from ilios.engines.page_structure import Block, Table
from ilios.engines.page_text import PIECE_MAX_CHARACTERS

BLOCKS_NOT_REQUESTED: Final = {
    "code": "blocks_not_requested",
    "message": "The document was converted without blocks. Send it again with include=blocks to "
    "have them.",
    "page": None,
}
_NOTHING_TOLD: Final = ImageDetails()


class PageObjects:
    """The pages of a result, with links to its images in a folder."""

    def __init__(
        self,
        found: Result,
        source: Source,
        image_folder: str,
        *,
        with_blocks: bool,
        with_html: bool = False,
    ) -> None:
        self._found = found
        self._folder = image_folder
        self._with_blocks = with_blocks
        self._with_html = with_html
        self._has_words = source.has_words
        self._engine = _engine(source.model)
        self._warnings = _by_page(source)
        self._lack_blocks = False  #: whether one that was given has none, though they are wanted

    def __iter__(self) -> Iterator[Fields]:
        with_blocks = self._with_blocks or self._with_html
        for page in self._found.structured_pages(with_blocks=with_blocks):
            yield Fields(self._fields(page))

    def missing_blocks(self) -> Iterator[dict[str, Any]]:
        """Yield the warning that pages that were given lack their blocks, if some do."""
        if self._lack_blocks:
            yield BLOCKS_NOT_REQUESTED

    def _fields(self, page: StructuredPage) -> dict[str, Any]:
        details = page.details
        fields: dict[str, Any] = {
            "number": page.number,
            "engine": self._engine,
            "markdown": Text(self._linked(page, page.pieces())),
            "width": page.width,
            "height": page.height,
            "unit": _unit(page),
            "dpi": page.dpi,
            "confidence": page.confidence,
            "header": self._short(page, details.header),
            "footer": self._short(page, details.footer),
            "links": [{"text": link.text, "url": link.url} for link in details.links],
            "images": (self._image(image, details) for image in page.images),
            "tables": (self._table(page, table) for table in details.tables),
            "warnings": self._warnings.get(page.number, []),
        }
        if self._with_blocks:
            self._lack_blocks |= not page.has_blocks
            blocks = (self._block(page, block) for block in page.blocks())
            fields["blocks"] = blocks if page.has_blocks else None
        if self._with_html:
            fields["html"] = (self._html_block(block) for block in blocks_of(page))
        if self._has_words:
            fields["words"] = (
                {"text": word.text, "confidence": word.confidence, "bbox": word.box}
                for word in page.words()
            )
        return fields

    def _image(self, image: dict[str, Any], details: PageDetails) -> Fields:
        name: str = image["name"]
        told = details.images.get(name, _NOTHING_TOLD)
        return Fields(
            {
                "name": name,
                "url": self._folder + name,
                "bbox": image["bbox"],
                "caption": told.caption,
                "annotation": json_or_text(told.annotation),
            }
        )

    def _table(self, page: StructuredPage, table: Table) -> Fields:
        text = self._text(page, table)
        is_html = table.format == "html"
        return Fields(
            {
                "id": table.id,
                "markdown": None if is_html else text,
                "html": text if is_html else None,
                "bbox": table.box,
            }
        )

    def _block(self, page: StructuredPage, block: Block) -> Any:
        text = self._text(page, block)
        fields = {
            "type": block.type,
            "text": text,
            "bbox": block.box,
            "level": block.level,
            "confidence": block.confidence,
            "tableId": block.table_id,
            "imageName": block.image_name,
        }
        return fields if isinstance(text, str) else Fields(fields)

    def _html_block(self, block: PageBlock) -> Fields:
        html = block.html()
        pieces = [html] if isinstance(html, str) else html.pieces
        shown = block_html(block.page, pieces, self._folder)
        return Fields(
            {
                "type": block.type,
                "html": "".join(shown) if isinstance(html, str) else Text(shown),
                "bbox": block.box,
                "level": block.level,
                "confidence": block.confidence,
            }
        )

    def _text(self, page: StructuredPage, part: Block | Table) -> str | Text | None:
        """Return the text of a part of a page: a long one is read while it is sent."""
        if part.text is not None:
            return self._short(page, part.text)
        pieces = self._linked(page, page.text(part.start, part.end))
        is_long = part.end - part.start > PIECE_MAX_CHARACTERS
        return Text(pieces) if is_long else "".join(pieces)

    def _short(self, page: StructuredPage, text: str | None) -> str | None:
        return text and "".join(self._linked(page, [text]))

    def _linked(self, page: StructuredPage, pieces: Iterable[str]) -> Iterator[str]:
        return linked(pieces, page.image_names, self._folder)


def listed(found: ListedPages) -> dict[str, Any]:
    """Return the fields of a list of pages."""
    warnings = _by_page(found.source)
    return {
        "id": found.document.id,
        "pages": [
            {
                "number": page.number,
                "width": page.width,
                "height": page.height,
                "unit": _unit(page),
                "dpi": page.dpi,
                "confidence": page.confidence,
                "warnings": warnings.get(page.number, []),
                "has_blocks": page.has_blocks,
            }
            for page in found.pages
        ],
        "next_cursor": None if found.next_number is None else str(found.next_number),
    }


def _by_page(source: Source) -> dict[int, list[dict[str, Any]]]:
    """Return the warnings that concern a page, by its number."""
    warnings: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for warning in source.warnings:
        if warning["page"] is not None:
            warnings[warning["page"]].append(warning)
    return warnings


def _engine(model: str | None) -> str | None:
    """Return which engine made a result; None when nobody knows."""
    if model is None:
        return None
    return registry.EMBEDDED if model == registry.EMBEDDED else registry.MISTRAL


def _unit(page: StructuredPage | PageOutline) -> str | None:
    if page.dpi is not None:
        return "pixel"
    return None if page.width is None else "point"
