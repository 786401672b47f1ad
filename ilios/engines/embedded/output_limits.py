"""Bounds of what comes out: a small file can stand for a text without end.

The child keeps within them, and its parent, which does not believe it, holds them again: see
ilios.engines.embedded.page_receiver.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from ilios.core.conversion_errors import DocumentTooLarge
from ilios.engines import conversion_warnings, document_errors, page_details
from ilios.engines.base import ConversionWarning, Page

MIB: Final = 1024 * 1024
PAGE_MAX_BYTES: Final = 32 * MIB
"""Of the Markdown of a page, in UTF-8."""
DOCUMENT_MAX_BYTES: Final = 128 * MIB
"""Of the Markdown of all pages."""
DOCUMENT_MAX_PAGES: Final = 100_000
PAGE_MAX_WARNINGS: Final = 100
DOCUMENT_MAX_WARNINGS: Final = 1_000
"""Every status of the document repeats them."""
WARNING_MAX_CHARACTERS: Final = 1_000
IMAGE_NAME_MAX_CHARACTERS: Final = 100
BLOCKS_MAX_COUNT: Final = 20_000
"""Of a page; the last of more become one."""
LINES_MAX_COUNT: Final = 20_000
"""Of a page that was recognised; the places of further ones are left out."""
LINKS_MAX_COUNT: Final = 2_000
"""Of a page; further ones are in its text alone."""
DETAILS_MAX_CHARACTERS: Final = 8 * MIB
"""Of links, tables and captions of a document, as JSON; pages beyond have none."""
TABLE_ID: Final = re.compile(r"table-[1-9]\d{0,9}-[1-9]\d{0,9}")


def refuse_page_of(size_bytes: int) -> None:
    """Raise DocumentTooLarge if a page, or a part of one, gets at least so much Markdown.

    Before a text is written its characters are counted: each has a byte or more.
    """
    if size_bytes > PAGE_MAX_BYTES:
        raise document_errors.too_large(
            f"A page of the document gives {size_bytes:,} bytes of Markdown or more",
            f"{PAGE_MAX_BYTES:,} bytes",
        )


def document_of(size_bytes: int, pages: int) -> DocumentTooLarge | None:
    """Return the error for a document whose first pages give so much Markdown; None within."""
    if size_bytes <= DOCUMENT_MAX_BYTES:
        return None
    return document_errors.too_large(
        f"The first {pages:,} pages give {size_bytes:,} bytes of Markdown",
        f"{DOCUMENT_MAX_BYTES:,} bytes",
    )


def refuse_pages(count: int) -> None:
    """Raise DocumentTooLarge if a document has too many pages to convert."""
    if count > DOCUMENT_MAX_PAGES:
        raise document_errors.too_large(
            f"{count:,} pages are to be converted", f"{DOCUMENT_MAX_PAGES:,} pages"
        )


def size_bytes(text: str) -> int:
    """Return how many bytes a text has in UTF-8, lone surrogates included."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def bounded(pages: Iterable[Page]) -> Iterator[Page]:
    """Yield pages as long as they, and all of them together, keep within the bounds.

    Warnings and details beyond theirs are left out, which a warning says.
    """
    total = 0
    warnings, details = _Warnings(), _Details()
    for number, page in enumerate(pages, start=1):
        size = size_bytes(page.markdown)
        refuse_page_of(size)
        total += size
        error = document_of(total, number)
        if error is not None:
            raise error
        page = details.told(page)
        told = warnings.told(page.warnings)
        yield page if told == page.warnings else replace(page, warnings=told)


class _Details:
    """Counts the details of a document, and leaves out those of pages beyond the bound."""

    def __init__(self) -> None:
        self._left = DETAILS_MAX_CHARACTERS

    def told(self, page: Page) -> Page:
        """Return a page as it is told."""
        self._left -= (size := len(page.details or ""))
        if self._left >= 0:
            return page
        self._left += size
        images = tuple(replace(image, caption=None) for image in page.images)
        warnings = (*page.warnings, conversion_warnings.structure_cut(page.index + 1))
        cut = replace(page, links=(), tables=(), images=images, details=None, warnings=warnings)
        return replace(cut, details=page_details.encode(cut))


class _Warnings:
    """Counts the warnings of a document, and leaves out those beyond the bounds."""

    def __init__(self) -> None:
        self._left = DOCUMENT_MAX_WARNINGS - 1  #: one place is for what says that there are more
        self._is_ended = False

    def told(self, found: tuple[ConversionWarning, ...]) -> tuple[ConversionWarning, ...]:
        """Return the warnings of a page as they are told."""
        told = [replace(w, message=w.message[:WARNING_MAX_CHARACTERS]) for w in found]
        if len(told) > PAGE_MAX_WARNINGS:
            told[PAGE_MAX_WARNINGS - 1 :] = [conversion_warnings.further(found[-1])]
        if len(told) > self._left:
            del told[self._left :]
            if not self._is_ended:
                told.append(conversion_warnings.further(replace(found[-1], page=None)))
            self._is_ended = True
        self._left -= min(len(told), self._left)
        return tuple(told)
