"""Cutting a PDF into smaller ones through PDFium: the parser child's side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ilios.core.conversion_errors import DocumentTooLarge
from ilios.engines import document_errors
from ilios.engines.page_selection import PageSelection

PART_TARGET_BYTES: Final = 32 * 10**6
"""What a part should not exceed: half a minute of upload where lines are slow."""


class UnreadablePdf(Exception):
    """PDFium makes nothing of the file; others might."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one part may hold."""

    pages: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Pages of a PDF as a file: one of its own, or the PDF itself when all are wanted."""

    path: Path
    indexes: tuple[int, ...]


def pieces(
    path: Path, selection: PageSelection | None, folder: Path, limits: Limits
) -> tuple[int, Iterator[Piece]]:
    """Count a PDF's pages, and cut out those selected; files are written below `folder`.

    Raises UnreadablePdf, EncryptedDocument, UnsupportedDocument, EmptyDocument, PagesOutOfRange,
    and while it cuts also DocumentTooLarge.
    """
    pdf = _opened(path)
    with closing(pdf):
        page_count = len(pdf)
        if not page_count:
            raise document_errors.empty("PDF")
    indexes = selection.indexes(page_count) if selection else list(range(page_count))
    size_bytes = path.stat().st_size
    is_all = len(indexes) == page_count
    if is_all and page_count <= limits.pages and size_bytes <= limits.size_bytes:
        return page_count, iter([Piece(path, tuple(indexes))])
    pages = _pages_of_a_part(size_bytes / page_count, limits)
    return page_count, _cut(path, balanced(indexes, pages), folder, limits)


def balanced(indexes: Sequence[int], most: int) -> list[Sequence[int]]:
    """Ranges of at most so many indexes, as few as possible, that differ by one at most."""
    count = -(-len(indexes) // most)
    bounds = [place * len(indexes) // count for place in range(count + 1)]
    return [indexes[start:end] for start, end in pairwise(bounds)]


def _pages_of_a_part(mean_page_bytes: float, limits: Limits) -> int:
    target_bytes = min(PART_TARGET_BYTES, limits.size_bytes)
    return max(1, min(limits.pages, int(target_bytes / max(mean_page_bytes, 1))))


def _cut(
    path: Path, ranges: Sequence[Sequence[int]], folder: Path, limits: Limits
) -> Iterator[Piece]:
    waiting = list(reversed(ranges))
    while waiting:
        indexes = waiting.pop()
        piece = folder / f"pages-{indexes[0] + 1}-{indexes[-1] + 1}.pdf"
        _write(path, indexes, piece)
        size_bytes = piece.stat().st_size
        if size_bytes <= limits.size_bytes:
            yield Piece(piece, tuple(indexes))
            continue
        piece.unlink()
        if len(indexes) == 1:
            raise DocumentTooLarge(
                f"Page {indexes[0] + 1} alone has {size_bytes / 10**6:.0f} MB; the limit is "
                f"{limits.size_bytes / 10**6:.0f} MB. Shrink its images, then send it again."
            )
        middle = len(indexes) // 2
        waiting += [indexes[middle:], indexes[:middle]]


def _write(path: Path, indexes: Sequence[int], piece: Path) -> None:
    # Opened for each part: what PDFium has read of a document, it holds until that is closed.
    with closing(_opened(path)) as pdf, closing(pdfium.PdfDocument.new()) as part:
        try:
            if pdf.get_formtype() != pdfium_c.FORMTYPE_NONE:
                _flatten(pdf, indexes)
            part.import_pages(pdf, list(indexes))
            part.save(piece)
        except pdfium.PdfiumError as error:
            raise UnreadablePdf from error


def _flatten(pdf: Any, indexes: Sequence[int]) -> None:
    """Draw the fields into their pages: a page that moves leaves the document's form behind.

    Viewers show nothing of a field whose form is gone, whatever was filled in.
    """
    pdf.init_forms()
    for index in indexes:
        with closing(pdf[index]) as page:
            page.flatten()


def _opened(path: Path) -> Any:
    try:
        return pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code == pdfium_c.FPDF_ERR_PASSWORD:
            raise document_errors.encrypted("PDF") from error
        if code == pdfium_c.FPDF_ERR_SECURITY:
            raise document_errors.unsupported(
                "The PDF is protected by a kind of encryption that cannot be opened. Save it "
                "without protection, then send it again."
            ) from error
        raise UnreadablePdf from error
