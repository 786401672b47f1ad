"""The content of a result as one text, and where in it the blocks of each page stand.

Offsets count from the beginning of the content, in the unit that the client asked for. They are
known only once all that stands before has been written, so that each walk over the pages counts
anew; of a short result the parts are held, and walked over again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ilios.api.dialects.azure import content_blocks
from ilios.api.dialects.azure.content_blocks import BlockText
from ilios.api.dialects.azure.string_units import Measure
from ilios.api.responses.image_links import folder_of
from ilios.documents.queries import Result
from ilios.documents.result_pages import StructuredPage
from ilios.engines.page_text import PIECE_MAX_CHARACTERS, TEXT_PAGE_BREAK

MARKDOWN_PAGE_BREAK: Final = "\n\n<!-- PageBreak -->\n\n"  #: as clients of the dialect seek it
HELD_MAX_CHARACTERS: Final = 4 * PIECE_MAX_CHARACTERS  #: of the pages whose parts are held


@dataclass(frozen=True, slots=True)
class ContentPart:
    """A block, or a part of a long one, with its place in the content."""

    written: BlockText
    gap: str  #: what parts it from that before it on its page
    offset: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + self.length


class Content:
    """The content of a result."""

    def __init__(self, found: Result, measure: Measure, *, is_markdown: bool) -> None:
        self.measure = measure
        self.is_markdown = is_markdown
        self.image_folder = folder_of(found.document.id)
        self._found = found
        self._page_break = MARKDOWN_PAGE_BREAK if is_markdown else TEXT_PAGE_BREAK
        self._held: list[PageContent] | None = None

    def pages(self) -> Iterator[PageContent]:
        """Yield the pages in order, any number of times."""
        if self._held is not None:
            yield from self._held
            return
        held: list[PageContent] = []
        characters = offset = 0
        for page in self._found.structured_pages(with_blocks=True):
            content = PageContent(page, self, offset)
            yield content
            offset = content.end + self.measure(self._page_break)
            characters += content.held_characters
            if characters <= HELD_MAX_CHARACTERS:
                held.append(content)
            else:
                held.clear()
        if characters <= HELD_MAX_CHARACTERS:
            self._held = held

    def text(self) -> Iterator[str]:
        """Yield it in pieces."""
        page_break = ""
        for page in self.pages():
            yield page_break
            for part in page.parts():
                yield part.gap + part.written.text
            page_break = self._page_break


class PageContent:
    """The content of one page, which may be walked over any number of times."""

    def __init__(self, page: StructuredPage, content: Content, start: int) -> None:
        self.page = page
        self.start = start
        self._content = content
        self._end: int | None = None
        self._held: list[ContentPart] | None = None

    @property
    def is_long(self) -> bool:
        """Whether it is more than is read at once."""
        return len(next(self.page.pieces())) >= PIECE_MAX_CHARACTERS

    @property
    def end(self) -> int:
        """Where it ends in the whole content."""
        if self._end is None:
            for _ in self.parts():
                pass
        return self.start if self._end is None else self._end

    @property
    def held_characters(self) -> int:
        """How much of it is held; of a long page, more than may be."""
        if self._held is None:
            return HELD_MAX_CHARACTERS + 1
        return sum(len(part.written.text) for part in self._held)

    def parts(self) -> Iterator[ContentPart]:
        """Yield its blocks in reading order, long ones in parts."""
        if self._held is not None:
            return iter(self._held)
        if self.is_long:
            return self._walk()
        self._held = list(self._walk())
        return iter(self._held)

    def _walk(self) -> Iterator[ContentPart]:
        content = self._content
        offset, has_begun = self.start, False
        for written in content_blocks.blocks(
            self.page, content.image_folder, is_markdown=content.is_markdown
        ):
            gap = written.gap if has_begun and written.text else ""
            offset += content.measure(gap)
            length = content.measure(written.text)
            yield ContentPart(written, gap, offset, length)
            offset += length
            has_begun = has_begun or bool(written.text)
        self._end = offset
