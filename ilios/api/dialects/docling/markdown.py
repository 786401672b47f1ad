"""A result as the Markdown of docling-serve: a client chooses what stands between pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ilios.api.dialects.docling.images import Images
from ilios.documents.queries import Result

BETWEEN: Final = "\n\n"  #: blocks, of which the placeholder is one


def markdown(found: Result, images: Images, page_break: str | None) -> Iterator[str]:
    """Yield the Markdown of a result with its images."""
    before = ""
    for page in found.pages():
        yield before
        yield from images.markdown(page)
        before = BETWEEN if page_break is None else f"{BETWEEN}{page_break}{BETWEEN}"
