"""Word documents. A page ends at an explicit break, or where Word last laid out a page break."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lxml import etree

from ilios.engines import document_errors
from ilios.engines.base import Source
from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import Archive, attribute, child, local_name, relationships
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.office import docx_breaks
from ilios.engines.embedded.office.docx_styles import ListLevel, Styles
from ilios.engines.embedded.office.docx_text import DocxText, note_text

KIND = "Word document"


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del threads
    archive = Archive(source.path, KIND)
    try:
        pages = _Word(archive, ImageFolder(workspace)).pages()
    finally:
        archive.close()
    if not any(page.markdown for page in pages):
        raise document_errors.empty(KIND)
    return FlowDocument(pages)


class _Word:
    """Converts the body of one document."""

    def __init__(self, archive: Archive, images: ImageFolder) -> None:
        self._archive = archive
        self._images = images
        self._part = _main_part(archive)
        self._folder = self._part.rpartition("/")[0]
        self._styles = Styles.of(archive, self._folder)
        self._targets = relationships(archive, self._part)
        self._text = DocxText(self._targets, self._keep)
        self._counters: dict[tuple[str, int], int] = {}

    def pages(self) -> list[FlowPage]:
        body = child(self._archive.xml(self._part), "body")
        if body is None:
            raise document_errors.corrupt(KIND)
        return [self._page(elements) for elements in docx_breaks.pages(list(_unwrapped(body)))]

    def _page(self, elements: list[etree._Element]) -> FlowPage:
        known_notes = len(self._text.notes)
        parts = [part for element in elements for part in self._blocks(element)]
        notes = [
            note_text(self._note(kind, note_id), number)
            for number, (kind, note_id) in enumerate(self._text.notes, start=1)
            if number > known_notes
        ]
        return FlowPage(markdown.blocks([*parts, *notes]), self._images.take())

    def _blocks(self, element: etree._Element) -> Iterator[str]:
        if local_name(element) == "tbl":
            yield self._table(element)
        elif local_name(element) == "p":
            yield self._paragraph(element)

    def _paragraph(self, paragraph: etree._Element) -> str:
        spans = list(self._text.spans(paragraph))
        heading = self._styles.heading_level(paragraph)
        if heading is not None:
            plain = [replace(s, bold=False, italic=False) for s in spans if not s.raw]
            pictures = [span.text.strip() for span in spans if span.raw]
            title = markdown.heading(heading, markdown.inline(plain))
            return "\n\n".join(part for part in [title, *pictures] if part)
        text = markdown.inline(spans)
        level = self._styles.list_level(paragraph)
        if level is None or not text:
            return text
        return markdown.list_item(min(level.depth, 8), self._marker(level), text)

    def _marker(self, level: ListLevel) -> str:
        """Return a bullet or the item's number; deeper lists start at 1 again under each item."""
        for key in [k for k in self._counters if k[0] == level.number_id and k[1] > level.depth]:
            del self._counters[key]
        if not level.ordered:
            return "-"
        key = level.number_id, level.depth
        self._counters[key] = self._counters.get(key, 0) + 1
        return f"{self._counters[key]}."

    def _table(self, table: etree._Element) -> str:
        return markdown.table([self._row(row) for row in _rows(table)])

    def _row(self, row: etree._Element) -> list[str]:
        before = attribute(child(row, "trPr", "gridBefore"), "val") or "0"
        cells = [""] * (int(before) if before.isdigit() else 0)
        for cell in _unwrapped(row):
            if local_name(cell) == "tc":
                cells += self._cell(cell)
        return cells

    def _cell(self, cell: etree._Element) -> list[str]:
        """Return the text of a cell, and an empty one for every further column that it spans."""
        properties = child(cell, "tcPr")
        width = attribute(child(properties, "gridSpan"), "val") or "1"
        merge = child(properties, "vMerge")
        continued = merge is not None and attribute(merge, "val") != "restart"
        text = "" if continued else " ".join(self._cell_parts(cell))
        return [text, *[""] * (min(int(width), 200) - 1 if width.isdigit() else 0)]

    def _cell_parts(self, cell: etree._Element) -> Iterator[str]:
        for element in _unwrapped(cell):
            if local_name(element) == "p":
                spans = self._text.spans(element)
                yield markdown.inline(
                    [replace(s, text=s.text.replace("\n", " ")) for s in spans], styled=False
                )
            elif local_name(element) == "tbl":
                for row in _rows(element):
                    yield " ".join(cell for cell in self._row(row) if cell)

    def _note(self, kind: str, note_id: str) -> str:
        root = self._archive.optional_xml(f"{self._folder}/{kind}s.xml")
        for note in root if root is not None else ():
            if attribute(note, "id") == note_id:
                return markdown.inline(list(self._text.spans(note)))
        return ""

    def _keep(self, relation: str, description: str) -> str | None:
        target, external = self._targets.get(relation, ("", True))
        if external or target not in self._archive:
            return None
        stem = f"image-{Path(target).stem.removeprefix('image')}"
        name = self._images.add(_safe(stem), self._archive.read_or_empty(target))
        return markdown.image(name, description) if name else None


def _main_part(archive: Archive) -> str:
    for target, external in relationships(archive, "").values():
        if not external and target.endswith(".xml") and "document" in target:
            return target
    return "word/document.xml"


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    return (part for part in _unwrapped(table) if local_name(part) == "tr")


def _unwrapped(element: etree._Element) -> Iterator[etree._Element]:
    """Yield blocks, also those inside content controls and tracked insertions."""
    for part in element:
        if local_name(part) in ("sdt", "sdtContent", "customXml", "ins", "smartTag"):
            yield from _unwrapped(part)
        elif local_name(part):
            yield part


def _safe(stem: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in stem)
