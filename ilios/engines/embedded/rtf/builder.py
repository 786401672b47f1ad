"""Builds paragraphs, lists, tables and notes from the text of an RTF document."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from ilios.engines.embedded import markdown
from ilios.engines.embedded.markdown import Span

_BULLET = re.compile(r"^[·•\-–▪◦o§]\s*$")
_LETTERED = re.compile(r"[A-Za-z]{1,6}[.)]")


@dataclass(slots=True)
class Paragraph:
    """The paragraph that is being written."""

    level: int | None = None  #: heading level, 1-based
    marker: str = ""  #: of a list item: a bullet or a number
    depth: int = 0  #: of the list item, from 0
    in_table: bool = False
    spans: list[Span] = field(default_factory=list)


class RtfBuilder:
    """Takes text and the ends of paragraphs, cells and rows; returns Markdown at the end."""

    def __init__(self) -> None:
        self.paragraph = Paragraph()
        self._interrupted: Paragraph | None = None  #: while a note or a text box is written
        self._notes: list[str] = []
        self._blocks: list[str] = []
        self._rows: list[list[str]] = []
        self._cells: list[str] = []
        self._cell: list[str] = []

    def add(self, span: Span) -> None:
        self.paragraph.spans.append(span)

    def begin_paragraph_style(self) -> None:
        """Reset the paragraph's properties to those of body text."""
        self.paragraph = Paragraph(spans=self.paragraph.spans)

    def end_paragraph(self) -> None:
        paragraph = self.paragraph
        if self._interrupted is not None:
            self.add(Span("\n"))
            return
        if paragraph.in_table:
            self._to_cell()
            return
        self._end_table()
        if paragraph.level is not None:
            plain = [replace(span, bold=False, italic=False) for span in paragraph.spans]
            self._blocks.append(markdown.heading(paragraph.level, markdown.inline(plain)))
        else:
            self._blocks.append(self._item_or_text(markdown.inline(paragraph.spans)))
        paragraph.spans, paragraph.marker = [], ""

    def begin_aside(self) -> None:
        """Begin a note or a text box in the middle of a paragraph."""
        self._interrupted, self.paragraph = self.paragraph, Paragraph()

    def end_aside(self, *, is_note: bool) -> None:
        """Return to the paragraph around it, adding a reference to the note, or the box's text."""
        if self._interrupted is None:
            return
        spans, self.paragraph, self._interrupted = self.paragraph.spans, self._interrupted, None
        if not is_note:
            self.paragraph.spans += [Span(" "), *spans, Span("\n")]
            return
        text = markdown.inline(spans).replace(markdown.HARD_BREAK, " ")
        number = len(self._notes) + 1
        self._notes.append(f"[^{number}]: {text}")
        self.add(Span(f"[^{number}]", raw=True))

    def end_cell(self) -> None:
        if self._interrupted is not None:  # the table of a text box
            self.add(Span(" "))
            return
        self._to_cell()
        self._cells.append(" ".join(part for part in self._cell if part))
        self._cell = []

    def end_row(self) -> None:
        if self._interrupted is not None:
            self.add(Span("\n"))
            return
        if self._cells:
            self._rows.append(self._cells)
        self._cells, self._cell = [], []

    def markdown(self) -> str:
        self.end_aside(is_note=False)  # a damaged file may end inside one
        self.paragraph.in_table = False
        self.end_paragraph()
        self._end_table()
        return markdown.blocks([*self._blocks, *self._notes])

    def _item_or_text(self, text: str) -> str:
        marker, depth = self.paragraph.marker.strip(), self.paragraph.depth
        if not marker or not text:
            return text
        if _BULLET.match(marker) or not marker[0].isalnum():
            return markdown.list_item(depth, "-", text)
        if re.fullmatch(r"\d{1,9}[.)]", marker):
            return markdown.list_item(depth, marker.replace(")", "."), text)
        labelled = f"{markdown.escaped(marker)} {text}"
        return markdown.list_item(depth, "-", labelled) if _LETTERED.fullmatch(marker) else labelled

    def _to_cell(self) -> None:
        spans = self.paragraph.spans
        flat = (replace(span, text=span.text.replace("\n", " ")) for span in spans)
        self._cell.append(markdown.inline(flat, styled=False))
        self.paragraph.spans = []

    def _end_table(self) -> None:
        self.end_row()
        if self._rows:
            self._blocks.append(markdown.table(self._rows))
        self._rows = []
