"""Parsing an OCR response into pages.

Not by the SDK's types: those refuse a whole response, which is paid for, for one unexpected field.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ilios.core.conversion_errors import OutcomeUnknown
from ilios.core.telemetry import logs
from ilios.engines import conversion_warnings, unicode
from ilios.engines.base import Conversion, ConversionWarning, ImageFile, Options, Page, Part, Usage
from ilios.engines.mistral import images, placeholders
from ilios.engines.mistral.numbers import count, finite

log = logs.get(__name__)


def conversion(
    answer: bytes, part: Part, options: Options, model: str, workspace: Path
) -> Conversion:
    """Parse the pages of an answer, in order; perhaps fewer than were asked for.

    `model` is the requested one. Raises OutcomeUnknown for an answer that cannot be parsed.
    """
    fields = _fields(answer)
    found = _by_index(fields["pages"], part.indexes)
    pages = tuple(_page(found[index], index, options, workspace) for index in sorted(found))
    return Conversion(pages, _usage(fields, model, len(pages)))


def _fields(answer: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise _unreadable("is no JSON") from error
    if not isinstance(fields, dict) or not isinstance(fields.get("pages"), list):
        raise _unreadable("has no pages")
    return fields


def _unreadable(why: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"The answer of Mistral {why}, though the call may have been billed.")


def _by_index(pages: list[Any], indexes: tuple[int, ...] | None) -> dict[int, dict[str, Any]]:
    """Return pages by their index in the whole document; invalid ones are left out."""
    found: dict[int, dict[str, Any]] = {}
    for page in pages:
        position = count(page.get("index")) if isinstance(page, dict) else None
        if position is None or (indexes is not None and position >= len(indexes)):
            log.warning("answer.page_unexpected", index=position)
            continue
        index = position if indexes is None else indexes[position]
        if index in found:
            log.warning("answer.page_twice", index=position)
            continue
        found[index] = page
    return found


def _page(fields: dict[str, Any], index: int, options: Options, workspace: Path) -> Page:
    files: dict[str, ImageFile] = {}
    if options.include_images:
        files = images.write_files(_list(fields, "images"), index, workspace)
    text = _text(fields, "markdown")
    markdown = placeholders.with_images(
        placeholders.with_tables(text, _tables(fields)),
        {image_id: file.name for image_id, file in files.items()},
    )
    dimensions = fields.get("dimensions")
    sizes = dimensions if isinstance(dimensions, dict) else {}
    return Page(
        index=index,
        markdown=markdown,
        width=finite(sizes.get("width")),
        height=finite(sizes.get("height")),
        dpi=count(sizes.get("dpi")),
        images=tuple(files.values()),
        warnings=_warnings(fields, text, index + 1),
    )


def _tables(fields: dict[str, Any]) -> dict[str, str]:
    """Return tables by id: they are separate from the text if a table format was asked for."""
    tables = [table for table in _list(fields, "tables") if isinstance(table, dict)]
    return {
        table["id"]: _text(table, "content").strip()
        for table in tables
        if isinstance(table.get("id"), str) and _text(table, "content").strip()
    }


def _warnings(fields: dict[str, Any], text: str, number: int) -> tuple[ConversionWarning, ...]:
    if placeholders.without_images(text).strip():
        return ()
    if _text(fields, "header").strip() or _text(fields, "footer").strip():
        return ()
    if text.strip():
        return (conversion_warnings.image_without_text(number),)
    return (conversion_warnings.blank_page(number),)


def _usage(fields: dict[str, Any], model: str, pages: int) -> Usage:
    usage = fields.get("usage_info")
    processed = count(usage.get("pages_processed")) if isinstance(usage, dict) else None
    if processed is None:
        log.warning("answer.without_usage", pages=pages)
    return Usage(
        pages=pages if processed is None else processed,
        model=_text(fields, "model") or model,
        annotated=bool(fields.get("document_annotation")),
    )


def _list(fields: dict[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    return value if isinstance(value, list) else []


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return unicode.replace_surrogates(value) if isinstance(value, str) else ""
