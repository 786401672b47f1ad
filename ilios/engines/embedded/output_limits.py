"""Bounding what comes out: a small file can stand for a text without end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ilios.engines import document_errors
from ilios.engines.base import Page
from ilios.engines.embedded import limits


def refuse_page_of(characters: int) -> None:
    """Raise DocumentTooLarge if a page, or a part of one, gets so many characters of Markdown."""
    if characters > limits.PAGE_MAX_CHARACTERS:
        raise document_errors.too_large(
            f"A page of the document gives {characters:,} characters of Markdown or more",
            f"{limits.PAGE_MAX_CHARACTERS:,} characters",
        )


def bounded(pages: Iterable[Page]) -> Iterator[Page]:
    """Yield pages as long as they, and all of them together, keep within the limits."""
    characters = 0
    for page in pages:
        refuse_page_of(len(page.markdown))
        characters += len(page.markdown)
        if characters > limits.DOCUMENT_MAX_CHARACTERS:
            raise document_errors.too_large(
                f"The first {page.index + 1:,} pages give {characters:,} characters of Markdown",
                f"{limits.DOCUMENT_MAX_CHARACTERS:,} characters",
            )
        yield page
