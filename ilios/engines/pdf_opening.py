"""Opening a PDF through PDFium, in a parser child only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ilios.core.conversion_errors import UnsupportedDocument
from ilios.engines import document_errors


class UnreadablePdf(Exception):
    """PDFium cannot read the file; other programs might."""


def open_pdf(path: Path) -> Any:
    """Open a PDF; close what is returned.

    Raises EncryptedDocument, UnsupportedDocument, UnreadablePdf.
    """
    return pdfium.PdfDocument(_opened(path))


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a PDF for PDFium's own functions, in less time than `open_pdf`. Raises as it does."""
    handle = _opened(path)
    try:
        yield handle
    finally:
        pdfium_c.FPDF_CloseDocument(handle)


def _opened(path: Path) -> Any:
    """Return PDFium's document, which has a page at least."""
    # Not by pypdfium2's own way in: it resolves the path, which takes as long as to open it.
    opened = pdfium_c.FPDF_LoadDocument(os.fsencode(path) + b"\0", None)
    if pdfium_c.FPDF_GetPageCount(opened) > 0:
        return opened
    match pdfium_c.FPDF_GetLastError():
        case pdfium_c.FPDF_ERR_PASSWORD:
            raise document_errors.encrypted("PDF")
        case pdfium_c.FPDF_ERR_SECURITY:
            raise UnsupportedDocument(
                "The PDF is protected by a kind of encryption that cannot be opened. Save it "
                "without protection, then send it again."
            )
    raise UnreadablePdf
