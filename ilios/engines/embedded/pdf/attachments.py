"""Files that a PDF holds beside its pages."""

from __future__ import annotations

import ctypes
from typing import Any, Final

import pypdfium2.raw as pdfium_c

NAMES_SHOWN: Final = 10
NAME_MAX_BYTES: Final = 4096


def names(pdf: Any) -> tuple[int, tuple[str, ...]]:
    """Return how many files are attached, and the names of the first of them."""
    count = pdfium_c.FPDFDoc_GetAttachmentCount(pdf.raw)
    shown = (
        name(pdfium_c.FPDFDoc_GetAttachment(pdf.raw, index))
        for index in range(min(count, NAMES_SHOWN))
    )
    return max(count, 0), tuple(filter(None, shown))


def name(attachment: Any) -> str:
    if not attachment:
        return ""
    size = pdfium_c.FPDFAttachment_GetName(attachment, None, 0)
    if not 2 < size <= NAME_MAX_BYTES:
        return ""
    buffer = ctypes.create_string_buffer(size)
    wide = ctypes.cast(buffer, ctypes.POINTER(pdfium_c.FPDF_WCHAR))
    pdfium_c.FPDFAttachment_GetName(attachment, wide, size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace").strip()
