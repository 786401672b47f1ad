"""The pages of a result as objects, whose long fields are read while they are sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from ilios.api.responses.page_blocks import PageBlock, blocks_of
from ilios.api.responses.result_html import block_html
from ilios.documents.queries import ListedPages, Result
from ilios.documents.repository import Source
from ilios.documents.result_pages import StructuredPage
from ilios.engines.json_pieces import Fields, Text
from ilios.engines.page_fields import PageFields, unit

BLOCKS_NOT_REQUESTED: Final = {
    "code": "blocks_not_requested",
    "message": "The document was converted without blocks. Send it again with include=blocks to "
    "have them.",
    "page": None,
}


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
        self._fields_of = PageFields(
            source.model, image_folder, with_blocks=with_blocks, with_words=source.has_words
        ).of
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
        fields = self._fields_of(page, self._warnings.get(page.number, []))
        if self._with_blocks:
            self._lack_blocks |= not page.has_blocks
        if self._with_html:
            fields["html"] = (self._html_block(block) for block in blocks_of(page))
        return fields

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
                "unit": unit(page.width, page.dpi),
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
