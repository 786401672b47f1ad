"""Builds paragraphs, lists, tables and notes from the text of an RTF document."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from ilios.engines.embedded import markdown
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.rtf.lists import RtfLists

_NUMBER = re.compile(r"(\d{1,9})[.)]")
_WORD = re.compile(r"\w+")
_LETTER_BULLET = "o"  # the circle of Courier New
DEPTH_MAX = 8


@dataclass(slots=True)
class Paragraph:
    """The paragraph that is being written."""

    level: int | None = None  #: heading level, 1-based
    marker: str = ""  #: of a list item: a bullet or a number
    override: int = 0  #: the list that it belongs to, as in `\\ls`
    depth: int = 0  #: of the list item, from 0
    in_table: bool = False
    spans: list[Span] = field(default_factory=list)
    marks: list[Span] = field(default_factory=list)
    """Marks of comments, to stand behind the word in which they were met."""

    def add(self, span: Span) -> None:
        if self.marks:
            span = self._behind_word(span)
        if span.text:
            self.spans.append(span)

    def end_word(self) -> None:
        self.spans += self.marks
        self.marks = []

    def _behind_word(self, span: Span) -> Span:
        """Add the rest of a word and the mark behind it; return what follows."""
        word = _WORD.match("" if span.raw or span.formula else span.text)
        length = word.end() if word else 0
        if length:
            self.spans.append(span.saying(span.text[:length]))
        if length < len(span.text):
            self.end_word()
        return span.saying(span.text[length:])


class RtfBuilder:
    """Takes text and the ends of paragraphs, cells and rows; returns Markdown at the end."""

    def __init__(self, lists: RtfLists) -> None:
        self.paragraph = Paragraph()
        self._lists = lists
        self._interrupted: list[Paragraph] = []  #: while notes or text boxes are written
        self._notes: list[str] = []
        self._blocks: list[str] = []
        self._rows: list[list[str]] = []
        self._cells: list[str] = []
        self._cell: list[str] = []

    @property
    def is_in_paragraph(self) -> bool:
        """Whether text has come that is not in a finished paragraph or cell."""
        return any(span.text.strip() for span in self.paragraph.spans)

    def add(self, span: Span) -> None:
        self.paragraph.add(span)

    def begin_paragraph_style(self) -> None:
        """Reset the paragraph's properties to those of body text; what it shows stays."""
        self.paragraph.end_word()
        self.paragraph = Paragraph(marker=self.paragraph.marker, spans=self.paragraph.spans)

    def begin_item(self, marker: str) -> None:
        """Take the label that a list item shows."""
        self._lists.has_texts = True
        if self._interrupted:
            self.add(Span(f"{marker.strip()} "))
        else:
            self.paragraph.marker = marker.strip()

    def end_paragraph(self) -> None:
        if self._interrupted:
            self.add(Span("\n"))
            return
        paragraph = self.paragraph
        paragraph.end_word()
        if not paragraph.marker and paragraph.override and not self._lists.has_texts:
            paragraph.marker = self._lists.label(paragraph.override, paragraph.depth).strip()
        if paragraph.in_table:
            self._to_cell()
            return
        self._end_table()
        if paragraph.level is not None:
            self._blocks.append(self._heading(paragraph, paragraph.level))
        else:
            self._blocks.append(self._item_or_text(markdown.inline(paragraph.spans)))
        paragraph.spans, paragraph.marker = [], ""

    def begin_aside(self) -> None:
        """Begin a note or a text box, in the middle of a paragraph."""
        self._interrupted.append(self.paragraph)
        self.paragraph = Paragraph()

    def end_aside(self, *, is_note: bool, is_comment: bool = False, author: str = "") -> None:
        """End it: a note goes below the document, the text of a text box into the paragraph.

        The mark of a comment, which may be made in the middle of a word, stands behind the word.
        """
        if not self._interrupted:
            return
        self.paragraph.end_word()
        spans, self.paragraph = self.paragraph.spans, self._interrupted.pop()
        if not is_note:
            self.paragraph.spans += [Span(" "), *spans, Span("\n")]
            return
        text = markdown.inline(spans).replace(markdown.HARD_BREAK, " ")
        if not text:
            return
        by = f"{markdown.escaped(author)}: " if author else ""
        number = len(self._notes) + 1
        self._notes.append(markdown.note(str(number), f"{by}{text}"))
        mark = Span(f"[^{number}]", raw=True)
        if is_comment and self._is_in_word():
            self.paragraph.marks.append(mark)
        else:
            self.add(mark)

    def _is_in_word(self) -> bool:
        spans = self.paragraph.spans
        return bool(spans) and spans[-1].text[-1:].isalnum()

    def end_cell(self) -> None:
        if self._interrupted:  # the table of a text box
            self.add(Span(" "))
            return
        self._to_cell()
        self._cells.append(" ".join(part for part in self._cell if part))
        self._cell = []

    def end_row(self) -> None:
        if self._interrupted:
            self.add(Span("\n"))
            return
        if self._cell:  # a row without the end of its last cell
            self.end_cell()
        if self._cells:
            self._rows.append(self._cells)
        self._cells = []

    def markdown(self) -> str:
        while self._interrupted:  # a damaged file may end inside one
            self.end_aside(is_note=False)
        self.paragraph.in_table = False
        self.end_paragraph()
        self._end_table()
        return markdown.blocks([*self._blocks, *self._notes])

    def _heading(self, paragraph: Paragraph, level: int) -> str:
        plain = [replace(span, bold=False, italic=False) for span in paragraph.spans]
        text = markdown.inline(plain)
        marker = "" if not text or _is_bullet(paragraph.marker) else paragraph.marker
        return markdown.heading(level, markdown.labelled(marker, text))

    def _item_or_text(self, text: str) -> str:
        marker, depth = self.paragraph.marker, min(self.paragraph.depth, DEPTH_MAX)
        if not marker or not text:
            return text
        if _is_bullet(marker):
            return markdown.list_item(depth, "-", text)
        number = _NUMBER.fullmatch(marker)
        if number:
            return markdown.list_item(depth, f"{number[1]}.", text)
        return markdown.list_item(depth, "-", markdown.labelled(marker, text))

    def _to_cell(self) -> None:
        paragraph = self.paragraph
        paragraph.end_word()
        text = markdown.inline(paragraph.spans, styled=False)
        if text and paragraph.marker:
            marker = "•" if _is_bullet(paragraph.marker) else paragraph.marker
            text = f"{markdown.escaped(marker)} {text}"
        self._cell.append(text)
        paragraph.spans, paragraph.marker = [], ""

    def _end_table(self) -> None:
        self.end_row()
        if self._rows:
            self._blocks.append(markdown.table(self._rows))
        self._rows = []


def _is_bullet(marker: str) -> bool:
    return marker == _LETTER_BULLET or not any(character.isalnum() for character in marker)
