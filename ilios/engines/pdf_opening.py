"""Opening a PDF through PDFium, in a parser child only."""

from __future__ import annotations

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
    try:
        return pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code == pdfium_c.FPDF_ERR_PASSWORD:
            raise document_errors.encrypted("PDF") from error
        if code == pdfium_c.FPDF_ERR_SECURITY:
            raise UnsupportedDocument(
                "The PDF is protected by a kind of encryption that cannot be opened. Save it "
                "without protection, then send it again."
            ) from error
        raise UnreadablePdf from error
