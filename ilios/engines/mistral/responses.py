"""Parsing an OCR response into pages.

Not by the SDK's types: those refuse a whole response, which is paid for, for one unexpected field.
What can be read is used, within the bounds of `answer_limits`; what cannot is a warning.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ilios.core.telemetry import logs
from ilios.engines import conversion_warnings, page_details
from ilios.engines.base import Conversion, ConversionWarning, Options, Page, Part, Usage
from ilios.engines.mistral import (
    annotation_fields,
    answer_blocks,
    answer_fields,
    answer_json,
    answer_links,
    answer_pages,
    answer_scores,
    answer_tables,
    images,
    placeholders,
)
from ilios.engines.mistral.answer_limits import (
    ANSWER_MAX_BLOCKS,
    ANSWER_MAX_IMAGES,
    ANSWER_MAX_PAGES,
    DOCUMENT_MAX_BYTES,
    NAME_MAX_CHARACTERS,
    PAGE_MAX_BLOCKS,
    PAGE_MAX_BYTES,
)
from ilios.engines.mistral.answer_pages import Found
from ilios.engines.mistral.answer_tables import PageText
from ilios.engines.mistral.numbers import COUNT_MAX, count, whole
from ilios.engines.page_layout import Layout

log = logs.get(__name__)


def conversion(
    answer: bytes, part: Part, options: Options, model: str, workspace: Path
) -> Conversion:
    """Parse the pages of an answer, in order; perhaps fewer than were asked for.

    `model` is the requested one. Raises OutcomeUnknown for an answer that cannot be parsed.
    """
    fields = answer_json.fields(answer)
    listed = fields["pages"]
    found = answer_pages.found(listed[:ANSWER_MAX_PAGES], part.indexes)
    reader = _PageReader(options, workspace)
    pages = tuple(reader.page(found[index], index) for index in sorted(found))
    is_cut = part.indexes is None and len(listed) > ANSWER_MAX_PAGES
    warnings = (conversion_warnings.pages_cut(len(pages), len(listed)),) if is_cut else ()
    usage = _usage(fields, model, part, len(pages))
    # Without pages nothing is kept of a call: the next one asks for all of it again.
    is_extracted = options.goes_in_one_call and pages
    extraction = (annotation_fields.of_document(fields) or "") if is_extracted else None
    return Conversion(pages, usage, warnings, part.info, extraction)


class _PageReader:
    """Reads the pages of one answer, one after the other, within what an answer may bring."""

    def __init__(self, options: Options, workspace: Path) -> None:
        self._options = options
        self._workspace = workspace
        self._bytes_left = DOCUMENT_MAX_BYTES
        self._images_left = ANSWER_MAX_IMAGES
        self._blocks_left = ANSWER_MAX_BLOCKS

    def page(self, found: Found, index: int) -> Page:
        """Return the page; what is left out of it is a warning."""
        fields, number = found.fields, index + 1
        written = self._images(fields, index)
        names = {image_id: file.name for image_id, file in written.files.items()}
        provided = answer_fields.text(fields, "markdown", PAGE_MAX_BYTES)
        put = answer_tables.put(provided, fields, names, number)
        markdown = self._within_limits(put.markdown)
        is_cut = _is_longer(fields.get("markdown"), PAGE_MAX_BYTES)
        if len(markdown) < len(put.markdown):
            is_cut, put = True, put.cut(markdown)
        warnings = [*_warnings(fields, provided, number)]
        if found.is_misnumbered:
            warnings.append(conversion_warnings.page_misnumbered(number))
        if is_cut:
            warnings.append(conversion_warnings.page_cut(number))
        if answer_json.is_without_details(fields):
            warnings.append(conversion_warnings.structure_cut(number))
        if not written.is_complete:
            warnings.append(conversion_warnings.image_left_out(number))
        width, height = answer_fields.size_of(fields)
        page = Page(
            index=index,
            markdown=markdown,
            width=width,
            height=height,
            dpi=count(answer_fields.inner(fields, "dimensions").get("dpi")),
            images=tuple(written.files.values()),
            warnings=tuple(warnings),
            confidence=answer_scores.of_page(fields),
            header=answer_fields.text(fields, "header").strip() or None,
            footer=answer_fields.text(fields, "footer").strip() or None,
            links=tuple(answer_links.links(fields, markdown)),
            tables=tuple(put.tables.values()),
            words=answer_scores.words(fields) if self._options.confidence == "word" else None,
        )
        if self._options.wants_blocks:
            page = self._with_blocks(page, fields, put, names)
        return page_details.bounded(page)

    def _with_blocks(
        self, page: Page, fields: dict[str, Any], text: PageText, names: dict[str, str]
    ) -> Page:
        """Return a page with its blocks, and with what they tell of its images and tables."""
        most = min(PAGE_MAX_BLOCKS, self._blocks_left)
        blocks, is_cut = answer_blocks.blocks(fields, text, names, most)
        self._blocks_left -= min(most, len(blocks))
        captions = answer_blocks.captions(blocks, text.markdown)
        boxes = {block.table_id: block.box for block in blocks}
        layout = Layout.of(blocks)
        return replace(
            page,
            images=tuple(replace(file, caption=captions.get(file.name)) for file in page.images),
            tables=tuple(replace(table, box=boxes.get(table.id)) for table in page.tables),
            layout=replace(layout, is_cut=layout.is_cut or is_cut),
        )

    def _images(self, fields: dict[str, Any], index: int) -> images.PageImages:
        if not self._options.include_images:
            return images.PageImages({}, is_complete=True)
        listed = answer_fields.items(fields, "images")
        size = answer_fields.size_of(fields)
        written = images.write_files(listed, index, size, self._workspace, self._images_left)
        self._images_left -= len(written.files)
        return written

    def _within_limits(self, markdown: str) -> str:
        """Return as much of a page as one may have, and as the pages before it have left."""
        encoded = markdown.encode()
        room_bytes = min(PAGE_MAX_BYTES, self._bytes_left)
        self._bytes_left -= min(len(encoded), room_bytes)
        if len(encoded) <= room_bytes:
            return markdown
        return encoded[:room_bytes].decode(errors="ignore")  # not half of a character


def _warnings(fields: dict[str, Any], text: str, number: int) -> tuple[ConversionWarning, ...]:
    if not isinstance(fields.get("markdown"), str):
        return (conversion_warnings.page_without_answer(number),)
    if placeholders.without_images(text).strip():
        return ()
    if answer_fields.text(fields, "header").strip() or answer_fields.text(fields, "footer").strip():
        return ()
    if text.strip():
        return (conversion_warnings.image_without_text(number),)
    return (conversion_warnings.blank_page(number),)


def _usage(fields: dict[str, Any], model: str, part: Part, came: int) -> Usage:
    """Return what the call is charged for: the provider's count, at most the pages it was sent.

    How many pages an Office file has, only the answer tells: there it is those that came.
    """
    usage = fields.get("usage_info")
    claimed = whole(usage.get("pages_processed")) if isinstance(usage, dict) else None
    sent = max(1, came) if part.indexes is None else len(part.indexes)
    answered_by = answer_fields.text(fields, "model")[:NAME_MAX_CHARACTERS] or model
    if claimed is None or claimed < 0:
        log.warning("answer.without_usage", pages=came)
        return Usage(came, answered_by, asked_model=model)
    if claimed <= sent:
        return Usage(claimed, answered_by, asked_model=model)
    return Usage(sent, answered_by, claimed_pages=min(claimed, COUNT_MAX), asked_model=model)


def _is_longer(value: Any, most: int) -> bool:
    return isinstance(value, str) and len(value) > most
