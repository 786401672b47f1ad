"""The tables of a page of an answer: those that came beside its text, or else those in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ilios.engines import markdown_structure
from ilios.engines.mistral import answer_fields, placeholders
from ilios.engines.page_structure import Table, TableFormat


@dataclass(frozen=True, slots=True)
class PageText:
    """The Markdown of a page with images and tables in their places."""

    markdown: str
    tables: Mapping[str, Table]
    """By the ids that the provider gave them, or by their own. They are in order."""

    def cut(self, markdown: str) -> PageText:
        """Return the text with its beginning alone, and the tables that begin in it."""
        end = len(markdown)
        tables = {
            id_: replace(table, start=min(table.start, end), end=min(table.end, end))
            for id_, table in self.tables.items()
            if table.start < end or table.text is not None
        }
        return PageText(markdown, tables)


def put(text: str, page: dict[str, Any], names: Mapping[str, str], number: int) -> PageText:
    """Replace the placeholders of a page; `names` are those of its images' files, by their ids."""
    contents: dict[str, str] = {}
    formats: dict[str, TableFormat] = {}
    for entry in answer_fields.objects(page, "tables"):
        content = placeholders.with_images(answer_fields.text(entry, "content").strip(), names)
        id_ = entry.get("id")
        if content and isinstance(id_, str):
            contents[id_] = content
            formats[id_] = _format(content, entry.get("format"))
    markdown, places = placeholders.with_tables(placeholders.with_images(text, names), contents)
    if not contents:
        return PageText(markdown, {table.id: table for table in _inside(markdown, number)})
    nowhere = len(markdown), len(markdown)
    tables: dict[str, Table] = {}
    for id_ in sorted(contents, key=lambda id_: places.get(id_, nowhere)):
        own_id = _own_id(number, len(tables))
        table = Table(own_id, *places.get(id_, nowhere), formats[id_])
        tables[id_] = table if id_ in places else replace(table, text=contents[id_])
    return PageText(markdown, tables)


def _inside(markdown: str, number: int) -> Iterator[Table]:
    """Yield the tables that the text itself has."""
    if "|" not in markdown and "<table" not in markdown:
        return
    tables = (block for block in markdown_structure.blocks(markdown) if block.type == "table")
    for place, block in enumerate(tables):
        kind = _format(markdown[block.start : block.start + 1])
        yield Table(_own_id(number, place), block.start, block.end, kind)


def _own_id(number: int, place: int) -> str:
    """Return the id of a table by its page and its place there; the provider repeats its ids."""
    return f"table-{number}-{place + 1}"


def _format(content: str, said: Any = None) -> TableFormat:
    if said in ("markdown", "html"):
        return said  # type: ignore[no-any-return]
    return "html" if content.startswith("<") else "markdown"
