"""The content of OpenDocument files as blocks of Markdown: texts, slides and cells alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from lxml import etree

from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.numerals import unsigned
from ilios.engines.embedded.office import cell_text
from ilios.engines.embedded.office.odt import tables
from ilios.engines.embedded.office.odt.lists import Item, Lists
from ilios.engines.embedded.office.odt.package import OdtPackage
from ilios.engines.embedded.office.odt.styles import Styles, is_section_hidden
from ilios.engines.embedded.office.odt.text import DRAWN, OdtText

_CONTAINERS_WORDS: Final = (
    "section index-body index-title table-of-content illustration-index table-index object-index "
    "user-index alphabetical-index bibliography page text-box"
)
_CONTAINERS = frozenset(_CONTAINERS_WORDS.split())
_NUMBER = re.compile(r"(\d{1,9})[.)]?")


class Blocks:
    """Writes elements of one document; collects its notes, comments and what was left out."""

    def __init__(
        self,
        package: OdtPackage,
        images: ImageFolder,
        styles: Styles,
        style_sections: Sequence[etree._Element | None],
    ) -> None:
        self.text = OdtText(package, images, styles, self.blocks)
        self.tables = tables.Tables(self.cell)
        self._lists = Lists(styles, list(style_sections))

    def blocks(self, element: etree._Element) -> Iterator[str]:
        """Write what stands in an element; behind each block what was drawn in it."""
        for part in element:
            yield from self._block(part, local_name(part))
            yield from self.waiting()

    def waiting(self) -> Iterator[str]:
        """Write what was drawn in the texts so far, and is no part of their lines."""
        for element in self.text.take_waiting():
            yield from self.apart(element)

    def _block(self, part: etree._Element, name: str) -> Iterator[str]:
        if name == "h" and not self.text.is_hidden(part):
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
            yield markdown.inline(self.text.drawing(part))
        elif name in _CONTAINERS and not is_section_hidden(part):
            yield from self.blocks(part)

    def apart(self, element: etree._Element) -> Iterator[str]:
        """Write what stands in a frame in blocks of its own: a box, a chart, a sheet, a text."""
        chart, sheets = (child(element, "body", name) for name in ("chart", "spreadsheet"))
        if chart is not None:
            yield from self._chart(chart)
        elif sheets is not None:
            for table in children(sheets, "table"):
                yield markdown.table(self.tables.rows(table))
        else:
            body = child(element, "body")
            for part in [element] if body is None else body:
                yield from self.blocks(part)

    def _table(self, table: etree._Element) -> Iterator[str]:
        """Write a table; one with a single cell is only a frame around its content."""
        cell = tables.only_cell(table)
        if cell is not None and next(cell.iter("{*}p", "{*}h"), None) is not None:
            yield from self.blocks(cell)
        else:
            yield markdown.table(self.tables.rows(table))

    def _chart(self, chart: etree._Element) -> Iterator[str]:
        """Write the titles of a chart and of its axes, and a table of its numbers."""
        yield from self.chart_titles(chart)
        for table in chart.iter("{*}table"):
            yield markdown.table(self.tables.rows(table))

    def chart_titles(self, chart: etree._Element) -> Iterator[str]:
        """Write the titles of a chart and of its axes."""
        for title in chart.iter("{*}title", "{*}subtitle", "{*}footer"):
            yield markdown.inline(span for p in children(title, "p") for span in self._spaced(p))

    def _spaced(self, paragraph: etree._Element) -> Iterator[Span]:
        yield from self.text.paragraph(paragraph)
        yield Span(" ")

    def _paragraph(self, element: etree._Element) -> str:
        text = markdown.inline(self.text.paragraph(element))
        if self.text.styles.is_title(attribute(element, "style-name") or ""):
            return markdown.heading(1, text)
        return text

    def _heading(self, element: etree._Element, label: str | None) -> str:
        level = unsigned(attribute(element, "outline-level"), 1)
        spans = [replace(s, bold=False, italic=False) for s in self.text.paragraph(element)]
        text = markdown.inline(spans)
        text = markdown.labelled(label, text) if label and text else text
        return markdown.heading(level, text)

    def _list(self, element: etree._Element) -> Iterator[str]:
        """Write the items of a list; headings that it only numbers stay headings."""
        for item in self._lists.items(element):
            yield from self._item(item)
            for waiting in self.text.take_waiting():
                yield from (_shifted(item.depth + 1, block) for block in self.apart(waiting))

    def _item(self, item: Item) -> Iterator[str]:
        label, begins = item.label, item.begins
        texts: list[str] = []
        for part in item.parts:
            if local_name(part) == "h":
                yield self._heading(part, label)
                label, begins = None, False
            elif local_name(part) == "p":
                texts.append(markdown.inline(self.text.paragraph(part)))
        text = markdown.HARD_BREAK.join(text for text in texts if text)
        if text and begins:
            yield _list_item(item.depth, label, text)
        elif text:
            yield _shifted(item.depth + 1, text)

    def cell(self, cell: etree._Element) -> str:
        outer, self.text.is_in_cell = self.text.is_in_cell, True
        text = cell_text.joined(self._cell_parts(cell))
        self.text.is_in_cell = outer
        has_paragraphs = next(cell.iter("{*}p", "{*}h"), None) is not None
        return text if text or has_paragraphs else markdown.escaped(_value(cell))

    def _cell_parts(self, element: etree._Element) -> Iterator[tuple[str, bool]]:
        """Yield the texts in a cell, and whether each is to stand on a line of its own."""
        for part in element:
            name = local_name(part)
            if name in ("p", "h"):
                yield markdown.inline(self.text.paragraph(part), styled=False), False
            elif name == "list":
                yield from ((self._item_in_cell(item), True) for item in self._lists.items(part))
            elif name in DRAWN or name == "annotation":
                yield markdown.inline(self.text.drawn(part), styled=False), False
            elif not is_section_hidden(part):
                yield from self._cell_parts(part)

    def _item_in_cell(self, item: Item) -> str:
        spans = (self.text.paragraph(part) for part in item.parts)
        texts = [markdown.inline(each, styled=False) for each in spans]
        text = " ".join(text for text in texts if text)
        return f"{markdown.escaped(item.label or '-')} {text}" if text and item.begins else text


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
