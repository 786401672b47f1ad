"""What a PDF says of itself, through PDFium, in a parser child only."""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING, Any, Final

import pypdfium2.raw as pdfium_c

from ilios.core.conversion_limits import INFO_TEXT_MAX_CHARACTERS

if TYPE_CHECKING:  # takes a child that only counts pages as long to import as all else of ours
    from ilios.engines.base import DocumentInfo

LANGUAGE_MAX_BYTES: Final = 256
TEXT_MAX_BYTES: Final = 4 * INFO_TEXT_MAX_CHARACTERS
"""Of each text that is passed on, in UTF-16: twice what is kept, as blanks are taken out of it."""
_DATE: Final = re.compile(
    r"\s*(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([+-])(\d\d)'?(\d\d)?)?"
)


def of_pdf(pdf: Any) -> DocumentInfo:
    """Return what an opened PDF says of itself, and how many pages it has."""
    from ilios.engines import document_info

    return document_info.told(**texts(pdf), page_count=pdfium_c.FPDF_GetPageCount(pdf))


def texts(pdf: Any) -> dict[str, str]:
    """Return what an opened PDF says of itself, as `document_info.told` takes it.

    `pdf` may be PDFium's own handle.
    """
    found = {
        "title": _text(pdf, b"Title\0"),
        "author": _text(pdf, b"Author\0"),
        "created": _iso_date(_text(pdf, b"CreationDate\0")),
        "modified": _iso_date(_text(pdf, b"ModDate\0")),
        "language": _language(pdf),
        "producer": _text(pdf, b"Producer\0") or _text(pdf, b"Creator\0"),
    }
    return {name: text for name, text in found.items() if text}


def _text(pdf: Any, key: bytes) -> str:
    # Not by pypdfium2's own way: it asks for each text twice, and fails on halves of characters.
    buffer = ctypes.create_string_buffer(TEXT_MAX_BYTES)
    size = pdfium_c.FPDF_GetMetaText(pdf, key, buffer, TEXT_MAX_BYTES)
    if size > TEXT_MAX_BYTES:
        buffer = ctypes.create_string_buffer(size)
        pdfium_c.FPDF_GetMetaText(pdf, key, buffer, size)
    return _decoded(buffer, min(size, TEXT_MAX_BYTES))


def _iso_date(written: str) -> str | None:
    """Return a date of PDF, such as `D:20240131120000+01'00'`, as ISO 8601 has it."""
    match = _DATE.match(written)
    if match is None:
        return None
    year, month, day, hour, minute, second, sign, hours, minutes = match.groups()
    if hour is None:
        return "-".join(part for part in (year, month, day) if part)
    zone = f"{sign}{hours}:{minutes or '00'}" if sign else "Z"
    return f"{year}-{month}-{day}T{hour}:{minute or '00'}:{second or '00'}{zone}"


def _language(pdf: Any) -> str | None:
    buffer = (pdfium_c.FPDF_WCHAR * (LANGUAGE_MAX_BYTES // 2))()
    size = pdfium_c.FPDFCatalog_GetLanguage(pdf, buffer, LANGUAGE_MAX_BYTES)
    if not 2 < size <= LANGUAGE_MAX_BYTES:
        return None
    return _decoded(buffer, size)


def _decoded(buffer: Any, size: int) -> str:
    """Return a text of so many bytes, of which the last two are its end."""
    return ctypes.string_at(buffer, size - 2).decode("utf-16-le", "replace") if size > 2 else ""
