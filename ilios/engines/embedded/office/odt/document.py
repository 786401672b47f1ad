"""OpenDocument texts, packed or flat, as one page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from lxml import etree

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, Source
from ilios.engines.embedded import accounting, markdown
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.numerals import unsigned
from ilios.engines.embedded.office import cell_text, page_numbers
from ilios.engines.embedded.office.odt import source_words, tables
from ilios.engines.embedded.office.odt.lists import Item, Lists
from ilios.engines.embedded.office.odt.package import KIND, OdtPackage
from ilios.engines.embedded.office.odt.styles import (
    Styles,
    elements,
    is_section_hidden,
    master_pages,
    sections,
)
from ilios.engines.embedded.office.odt.text import DRAWN, OdtText

_CONTAINERS_WORDS: Final = (
    "section index-body index-title table-of-content illustration-index table-index object-index "
    "user-index alphabetical-index bibliography page text-box"
)
_CONTAINERS = frozenset(_CONTAINERS_WORDS.split())
_NUMBER = re.compile(r"(\d{1,9})[.)]?")
OBJECTS_TOLD: Final = 10
_PAGE_NUMBERS: Final = ("page-number", "page-count", "page-continuation")


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del threads
    images = ImageFolder(workspace)
    with closing(OdtPackage(source.path)) as package:
        document = _Odt(package, images)
        text = document.markdown()
        if not text:
            raise document_errors.empty(KIND)
        warnings = tuple(document.warnings(text))
    return FlowDocument([FlowPage(text, images.take(), warnings)])


class _Odt:
    """Converts the body of one document, and what is repeated on its pages."""

    def __init__(self, package: OdtPackage, images: ImageFolder) -> None:
        self._package = package
        named, repeated = sections(package.styles)
        automatic = sections(package.content)[1]
        self._named = elements(named)
        self._repeated_styles = repeated
        self._body_styles = Styles(self._named, elements(automatic))
        self._text = OdtText(package, images, self._body_styles, self._blocks)
        self._lists = Lists(self._body_styles, [named, repeated, automatic])
        self._tables = tables.Tables(self._cell)

    def markdown(self) -> str:
        body = child(self._package.content, "body", "text")
        if body is None:
            raise document_errors.corrupt(KIND)
        written = list(self._blocks(body))
        above, below = self._repeated()
        return markdown.blocks([*above, *written, *below, *self._text.notes, *self._text.comments])

    def warnings(self, text: str) -> Iterator[ConversionWarning]:
        """Say what the Markdown lacks of the words and pictures of the document."""
        for kind, count in sorted(self._text.left_out.items()):
            yield conversion_warnings.pictures_left_out(kind, count)
        for name in self._text.unread_objects[:OBJECTS_TOLD]:
            yield conversion_warnings.embedded_left_out(name)
        for name in sorted(self._package.damaged):
            yield conversion_warnings.part_damaged(name)
        lost, total = accounting.lost_words(
            source_words.rough_text(self._package),
            lambda: source_words.text(self._package, self._body_styles),
            text,
        )
        if accounting.is_notable(lost, total):
            yield conversion_warnings.text_left_out("the document", lost, total)
        if self._tables.is_cut:
            yield conversion_warnings.table_cut(1)

    def _blocks(self, element: etree._Element) -> Iterator[str]:
        for part in element:
            yield from self._block(part, local_name(part))
            for waiting in self._text.take_waiting():
                yield from self._apart(waiting)

    def _block(self, part: etree._Element, name: str) -> Iterator[str]:
        if name == "h" and not self._text.is_hidden(part):
            yield self._heading(part, self._lists.heading_label(part))
        elif name == "p":
            yield self._paragraph(part)
        elif name == "list":
            yield from self._list(part)
        elif name == "numbered-paragraph":
            yield from self._item(self._lists.numbered_paragraph(part))
        elif name == "table":
            yield from self._table(part)
        elif name in DRAWN or name == "a":  # anchored to the page
            yield markdown.inline(self._text.drawing(part))
        elif name in _CONTAINERS and not is_section_hidden(part):
            yield from self._blocks(part)

    def _apart(self, element: etree._Element) -> Iterator[str]:
        """Write what stands in a frame in blocks of its own: a box, a chart, a sheet, a text."""
        chart, sheets = (child(element, "body", name) for name in ("chart", "spreadsheet"))
        if chart is not None:
            yield from self._chart(chart)
        elif sheets is not None:
            for table in children(sheets, "table"):
                yield markdown.table(self._tables.rows(table))
        else:
            body = child(element, "body")
            for part in [element] if body is None else body:
                yield from self._blocks(part)

    def _table(self, table: etree._Element) -> Iterator[str]:
        """Write a table; one with a single cell is only a frame around its content."""
        cell = tables.only_cell(table)
        if cell is not None and next(cell.iter("{*}p", "{*}h"), None) is not None:
            yield from self._blocks(cell)
        else:
            yield markdown.table(self._tables.rows(table))

    def _chart(self, chart: etree._Element) -> Iterator[str]:
        """Write the titles of a chart and of its axes, and a table of its numbers."""
        for title in chart.iter("{*}title", "{*}subtitle", "{*}footer"):
            yield markdown.inline(span for p in children(title, "p") for span in self._spaced(p))
        for table in chart.iter("{*}table"):
            yield markdown.table(self._tables.rows(table))

    def _spaced(self, paragraph: etree._Element) -> Iterator[Span]:
        yield from self._text.paragraph(paragraph)
        yield Span(" ")

    def _paragraph(self, element: etree._Element) -> str:
        text = markdown.inline(self._text.paragraph(element))
        if self._text.styles.is_title(attribute(element, "style-name") or ""):
            return markdown.heading(1, text)
        return text

    def _heading(self, element: etree._Element, label: str | None) -> str:
        level = unsigned(attribute(element, "outline-level"), 1)
        spans = [replace(s, bold=False, italic=False) for s in self._text.paragraph(element)]
        text = markdown.inline(spans)
        text = markdown.labelled(label, text) if label and text else text
        return markdown.heading(level, text)

    def _list(self, element: etree._Element) -> Iterator[str]:
        """Write the items of a list; headings that it only numbers stay headings."""
        for item in self._lists.items(element):
            yield from self._item(item)
            for waiting in self._text.take_waiting():
                yield from (_shifted(item.depth + 1, block) for block in self._apart(waiting))

    def _item(self, item: Item) -> Iterator[str]:
        label, begins = item.label, item.begins
        texts: list[str] = []
        for part in item.parts:
            if local_name(part) == "h":
                yield self._heading(part, label)
                label, begins = None, False
            elif local_name(part) == "p":
                texts.append(markdown.inline(self._text.paragraph(part)))
        text = markdown.HARD_BREAK.join(text for text in texts if text)
        if text and begins:
            yield _list_item(item.depth, label, text)
        elif text:
            yield _shifted(item.depth + 1, text)

    def _repeated(self) -> tuple[list[str], list[str]]:
        """Return the different headers and footers, once each."""
        masters = master_pages(self._package.content, self._package.styles)
        self._text.styles = Styles(self._named, elements(self._repeated_styles))
        written = self._parts(masters, "header"), self._parts(masters, "footer")
        self._text.styles = self._body_styles
        return written

    def _parts(self, masters: list[etree._Element], name: str) -> list[str]:
        """Return what headers or footers hold beside the numbers of pages."""
        parts: dict[str, None] = {}
        for master in masters:
            for part in children(master, name, f"{name}-first", f"{name}-left"):
                if attribute(part, "display") == "false":
                    continue
                for line in part.iter("{*}p"):
                    _without_page_numbers(line)
                written = markdown.blocks(self._blocks(part))
                parts.update({written: None} if re.search(r"\w", written) else {})
        return list(parts)

    def _cell(self, cell: etree._Element) -> str:
        outer, self._text.is_in_cell = self._text.is_in_cell, True
        text = cell_text.joined(self._cell_parts(cell))
        self._text.is_in_cell = outer
        has_paragraphs = next(cell.iter("{*}p", "{*}h"), None) is not None
        return text if text or has_paragraphs else markdown.escaped(_value(cell))

    def _cell_parts(self, element: etree._Element) -> Iterator[tuple[str, bool]]:
        """Yield the texts in a cell, and whether each is to stand on a line of its own."""
        for part in element:
            name = local_name(part)
            if name in ("p", "h"):
                yield markdown.inline(self._text.paragraph(part), styled=False), False
            elif name == "list":
                yield from ((self._item_in_cell(item), True) for item in self._lists.items(part))
            elif name in DRAWN or name == "annotation":
                yield markdown.inline(self._text.drawn(part), styled=False), False
            elif not is_section_hidden(part):
                yield from self._cell_parts(part)

    def _item_in_cell(self, item: Item) -> str:
        spans = (self._text.paragraph(part) for part in item.parts)
        texts = [markdown.inline(each, styled=False) for each in spans]
        text = " ".join(text for text in texts if text)
        return f"{markdown.escaped(item.label or '-')} {text}" if text and item.begins else text


def _without_page_numbers(line: etree._Element) -> None:
    """Empty the fields that count pages in a line, and all of it if it says little else."""
    numbers = list(line.iter(*(f"{{*}}{field}" for field in _PAGE_NUMBERS)))
    for field in numbers:
        field.text = None
    is_picture = next(line.iter("{*}image"), None) is not None
    rest = "".join(map(str, line.itertext()))
    if numbers and not is_picture and not page_numbers.says_more(rest):
        line.clear()


def _value(cell: etree._Element) -> str:
    """Return the value of a cell that holds no text, as some programs write them."""
    values = (attribute(cell, name) for name in ("string-value", "date-value", "value"))
    return next((value for value in values if value), "")


def _list_item(depth: int, label: str | None, text: str) -> str:
    number = _NUMBER.fullmatch(label or "")
    if number:
        return markdown.list_item(depth, f"{int(number[1])}.", text)
    return markdown.list_item(depth, "-", markdown.labelled(label, text) if label else text)


def _shifted(depth: int, text: str) -> str:
    for _ in range(depth):
        text = markdown.indented(text)
    return text
