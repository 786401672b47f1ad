"""Parsing an OCR response into pages.

Not by the SDK's types: those refuse a whole response, which is paid for, for one unexpected field.
What can be read is used, within the bounds of `answer_limits`; what cannot is a warning.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ilios.core.telemetry import logs
from ilios.engines import conversion_warnings, unicode
from ilios.engines.base import Conversion, ConversionWarning, Options, Page, Part, Usage
from ilios.engines.mistral import answer_json, answer_pages, images, placeholders
from ilios.engines.mistral.answer_limits import (
    ANSWER_MAX_IMAGES,
    ANSWER_MAX_PAGES,
    DOCUMENT_MAX_BYTES,
    NAME_MAX_CHARACTERS,
    PAGE_MAX_BYTES,
)
from ilios.engines.mistral.answer_pages import Found
from ilios.engines.mistral.numbers import COUNT_MAX, count, size, whole

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
    return Conversion(pages, _usage(fields, model, part, len(pages)), warnings)


class _PageReader:
    """Reads the pages of one answer, one after the other, within what an answer may bring."""

    def __init__(self, options: Options, workspace: Path) -> None:
        self._options = options
        self._workspace = workspace
        self._bytes_left = DOCUMENT_MAX_BYTES
        self._images_left = ANSWER_MAX_IMAGES

    def page(self, found: Found, index: int) -> Page:
        """Return the page; what is left out of it is a warning."""
        fields, number = found.fields, index + 1
        text = _text(fields, "markdown", PAGE_MAX_BYTES)
        is_cut = _is_longer(fields.get("markdown"), PAGE_MAX_BYTES)
        written = self._images(fields, index)
        names = {image_id: file.name for image_id, file in written.files.items()}
        whole_text = placeholders.with_images(
            placeholders.with_tables(text, _tables(fields)), names
        )
        markdown = self._within_limits(whole_text)
        warnings = [*_warnings(fields, text, number)]
        if found.is_misnumbered:
            warnings.append(conversion_warnings.page_misnumbered(number))
        if is_cut or len(markdown) < len(whole_text):
            warnings.append(conversion_warnings.page_cut(number))
        if not written.is_complete:
            warnings.append(conversion_warnings.image_left_out(number))
        dimensions = fields.get("dimensions")
        sizes = dimensions if isinstance(dimensions, dict) else {}
        return Page(
            index=index,
            markdown=markdown,
            width=size(sizes.get("width")),
            height=size(sizes.get("height")),
            dpi=count(sizes.get("dpi")),
            images=tuple(written.files.values()),
            warnings=tuple(warnings),
        )

    def _images(self, fields: dict[str, Any], index: int) -> images.PageImages:
        if not self._options.include_images:
            return images.PageImages({}, is_complete=True)
        listed = _list(fields, "images")
        written = images.write_files(listed, index, self._workspace, self._images_left)
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


def _tables(fields: dict[str, Any]) -> dict[str, str]:
    """Return tables by id: they are separate from the text if a table format was asked for."""
    found: dict[str, str] = {}
    for table in _list(fields, "tables"):
        content = _text(table, "content").strip() if isinstance(table, dict) else ""
        if content and isinstance(table.get("id"), str):
            found[table["id"]] = content
    return found


def _warnings(fields: dict[str, Any], text: str, number: int) -> tuple[ConversionWarning, ...]:
    if not isinstance(fields.get("markdown"), str):
        return (conversion_warnings.page_without_answer(number),)
    if placeholders.without_images(text).strip():
        return ()
    if _text(fields, "header").strip() or _text(fields, "footer").strip():
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
    answered_by = _text(fields, "model")[:NAME_MAX_CHARACTERS] or model
    if claimed is None or claimed < 0:
        log.warning("answer.without_usage", pages=came)
        return Usage(came, answered_by, asked_model=model)
    if claimed <= sent:
        return Usage(claimed, answered_by, asked_model=model)
    return Usage(sent, answered_by, claimed_pages=min(claimed, COUNT_MAX), asked_model=model)


def _list(fields: dict[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    return value if isinstance(value, list) else []


def _is_longer(value: Any, most: int) -> bool:
    return isinstance(value, str) and len(value) > most


def _text(fields: dict[str, Any], name: str, most: int | None = None) -> str:
    """Return a text; of at most so many characters: what is cut anyway need not be looked at."""
    value = fields.get(name)
    return unicode.storable(value[:most]) if isinstance(value, str) else ""
