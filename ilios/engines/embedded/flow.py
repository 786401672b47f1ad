"""Documents that flow: formats without pages of a fixed size, read at once and kept in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ilios.engines import conversion_warnings
from ilios.engines.base import ConversionWarning, ImageFile, Page


@dataclass(frozen=True, slots=True)
class FlowPage:
    """A page without a fixed size: in most formats, the whole text."""

    markdown: str
    images: tuple[ImageFile, ...] = ()
    warnings: tuple[ConversionWarning, ...] = ()


class FlowDocument:
    """A document all of whose pages are read when it is opened."""

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
