"""OpenDocument texts, as one page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from lxml import etree

from ilios.engines import document_errors
from ilios.engines.base import Source
from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import Archive, attribute, child, children, local_name
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.office.odt_text import DRAWN, OdtText, paragraphs

KIND = "OpenDocument text"
REPEATED_MAX = 200
_CONTAINERS_WORDS: Final = (
    "section index-body index-title numbered-paragraph table-of-content illustration-index "
    "table-index object-index user-index alphabetical-index bibliography"
)
_CONTAINERS = frozenset(_CONTAINERS_WORDS.split())


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del threads
    archive = Archive(source.path, KIND)
    images = ImageFolder(workspace)
    try:
        _refuse_if_encrypted(archive)
        text = _Odt(archive, images).markdown()
    finally:
        archive.close()
    if not text:
        raise document_errors.empty(KIND)
    return FlowDocument([FlowPage(text, images.take())])


def _refuse_if_encrypted(archive: Archive) -> None:
    manifest = archive.optional_xml("META-INF/manifest.xml")
    if manifest is not None and any(local_name(e) == "encryption-data" for e in manifest.iter()):
        raise document_errors.encrypted(KIND)


class _Odt:
    """Converts the body of one document."""

    def __init__(self, archive: Archive, images: ImageFolder) -> None:
        self._root = archive.xml("content.xml")
        self._text = OdtText(archive, images, self._root)
        self._parents = {
            attribute(style, "name") or "": attribute(style, "parent-style-name")
            for style in self._root.iter("{*}style")
        }
        self._ordered = _ordered_lists(self._root, archive.optional_xml("styles.xml"))

    def markdown(self) -> str:
        body = child(self._root, "body", "text")
        if body is None:
            raise document_errors.corrupt(KIND)
        return markdown.blocks([*self._blocks(body), *self._text.notes])

    def _blocks(self, element: etree._Element) -> Iterator[str]:
        for part in element:
            name = local_name(part)
            if name == "h":
                yield self._heading(part)
            elif name == "p":
                text = markdown.inline(self._text.spans(part))
                yield markdown.heading(1, text) if self._is_title(part) else text
            elif name == "list":
                yield from self._list(part)
            elif name == "table":
                yield markdown.table(self._rows(part))
            elif name in DRAWN or name == "a":  # anchored to the page
                yield markdown.inline(self._text.drawing(part))
            elif name in _CONTAINERS:
                yield from self._blocks(part)

    def _heading(self, element: etree._Element) -> str:
        level = attribute(element, "outline-level") or "1"
        spans = [replace(s, bold=False, italic=False) for s in self._text.spans(element)]
        return markdown.heading(int(level) if level.isdigit() else 1, markdown.inline(spans))

    def _is_title(self, paragraph: etree._Element) -> bool:
        style = attribute(paragraph, "style-name") or ""
        return "Title" in (style, self._parents.get(style))

    def _list(self, element: etree._Element) -> Iterator[str]:
        """Write a list; if it holds headings it only numbers them, and they stay headings."""
        if next(element.iter("{*}h"), None) is None:
            yield "\n".join(self._items(element, 0, attribute(element, "style-name")))
            return
        for item in children(element, "list-item", "list-header"):
            yield from self._blocks(item)

    def _items(self, element: etree._Element, depth: int, style: str | None) -> Iterator[str]:
        ordered = self._ordered.get((style or "", depth), False)
        start = attribute(element, "continue-numbering") == "true"
        number = self._text.next_number(style, depth, continued=start)
        for item in children(element, "list-item", "list-header"):
            texts = [markdown.inline(self._text.spans(p)) for p in children(item, "p", "h")]
            texts = [text for text in texts if text]
            if texts:
                marker = f"{number}." if ordered else "-"
                yield markdown.list_item(depth, marker, markdown.HARD_BREAK.join(texts))
                number += 1
            for inner in children(item, "list"):
                own = attribute(inner, "style-name") or style
                yield from self._items(inner, depth + 1, own)
        self._text.remember_number(style, depth, number)

    def _rows(self, table: etree._Element) -> list[list[str]]:
        rows: list[list[str]] = []
        for row in _table_rows(table):
            cells: list[str] = []
            for cell in children(row, "table-cell", "covered-table-cell"):
                cells += [self._cell(cell)] * _repeated(cell, "number-columns-repeated")
            if any(cells):
                rows += [cells] * _repeated(row, "number-rows-repeated")
        return rows

    def _cell(self, cell: etree._Element) -> str:
        if local_name(cell) == "covered-table-cell":
            return ""
        return " ".join(self._cell_parts(cell))

    def _cell_parts(self, element: etree._Element) -> Iterator[str]:
        for part in paragraphs(element):
            spans = (replace(s, text=s.text.replace("\n", " ")) for s in self._text.spans(part))
            yield markdown.inline(spans, styled=False)


def _table_rows(table: etree._Element) -> Iterator[etree._Element]:
    for part in table:
        if local_name(part) == "table-row":
            yield part
        elif local_name(part) in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _table_rows(part)


def _repeated(element: etree._Element, name: str) -> int:
    value = attribute(element, name) or "1"
    return min(int(value), REPEATED_MAX) if value.isdigit() else 1


def _ordered_lists(*roots: etree._Element | None) -> dict[tuple[str, int], bool]:
    """Return whether items are numbered, by list style and level (from 0)."""
    found: dict[tuple[str, int], bool] = {}
    for root in roots:
        for style in root.iter("{*}list-style") if root is not None else ():
            for level in style:
                depth = attribute(level, "level") or "1"
                counted = local_name(level) == "list-level-style-number" and bool(
                    attribute(level, "num-format")
                )
                name = attribute(style, "name") or ""
                found[name, int(depth) - 1 if depth.isdigit() else 0] = counted
    return found
