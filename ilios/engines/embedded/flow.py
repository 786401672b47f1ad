"""What every format reader returns, and the simple case: a document whose pages are all known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ilios.engines import conversion_warnings
from ilios.engines.base import ConversionWarning, ImageFile, Page


class Document(Protocol):
    """An opened document: how many pages it has, and their conversion one by one."""

    @property
    def page_count(self) -> int: ...

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        """Convert the pages with these 0-based indexes, in the order given."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class FlowPage:
    """A page of a format without fixed sizes: a slide, a sheet, a chapter, or the whole text."""

    markdown: str
    images: tuple[ImageFile, ...] = ()
    warnings: tuple[ConversionWarning, ...] = ()


class FlowDocument:
    """Pages that were read in one go."""

    def __init__(self, flow_pages: Sequence[FlowPage]) -> None:
        self._pages = flow_pages

    @property
    def page_count(self) -> int:
        return len(self._pages)

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        for index in indexes:
            page = self._pages[index]
            blank = () if page.markdown.strip() else (conversion_warnings.blank_page(index + 1),)
            yield Page(index, page.markdown, images=page.images, warnings=page.warnings + blank)

    def close(self) -> None:
        return
