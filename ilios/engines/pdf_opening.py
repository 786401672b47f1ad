"""Opening a PDF through PDFium, in a parser child only."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ilios.core.conversion_errors import UnsupportedDocument
from ilios.engines import document_errors, password_spellings


class UnreadablePdf(Exception):
    """PDFium cannot read the file; other programs might."""


def open_pdf(path: Path, password: str | None = None) -> Any:
    """Open a PDF; close what is returned.

    One that needs no password is opened with any. Raises EncryptedDocument, WrongPassword,
    UnsupportedDocument, UnreadablePdf.
    """
    return pdfium.PdfDocument(_opened(path, password)[0])


def open_as_spelled(path: Path, password: str | None) -> tuple[Any, str | None]:
    """Open a PDF as `open_pdf` does, and return it with the spelling of the password that did it.

    Another library may know fewer of them.
    """
    handle, spelling = _opened(path, password)
    return pdfium.PdfDocument(handle), spelling


@contextmanager
def opened(path: Path, password: str | None = None) -> Iterator[Any]:
    """Open a PDF for PDFium's own functions, in less time than `open_pdf`. Raises as it does."""
    handle, _ = _opened(path, password)
    try:
        yield handle
    finally:
        pdfium_c.FPDF_CloseDocument(handle)


def is_protected(handle: Any) -> bool:
    """Return whether an opened PDF is encrypted, be it under an owner's password alone."""
    return bool(pdfium_c.FPDF_GetSecurityHandlerRevision(handle) >= 0)


def claims_protection(path: Path) -> bool:
    """Return whether a PDF that cannot be opened says that it is encrypted; never in packed bytes.

    Some that is not may say so in its text.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"/Encrypt") >= 0


def _opened(path: Path, password: str | None) -> tuple[Any, str | None]:
    """Return PDFium's document, which has a page at least, and the password as it was spelled."""
    tried = () if password is None else password_spellings.of_pdf(password)
    for spelling in (*tried, None):  # one that needs no password is opened with any
        sent = None if spelling is None else spelling.encode() + b"\0"
        # Not by pypdfium2's own way in: it resolves the path, which takes as long as to open it.
        handle = pdfium_c.FPDF_LoadDocument(os.fsencode(path) + b"\0", sent)
        if pdfium_c.FPDF_GetPageCount(handle) > 0:
            return handle, spelling
        if (error := pdfium_c.FPDF_GetLastError()) != pdfium_c.FPDF_ERR_PASSWORD:
            break
    match error:
        case pdfium_c.FPDF_ERR_PASSWORD if password is None:
            raise document_errors.locked("PDF")
        case pdfium_c.FPDF_ERR_PASSWORD:
            raise document_errors.wrong_password("PDF", password or "")
        case pdfium_c.FPDF_ERR_SECURITY:
            raise UnsupportedDocument(
                "The PDF is protected by a kind of encryption that cannot be opened. Save it "
                "without protection, then send it again."
            )
    raise UnreadablePdf
