"""The blocks of a Word document: paragraphs, list items, tables, notes, embedded documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lxml import etree

from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import attribute, child, local_name
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.numerals import unsigned
from ilios.engines.embedded.office import cell_text
from ilios.engines.embedded.office.docx import notes
from ilios.engines.embedded.office.docx.chunks import Chunks
from ilios.engines.embedded.office.docx.drawings import Aside, Drawings
from ilios.engines.embedded.office.docx.notes import NoteMarks, Notes
from ilios.engines.embedded.office.docx.numbering import Label
from ilios.engines.embedded.office.docx.parts import Package, Part
from ilios.engines.embedded.office.docx.styles import Properties, Styles, by_name
from ilios.engines.embedded.office.docx.text import SKIPPED, DocxText

_WRAPPERS = ("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag")
_SPAN_MAX = 200  #: columns that one cell may cover


@dataclass(frozen=True, slots=True)
class ReadNote:
    """A note whose text was written, and its part."""

    part: Part
    element: etree._Element


class BlockWriter:
    """Writes the blocks of a document as Markdown, in the order in which they are read."""

    def __init__(self, package: Package, drawings: Drawings, chunks: Chunks) -> None:
        self._part = package.main
        self._chunks = chunks
        self._styles = Styles.of(package.related_xml("styles"), package.related_xml("numbering"))
        self._notes = Notes(package)
        self._marks = NoteMarks()
        self._text = DocxText(package.main, self._styles, drawings, self._marks)
        self._carried: list[Span] = []  #: text that begins the next paragraph
        self._read: list[ReadNote] = []
        self._covered: list[str] = []  #: texts of cells that another one covers

    def write(self, elements: Iterable[etree._Element]) -> Iterator[str]:
        """Write blocks of the body."""
        for element in elements:
            yield from self._block(element)
            yield from self._asides()
        yield from self._flush()

    def write_part(self, part: Part, elements: Iterable[etree._Element]) -> list[str]:
        """Write blocks of another part, such as a header."""
        outer, self._part = self._part, part
        try:
            with self._text.reading(part):
                return list(self.write(elements))
        finally:
            self._part = outer

    def notes(self) -> Iterator[str]:
        """Write the notes that were referred to since the last call."""
        for name, kind, note_id in self._marks.take():
            found = self._notes.find(kind, note_id)
            text = self._note(kind, *found) if found else ""
            yield markdown.note(name, text)

    def unread_comments(self) -> Iterator[str]:
        """Write the comments to which no reference leads."""
        for part, comment in self._notes.unread_comments():
            yield self._note(notes.COMMENTS, part, comment)

    def take_read(self) -> list[ReadNote]:
        """Return the notes that were written since the last call."""
        taken, self._read = self._read, []
        return taken

    def take_hidden(self) -> str:
        """Return the text that Word hides and that was left out since the last call."""
        taken = [*self._text.take_hidden(), *self._covered]
        self._covered = []
        return " ".join(taken)

    def _note(self, kind: str, part: Part, note: etree._Element) -> str:
        with self._text.reading(part):
            text = markdown.inline(list(self._text.spans(note)))
            text = " ".join([text, *self._asides()]).strip()
        if kind == notes.COMMENTS:
            text = markdown.escaped_line(notes.author(note)) + text
        self._read.append(ReadNote(part, note))
        return " ".join(text.replace(markdown.HARD_BREAK, " ").split())

    def _block(self, element: etree._Element) -> Iterator[str]:
        name = local_name(element)
        if name == "p":
            yield self._paragraph(element)
        elif name == "tbl":
            yield from self._flush()
            yield from self._table(element)
        elif name == "altChunk":
            yield from self._flush()
            target, _ = self._part.targets.get(attribute(element, "id") or "", ("", False))
            yield self._chunks.to_markdown(target)
        elif name in ("oMath", "oMathPara"):
            yield markdown.inline(list(self._text.formula(element)))
        elif name not in SKIPPED and next(element.iter("{*}t"), None) is not None:
            yield from self._unknown(element)

    def _unknown(self, element: etree._Element) -> Iterator[str]:
        """Write what stands in a block of a kind that is not known."""
        if any(local_name(part) in ("p", "tbl") for part in element):
            yield from self.write(unwrapped(element))
        else:
            yield markdown.inline(list(self._text.spans(element)))

    def _flush(self) -> Iterator[str]:
        carried, self._carried = self._carried, []
        if carried:
            yield markdown.inline(carried)

    def _asides(self) -> Iterator[str]:
        """Write what stands beside the text: charts, diagrams and text boxes."""
        for aside in self._text.take_asides():
            yield from self._aside(aside)

    def _aside(self, aside: Aside) -> Iterator[str]:
        if isinstance(aside, str):
            yield aside
            return
        carried, self._carried = self._carried, []
        yield from self.write(unwrapped(aside))
        self._carried = carried

    def _paragraph(self, paragraph: etree._Element) -> str:
        properties = by_name(child(paragraph, "pPr"))
        labelled = self._styles.label(properties)
        spans = [*self._carried, *self._text.paragraph(paragraph, properties)]
        self._carried = []
        if _goes_on(properties):
            self._carried = [replace(span, bold=False, italic=False) for span in spans]
            return ""
        heading = self._styles.heading_level(properties)
        if heading is not None:
            return _heading(heading, labelled[1] if labelled else None, spans)
        text = markdown.inline(spans)
        if labelled is None or not text:
            return text
        depth, label = labelled
        if not label.is_item and not label.text:
            return text
        if label.marker is not None:
            return markdown.list_item(min(depth, 8), label.marker, text)
        text = _with_label(label, text)
        return markdown.list_item(min(depth, 8), "-", text) if label.is_item else text

    def _table(self, table: etree._Element) -> Iterator[str]:
        rows = list(_named(table, "tr"))
        cells = [cell for row in rows[:2] for cell in _named(row, "tc")]
        if len(rows) == 1 and len(cells) == 1:  # only a frame around its content
            yield from self.write(unwrapped(cells[0]))
            return
        late: list[str] = []
        yield markdown.table([self._row(row, late) for row in rows])
        yield from late

    def _row(self, row: etree._Element, late: list[str]) -> list[str]:
        cells = [""] * _columns(child(row, "trPr", "gridBefore"), 0)
        for cell in _named(row, "tc"):
            cells += self._cell(cell, late)
        return cells

    def _cell(self, cell: etree._Element, late: list[str]) -> list[str]:
        """Return the text of a cell, and an empty one for every further column that it spans.

        What cannot stand in a cell, such as a chart, is added to `late`.
        """
        properties = by_name(child(cell, "tcPr"))
        merge = properties.get("vMerge")
        continued = merge is not None and attribute(merge, "val") != "restart"
        if continued:
            self._covered.append(" ".join(text.text or "" for text in cell.iter("{*}t")))
        text = "" if continued else cell_text.joined(self._cell_parts(cell, late))
        return [text, *[""] * (_columns(properties.get("gridSpan"), 1) - 1)]

    def _cell_parts(self, cell: etree._Element, late: list[str]) -> Iterator[tuple[str, bool]]:
        """Yield the texts in a cell, and whether each is to stand on a line of its own."""
        for element in unwrapped(cell):
            name = local_name(element)
            if name == "p":
                yield self._cell_paragraph(element)
            elif name == "tbl":
                for row in _named(element, "tr"):
                    yield " ".join(text for text in self._row(row, late) if text), True
            else:
                yield " ".join(" ".join(self._block(element)).split()), False
            for aside in self._asides():
                if aside.startswith("|") or "\n|" in aside:
                    late.append(aside)
                else:
                    yield " ".join(aside.split()), False
        yield from ((text, False) for text in self._flush())

    def _cell_paragraph(self, paragraph: etree._Element) -> tuple[str, bool]:
        properties = by_name(child(paragraph, "pPr"))
        labelled = self._styles.label(properties)
        spans = [*self._carried, *self._text.paragraph(paragraph, properties)]
        self._carried = []
        if _goes_on(properties):
            self._carried = spans
            return "", False
        text = markdown.inline(spans, styled=False)
        if labelled is None or not text:
            return text, False
        label = labelled[1]
        if label.is_item and label.marker:
            return f"{label.marker} {text}", True
        return (_with_label(label, text) if label.text else text), label.is_item


def unwrapped(element: etree._Element) -> Iterator[etree._Element]:
    """Yield blocks, also those inside content controls, tracked insertions and alternatives."""
    for part in element.iterchildren("{*}*"):
        name = local_name(part)
        if name in _WRAPPERS:
            yield from unwrapped(part)
        elif name == "AlternateContent":
            choice, fallback = child(part, "Choice"), child(part, "Fallback")
            chosen = choice if choice is not None and len(choice) else fallback
            yield from unwrapped(chosen) if chosen is not None else ()
        else:
            yield part


def _named(element: etree._Element, name: str) -> Iterator[etree._Element]:
    return (part for part in unwrapped(element) if local_name(part) == name)


def _columns(setting: etree._Element | None, usual: int) -> int:
    return min(unsigned(attribute(setting, "val"), usual), _SPAN_MAX)


def _goes_on(properties: Properties) -> bool:
    """Return whether the next paragraph goes on in the same word or line.

    A large first letter stands in a paragraph of its own; a paragraph whose mark was deleted is
    one with the next.
    """
    drop_cap = attribute(properties.get("framePr"), "dropCap")
    if drop_cap in ("drop", "margin"):
        return True
    mark = by_name(properties.get("rPr"))
    return "del" in mark or "moveFrom" in mark


def _heading(level: int, label: Label | None, spans: list[Span]) -> str:
    """Write a heading, then its pictures."""
    pictures = [span.text.strip() for span in spans if _is_picture(span)]
    plain = [replace(s, bold=False, italic=False) for s in spans if not _is_picture(s)]
    text = markdown.inline(plain)
    title = markdown.heading(level, _with_label(label, text) if label and text else text)
    return "\n\n".join(part for part in [title, *pictures] if part)


def _is_picture(span: Span) -> bool:
    return span.raw and span.text.lstrip().startswith("![")


def _with_label(label: Label, text: str) -> str:
    if not label.text:
        return text
    if label.separator:
        return markdown.labelled(label.text, text)
    return markdown.escaped_start(f"{markdown.escaped(label.text)}{text}")
