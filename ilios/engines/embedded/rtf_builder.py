"""Paragraphs, lists and tables put together from the text of an RTF document."""

from __future__ import annotations

import re
from dataclasses import replace

from ilios.engines.embedded import markdown
from ilios.engines.embedded.markdown import Span

_BULLET = re.compile(r"^[·•\-–▪◦o§]\s*$")


class RtfBuilder:
    """Takes text and the ends of paragraphs, cells and rows; gives Markdown."""

    def __init__(self) -> None:
        self.level: int | None = None  #: heading level of the paragraph, 1-based
        self.marker = ""  #: what stands before a list item: a bullet or a number
        self.depth = 0  #: of the list item, from 0
        self.in_table = False
        self._spans: list[Span] = []
        self._blocks: list[str] = []
        self._rows: list[list[str]] = []
        self._cells: list[str] = []
        self._cell: list[str] = []

    def add(self, span: Span) -> None:
        self._spans.append(span)

    def begin_paragraph_style(self) -> None:
        """Paragraph properties go back to those of body text."""
        self.level, self.marker, self.depth, self.in_table = None, "", 0, False

    def end_paragraph(self) -> None:
        if self.in_table:
            self._to_cell()
            return
        self._end_table()
        if self.level is not None:
            plain = [replace(span, bold=False, italic=False) for span in self._spans]
            self._blocks.append(markdown.heading(self.level, markdown.inline(plain)))
        else:
            self._blocks.append(self._item_or_text(markdown.inline(self._spans)))
        self._spans, self.marker = [], ""

    def end_cell(self) -> None:
        self._to_cell()
        self._cells.append(" ".join(part for part in self._cell if part))
        self._cell = []

    def end_row(self) -> None:
        if self._cells:
            self._rows.append(self._cells)
        self._cells, self._cell = [], []

    def markdown(self) -> str:
        self.in_table = False
        self.end_paragraph()
        self._end_table()
        return markdown.blocks(self._blocks)

    def _item_or_text(self, text: str) -> str:
        marker = self.marker.strip()
        if not marker or not text:
            return text
        if _BULLET.match(marker) or not marker[0].isalnum():
            return markdown.list_item(self.depth, "-", text)
        if re.fullmatch(r"\d{1,9}[.)]", marker):
            return markdown.list_item(self.depth, marker.replace(")", "."), text)
        return f"{markdown.escaped(marker)} {text}"

    def _to_cell(self) -> None:
        flat = (replace(span, text=span.text.replace("\n", " ")) for span in self._spans)
        self._cell.append(markdown.inline(flat, styled=False))
        self._spans = []

    def _end_table(self) -> None:
        self.end_row()
        if self._rows:
            self._blocks.append(markdown.table(self._rows))
        self._rows = []
