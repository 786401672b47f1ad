"""Cutting a PDF into smaller ones through PDFium, in a parser child."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ilios.core.conversion_errors import DocumentTooLarge
from ilios.engines import pdf_info
from ilios.engines.page_selection import PageSelection
from ilios.engines.pdf_opening import UnreadablePdf, is_protected, open_pdf, opened

PART_TARGET_BYTES: Final = 32 * 10**6
"""The size that parts are cut for: half a minute of upload on a slow line."""


@dataclass(frozen=True, slots=True)
class PartLimits:
    """How much one part may hold."""

    pages: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Counted:
    """A PDF that was counted."""

    page_count: int
    info: dict[str, str]  #: see ilios.engines.pdf_info.texts
    files: Iterator[PartFile] | None  #: None: it need not be cut


@dataclass(frozen=True, slots=True)
class PartFile:
    """Pages of a PDF, cut out of it."""

    path: Path
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Original:
    """A PDF that is cut, with what may open it."""

    path: Path
    password: str | None = field(default=None, repr=False)


def cut(
    original: Original, selection: PageSelection | None, folder: Path, limits: PartLimits
) -> Counted:
    """Count a PDF, and prepare to cut out the selected pages; no part is encrypted.

    Files are written below `folder`, one by one as the iterator advances.

    Raises UnreadablePdf, EncryptedDocument, WrongPassword, UnsupportedDocument, PagesOutOfRange,
    and while it cuts also DocumentTooLarge.
    """
    with opened(original.path, original.password) as pdf:
        page_count, info = pdfium_c.FPDF_GetPageCount(pdf), pdf_info.texts(pdf)
        is_encrypted = is_protected(pdf)
    indexes = selection.indexes(page_count) if selection else range(page_count)
    size_bytes = original.path.stat().st_size
    is_all = len(indexes) == page_count
    if is_all and page_count <= limits.pages and size_bytes <= limits.size_bytes:
        if not is_encrypted:
            return Counted(page_count, info, None)
        pages = limits.pages
    else:
        pages = _pages_per_part(size_bytes / page_count, limits)
    return Counted(page_count, info, _cut(original, balanced(indexes, pages), folder, limits))


def balanced(indexes: Sequence[int], most: int) -> list[Sequence[int]]:
    """Divide indexes into as few ranges of at most `most` as possible, of equal size within one."""
    count = -(-len(indexes) // most)
    bounds = [number * len(indexes) // count for number in range(count + 1)]
    return [indexes[start:end] for start, end in pairwise(bounds)]


def _pages_per_part(mean_page_bytes: float, limits: PartLimits) -> int:
    target_bytes = min(PART_TARGET_BYTES, limits.size_bytes)
    return max(1, min(limits.pages, int(target_bytes / max(mean_page_bytes, 1))))


def _cut(
    original: Original, ranges: Sequence[Sequence[int]], folder: Path, limits: PartLimits
) -> Iterator[PartFile]:
    waiting = list(reversed(ranges))
    while waiting:
        indexes = waiting.pop()
        file = folder / f"pages-{indexes[0] + 1}-{indexes[-1] + 1}.pdf"
        _write(original, indexes, file)
        size_bytes = file.stat().st_size
        if size_bytes <= limits.size_bytes:
            yield PartFile(file, tuple(indexes))
            continue
        file.unlink()
        if len(indexes) == 1:
            raise DocumentTooLarge(
                f"Page {indexes[0] + 1} alone has {size_bytes / 10**6:.0f} MB; the limit is "
                f"{limits.size_bytes / 10**6:.0f} MB. Shrink its images, then send it again."
            )
        middle = len(indexes) // 2
        waiting += [indexes[middle:], indexes[:middle]]


def _write(original: Original, indexes: Sequence[int], file: Path) -> None:
    # Opened for each part: PDFium keeps in memory all that it has read until the file is closed.
    with (
        closing(open_pdf(original.path, original.password)) as pdf,
        closing(pdfium.PdfDocument.new()) as part,
    ):
        try:
            if pdf.get_formtype() != pdfium_c.FORMTYPE_NONE:
                _flatten(pdf, indexes)
            part.import_pages(pdf, list(indexes))
            part.save(file)
        except pdfium.PdfiumError as error:
            raise UnreadablePdf from error


def _flatten(pdf: Any, indexes: Sequence[int]) -> None:
    """Draw the form fields into their pages.

    A page that is moved to another file loses the document's form, and viewers show nothing of a
    field without its form, whatever was filled in.
    """
    pdf.init_forms()
    for index in indexes:
        with closing(pdf[index]) as page:
            page.flatten()
