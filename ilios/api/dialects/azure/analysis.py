"""What an analysis gives: the content of a result, its pages with lines and words, and its parts.

It is written while the pages are read, list by list; see ilios.engines.json_pieces.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from ilios.api.dialects.azure.content import Content, ContentPart, PageContent
from ilios.api.dialects.azure.string_units import measure_of
from ilios.api.dialects.azure.text_lines import Seeker, Span, TextLine, lines
from ilios.documents.queries import Result
from ilios.documents.result_pages import StructuredPage
from ilios.engines.detection import media_types
from ilios.engines.json_pieces import Fields, Text, Written
from ilios.engines.page_structure import POINTS_PER_INCH, BlockType, Box
from ilios.engines.plain_text import plain_text

API_VERSION: Final = "2024-11-30"
LAYOUT_MODEL: Final = "prebuilt-layout"
MARKDOWN: Final = "markdown"
_DIGITS: Final = 4  #: of coordinates
_ROLES: Final[dict[BlockType, str]] = {
    "header": "pageHeader",
    "footer": "pageFooter",
    "references": "footnote",
    "equation": "formulaBlock",
}
_NO_PARAGRAPHS: Final = ("table", "image")


@dataclass(frozen=True, slots=True)
class AnalysisView:
    """How a client wants an analysis shown."""

    model: str
    content_format: str
    string_index_type: str


def fields(found: Result, asked: AnalysisView) -> dict[str, Any]:
    """Return the fields of an analysis."""
    analysis = _Analysis(found, asked)
    told: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "modelId": asked.model,
        "stringIndexType": asked.string_index_type,
        "content": Text(analysis.content.text()),
        "pages": analysis.pages(),
        "paragraphs": analysis.paragraphs(),
        "styles": [],
        "contentFormat": asked.content_format,
        "warnings": [_warning(warning) for warning in found.document.warnings],
    }
    if asked.model == LAYOUT_MODEL:
        told["tables"] = analysis.tables()
    return told


def _warning(warning: dict[str, Any]) -> dict[str, Any]:
    page = warning.get("page")
    target = {} if page is None else {"target": f"/pages/{page - 1}"}
    return {"code": warning["code"], "message": warning["message"], **target}


class _Late(Written):
    """A number that is known only when what stands before it has been written."""

    def __init__(self) -> None:
        super().__init__("0")

    def at_least(self, number: int) -> None:
        self.text = str(max(int(self.text), number))


class _Analysis:
    def __init__(self, found: Result, asked: AnalysisView) -> None:
        self.content = Content(
            found,
            measure_of(asked.string_index_type),
            is_markdown=asked.content_format == MARKDOWN,
        )
        self._is_pdf = found.document.mime_type == media_types.PDF

    def pages(self) -> Iterator[Fields]:
        for content in self.content.pages():
            page = content.page
            size: dict[str, Any] = {}
            if page.width and page.height:
                scale = self._scale(page)
                size = {
                    "angle": 0,
                    "width": round(page.width * scale, _DIGITS),
                    "height": round(page.height * scale, _DIGITS),
                    "unit": "pixel" if page.dpi and not self._is_pdf else "inch",
                }
            found = _Lines(content, self.content)
            yield Fields(
                {
                    "pageNumber": page.number,
                    **size,
                    "words": _words(found, page.confidence),
                    "lines": (self._line(page, line) for line in found),
                    "spans": _spans(content),
                }
            )

    def paragraphs(self) -> Iterator[dict[str, Any]]:
        for content in self.content.pages():
            for part in content.parts():
                if part.length and part.written.type not in _NO_PARAGRAPHS:
                    yield self._paragraph(content.page, part)

    def tables(self) -> Iterator[Fields]:
        for content in self.content.pages():
            apart = groupby(content.parts(), lambda part: (part.written.number, part.written.type))
            for (_, kind), of_block in apart:
                if kind == "table":
                    yield self._table(content.page, of_block)

    def _line(self, page: StructuredPage, line: TextLine) -> dict[str, Any]:
        told: dict[str, Any] = {"content": line.text, "spans": [line.span.fields]}
        if line.box is not None:
            told["polygon"] = self._polygon(page, line.box)
        return told

    def _paragraph(self, page: StructuredPage, part: ContentPart) -> dict[str, Any]:
        text, role = part.written.text, _role(part)
        is_plain = part.written.type == "code" and not part.written.is_whole
        return {
            **({"role": role} if role else {}),
            "content": plain_text(text) if self.content.is_markdown and not is_plain else text,
            **self._regions(page, part),
            "spans": [_span(part.offset, part.end)],
        }

    def _table(self, page: StructuredPage, of_block: Iterator[ContentPart]) -> Fields:
        first = next(of_block)
        row_count, column_count, length = _Late(), _Late(), _Late()

        def cells() -> Iterator[dict[str, Any]]:
            for part in _from(first, of_block):
                length.at_least(part.end - first.offset)
                for cell in self._cells(part):
                    row_count.at_least(cell["rowIndex"] + cell.get("rowSpan", 1))
                    column_count.at_least(cell["columnIndex"] + cell.get("columnSpan", 1))
                    yield cell

        span = Fields({"offset": first.offset, "length": length})
        return Fields(
            {
                "cells": cells(),  # first: what follows is counted meanwhile
                "rowCount": row_count,
                "columnCount": column_count,
                **self._regions(page, first),
                "spans": iter((span,)),
            }
        )

    def _cells(self, part: ContentPart) -> Iterator[dict[str, Any]]:
        seeker = Seeker(part, self.content.measure)
        for row in part.written.rows:
            for cell in row:
                span = seeker.span(cell.text)
                yield {
                    **({"kind": "columnHeader"} if cell.is_header else {}),
                    "rowIndex": cell.row,
                    "columnIndex": cell.column,
                    **({"rowSpan": cell.row_span} if cell.row_span > 1 else {}),
                    **({"columnSpan": cell.column_span} if cell.column_span > 1 else {}),
                    "content": cell.text,
                    "spans": [] if span is None else [span.fields],
                }

    def _regions(self, page: StructuredPage, part: ContentPart) -> dict[str, Any]:
        block = part.written.block
        if block is None or block.box is None:
            return {}
        region = {"pageNumber": page.number, "polygon": self._polygon(page, block.box)}
        return {"boundingRegions": [region]}

    def _polygon(self, page: StructuredPage, box: Box) -> list[float]:
        """Return the corners of a box, clockwise from the upper left one."""
        scale = self._scale(page)
        left, top, right, bottom = (round(side * scale, _DIGITS) for side in box)
        return [left, top, right, top, right, bottom, left, bottom]

    def _scale(self, page: StructuredPage) -> float:
        """Return how many units of the dialect one of the page is: inches of PDFs, else pixels."""
        if page.dpi is None:
            return 1 / POINTS_PER_INCH
        return 1 / page.dpi if self._is_pdf else 1


class _Lines:
    """The lines of a page, which are gone through twice: those of a short one are held."""

    def __init__(self, page: PageContent, content: Content) -> None:
        self._page = page
        self._content = content
        self._held = None if page.is_long else list(self._found())

    def __iter__(self) -> Iterator[TextLine]:
        return self._found() if self._held is None else iter(self._held)

    def _found(self) -> Iterator[TextLine]:
        for part in self._page.parts():
            yield from lines(self._page.page, part, self._content)


def _words(found: _Lines, of_page: float | None) -> Iterator[Written]:
    """Yield the words of each line, written here: of all there is they are by far the most."""
    for line in found:
        confidence = of_page if line.confidence is None else line.confidence
        known = "" if confidence is None else f', "confidence": {json.dumps(confidence)}'
        yield Written(
            ", ".join(
                f'{{"content": {encode_basestring_ascii(word)}, '
                f'"span": {{"offset": {offset}, "length": {length}}}{known}}}'
                for word, (offset, length) in line.words
            )
        )


def _role(part: ContentPart) -> str | None:
    if part.written.type == "title":
        return "title" if part.written.level == 1 else "sectionHeading"
    return _ROLES.get(part.written.type)


def _span(start: int, end: int) -> dict[str, int]:
    return Span(start, end - start).fields


def _spans(content: PageContent) -> Iterator[dict[str, int]]:
    """Yield where a page stands, which is known once its lines have been written."""
    yield _span(content.start, content.end)


def _from(first: ContentPart, others: Iterator[ContentPart]) -> Iterator[ContentPart]:
    yield first
    yield from others
