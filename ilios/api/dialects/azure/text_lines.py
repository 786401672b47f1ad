"""Lines and words of the content: where they stand in it, and on the page if that is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ilios.api.dialects.azure.content import Content, ContentPart
from ilios.api.dialects.azure.string_units import Measure
from ilios.documents.result_pages import StructuredPage
from ilios.engines.page_structure import Block, Box
from ilios.engines.plain_text import plain_text

SIGHT_CHARACTERS: Final = 1_000
"""So far behind what was found last a text is sought: what is not there takes no time with a square
of the length."""
_FENCES: Final = ("```", "~~~")


class Span(NamedTuple):
    """Where something stands in the content."""

    offset: int
    length: int

    @property
    def fields(self) -> dict[str, int]:
        return {"offset": self.offset, "length": self.length}


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line; words have no boxes of their own, and the confidence of their line."""

    text: str
    span: Span
    box: Box | None
    confidence: float | None
    words: tuple[tuple[str, Span], ...]


class Seeker:
    """Finds texts in a part of the content, one behind the other."""

    def __init__(self, part: ContentPart, measure: Measure) -> None:
        self._text = part.written.text
        # Of most texts all that is counted is code points.
        self._measure = len if part.length == len(self._text) else measure
        self._place = 0
        self._offset = part.offset

    def span(self, text: str) -> Span | None:
        """Return where a text stands behind the last one; None if it does not."""
        end = self._place + SIGHT_CHARACTERS + len(text)
        place = self._text.find(text, self._place, end) if text else -1
        if place < 0:
            return None
        if self._measure is len:
            found = Span(self._offset + place - self._place, len(text))
        else:
            before = self._measure(self._text[self._place : place])
            found = Span(self._offset + before, self._measure(text))
        self._offset = found.offset + found.length
        self._place = place + len(text)
        return found


def lines(page: StructuredPage, part: ContentPart, content: Content) -> Iterator[TextLine]:
    """Yield the lines of a part: those that were read, else its rows or the lines of its text."""
    written = part.written
    if not written.text:
        return
    whole = Span(part.offset, part.length)
    for_lines, for_words = Seeker(part, content.measure), Seeker(part, content.measure)
    if written.block is not None and written.block.lines and written.is_whole:
        found = _read_lines(page, written.block)
    elif written.rows:
        found = _rows(part)
    else:
        found = _text_lines(part, is_markdown=content.is_markdown)
    for line in found:
        spans = [span for text in line.texts if (span := for_lines.span(text))]
        span = _around(spans) if spans else for_lines.span(line.shown) or whole
        words = tuple((word, for_words.span(word) or span) for word in line.shown.split())
        yield TextLine(line.shown, span, line.box, line.confidence, words)


@dataclass(frozen=True, slots=True)
class _Line:
    shown: str
    texts: list[str]  #: that stand in the content in this order
    box: Box | None = None
    confidence: float | None = None


def _read_lines(page: StructuredPage, block: Block) -> Iterator[_Line]:
    for line in block.lines:
        written = "".join(page.text(line.start, line.end))
        if shown := _on_one_line(plain_text(written)):
            yield _Line(shown, [written], line.box, line.confidence)


def _rows(part: ContentPart) -> Iterator[_Line]:
    for row in part.written.rows:
        if texts := [cell.text for cell in row if cell.text]:
            yield _Line(" ".join(texts), texts)


def _text_lines(part: ContentPart, *, is_markdown: bool) -> Iterator[_Line]:
    written, rows = part.written, part.written.text.split("\n")
    block = written.block
    box = block.box if block is not None and written.is_whole and len(rows) == 1 else None
    confidence = block.confidence if block is not None else None
    is_code = written.type == "code"
    for row in rows:
        shown = row
        if is_markdown:
            is_fence = is_code and row.lstrip().startswith(_FENCES)
            shown = "" if is_fence else row if is_code else plain_text(row)
        if shown := _on_one_line(shown):
            yield _Line(shown, [row], box, confidence)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _around(spans: list[Span]) -> Span:
    first, last = spans[0], spans[-1]
    return Span(first.offset, last.offset + last.length - first.offset)
