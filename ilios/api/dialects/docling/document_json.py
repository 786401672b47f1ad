"""A result as a DoclingDocument, written by ourselves while its pages are read.

Texts come first, and with them it is noted in one byte a part what the document consists of; tables
and pictures are read from the pages that have some, and the tree of the document comes last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath
from typing import Any, Final

from ilios.api.dialects import table_rows
from ilios.api.dialects.docling.images import Images
from ilios.api.dialects.docling.page_items import Item, ListItem, items, list_items, provenance
from ilios.documents.queries import Result
from ilios.documents.result_pages import StructuredPage
from ilios.engines.conversion_warnings import TRUNCATED_TABLE
from ilios.engines.json_pieces import Fields, Members, Text

VERSION: Final = "1.5.0"
"""Of the schema: the first that has all that is written here, so that older clients read it too."""
GRID_MAX_CELLS: Final = 1_000_000  #: of a table: docling-core refuses larger ones
GRIDS_MAX_CELLS: Final = 5_000_000  #: of all tables of a document, likewise

_LABELS: Final = {
    "caption": "caption",
    "code": "code",
    "equation": "formula",
    "footer": "page_footer",
    "header": "page_header",
    "references": "reference",
    "title": "title",
}
"""Of types of blocks that are no plain texts."""
_FURNITURE: Final = ("header", "footer")

_TEXT, _LIST, _TABLE, _PICTURE, _ITEM = range(5)
"""Of the parts of a document; an item of a list has its depth added."""
_NAMES: Final = {_LIST: "groups", _TABLE: "tables", _PICTURE: "pictures"}
_BODY: Final = {"$ref": "#/body"}
_ROOT: Final[dict[str, Any]] = {
    "parent": None,
    "children": [],
    "content_layer": "body",
    "name": "_root_",
}
_FLOATING: Final[dict[str, Any]] = {
    "captions": [],
    "references": [],
    "footnotes": [],
    "image": None,
}


class DocumentJson:
    """Writes one document, once."""

    def __init__(self, found: Result, images: Images) -> None:
        self._found = found
        self._images = images
        self._order = bytearray()  #: what the document consists of
        self._pages: dict[str, dict[str, Any]] = {}
        self._with_tables: list[int] = []  #: indexes of pages
        self._with_pictures: list[int] = []
        self._written = {_TABLE: 0, _PICTURE: 0}
        self._cut_tables = 0
        self._cell_count = 0  #: of the grids of tables that are written
        self._text_count = 0
        self._group_count = 0

    def members(self) -> Members:
        """Return the document, which is read while it is written."""
        return Members(self._members())

    def warnings(self) -> Iterator[dict[str, Any]]:
        """Yield what was left out of the document, once that is written."""
        if self._cut_tables:
            message = (
                f"Of {self._cut_tables} tables the document in JSON has the first rows only: one "
                f"may have {GRID_MAX_CELLS} cells, and all {GRIDS_MAX_CELLS}. Its Markdown has all."
            )
            yield {"code": TRUNCATED_TABLE, "message": message, "page": None}

    def _members(self) -> Iterator[tuple[str, Any]]:
        yield "schema_name", "DoclingDocument"
        yield "version", VERSION
        yield "name", PurePath(self._found.document.file_name).stem
        yield "texts", self._texts()
        yield "tables", self._tables()
        yield "pictures", self._pictures()
        yield "groups", self._groups()
        yield "key_value_items", []
        yield "form_items", []
        yield "furniture", {**_ROOT, "self_ref": "#/furniture", "content_layer": "furniture"}
        yield "body", Fields({**_ROOT, "self_ref": "#/body", "children": self._body()})
        yield "pages", Fields(self._pages)

    def _texts(self) -> Iterator[Fields]:
        """Yield the texts of all pages, and note what else there is."""
        for page in self._found.structured_pages(with_blocks=True):
            if page.width and page.height:
                size = {"width": page.width, "height": page.height}
                self._pages[str(page.number)] = {"size": size, "page_no": page.number}
            for item in items(page):
                if item.type == "table":
                    self._note(_TABLE, page, self._with_tables)
                elif item.type == "image":
                    self._note(_PICTURE, page, self._with_pictures)
                elif item.type == "list":
                    yield from self._list(page, item)
                elif text := item.plain():
                    yield Fields(self._text(page, item, text))

    def _note(self, kind: int, page: StructuredPage, noted: list[int]) -> None:
        self._order.append(kind)
        if noted[-1:] != [page.number - 1]:
            noted.append(page.number - 1)

    def _list(self, page: StructuredPage, item: Item) -> Iterator[Fields]:
        groups: list[int] = []  #: the lists that are open, by their depths
        listed = list_items(item.markdown())
        found = next(listed, None)
        if found:
            self._order.append(_LIST)
        while found:
            following = next(listed, None)
            del groups[found.depth + 1 :]
            if found.depth == len(groups):
                groups.append(self._group_count)
                self._group_count += 1
            fields = self._list_item(page, item, found, groups[-1])
            if following and following.depth > found.depth:
                fields["children"] = [{"$ref": f"#/groups/{self._group_count}"}]
            yield Fields(fields)
            found = following

    def _list_item(
        self, page: StructuredPage, item: Item, found: ListItem, group: int
    ) -> dict[str, Any]:
        return {
            **self._text_node(_ITEM + found.depth, {"$ref": f"#/groups/{group}"}),
            "label": "list_item",
            "prov": provenance(page, item, len(found.text)),
            "orig": found.text,
            "text": found.text,
            "enumerated": found.is_numbered,
            "marker": found.marker or "-",
        }

    def _text(self, page: StructuredPage, item: Item, text: str | Text) -> dict[str, Any]:
        characters = item.characters if isinstance(text, Text) else len(text)
        fields = {
            **self._text_node(_TEXT, _BODY),
            "label": _LABELS.get(item.type, "text"),
            "prov": provenance(page, item, characters),
            "orig": item.plain() if isinstance(text, Text) else text,
            "text": text,
        }
        if item.type in _FURNITURE:
            fields["content_layer"] = "furniture"
        if item.type == "title" and item.level and item.level > 1:
            fields |= {"label": "section_header", "level": item.level - 1}
        if item.type == "code":
            fields |= _FLOATING
        return fields

    def _text_node(self, kind: int, parent: dict[str, str]) -> dict[str, Any]:
        self._order.append(kind)
        self._text_count += 1
        return _node(f"#/texts/{self._text_count - 1}", parent)

    def _tables(self) -> Iterator[Fields]:
        for page, item, node in self._floating("tables", _TABLE, self._with_tables):
            data = Members(self._table(item))
            yield Fields(
                {**node, "label": "table", "prov": provenance(page, item, 0), "data": data}
            )

    def _table(self, item: Item) -> Iterator[tuple[str, Any]]:
        size = [0, 0]  # rows and columns, as far as they are written
        yield "table_cells", self._cells(item, size)
        yield "num_rows", size[0]
        yield "num_cols", size[1]
        self._cell_count += size[0] * size[1]

    def _cells(self, item: Item, size: list[int]) -> Iterator[dict[str, Any]]:
        for row in table_rows.rows(item.markdown()):
            columns = max([size[1], *(cell.column + cell.column_span for cell in row)])
            grid = (size[0] + 1) * columns
            if grid > GRID_MAX_CELLS or self._cell_count + grid > GRIDS_MAX_CELLS:
                self._cut_tables += 1
                return
            size[:] = size[0] + 1, columns
            yield from map(_cell, row)

    def _pictures(self) -> Iterator[Fields]:
        seen: StructuredPage | None = None
        named: dict[str | None, dict[str, Any]] = {}
        for page, item, node in self._floating("pictures", _PICTURE, self._with_pictures):
            if page is not seen:
                seen, named = page, {image["name"]: image for image in page.images}
            image = named.get(item.image_name)
            shown = self._images.reference(image, page.dpi) if image else None
            prov = provenance(page, item, 0)
            yield Fields({**node, "label": "picture", "prov": prov, "image": shown})

    def _floating(
        self, name: str, kind: int, indexes: list[int]
    ) -> Iterator[tuple[StructuredPage, Item, dict[str, Any]]]:
        """Yield the tables or pictures of pages, each with its page and what it begins with."""
        wanted = "table" if kind == _TABLE else "image"
        for page in replace(self._found, indexes=indexes).structured_pages(with_blocks=True):
            for item in items(page):
                if item.type == wanted:
                    node = _node(f"#/{name}/{self._written[kind]}", _BODY)
                    self._written[kind] += 1
                    yield page, item, {**node, **_FLOATING}

    def _groups(self) -> Iterator[Fields]:
        texts = groups = 0
        before = _ITEM - 1
        for place, kind in enumerate(self._order):
            if kind == _LIST:
                before = _ITEM - 1
            elif kind >= _ITEM and kind > before:  # an item that begins a list
                parent = _BODY if kind == _ITEM else {"$ref": f"#/texts/{texts - 1}"}
                node = _node(f"#/groups/{groups}", parent)
                listed = self._of_list(place, texts)
                yield Fields({**node, "children": listed, "name": "list", "label": "list"})
                groups += 1
            if kind >= _ITEM:
                before = kind
            texts += kind == _TEXT or kind >= _ITEM

    def _of_list(self, place: int, first: int) -> Iterator[dict[str, str]]:
        """Yield references to the items of a list, the first of which is at a place."""
        own = self._order[place]
        for text, kind in enumerate(memoryview(self._order)[place:], first):
            if kind < own:
                return
            if kind == own:
                yield {"$ref": f"#/texts/{text}"}

    def _body(self) -> Iterator[dict[str, str]]:
        """Yield references to all parts; pages that were deleted meanwhile have none."""
        counts = {"texts": 0, "groups": 0, "tables": 0, "pictures": 0}
        before = _ITEM - 1
        for kind in self._order:
            name = _NAMES.get(kind, "texts")
            if kind == _LIST:
                before = _ITEM - 1
            elif kind >= _ITEM:
                counts["groups"] += kind > before
                before = kind
            is_there = kind not in self._written or counts[name] < self._written[kind]
            if kind < _ITEM and is_there:
                yield {"$ref": f"#/{name}/{counts[name]}"}
            counts[name] += kind != _LIST


def _node(reference: str, parent: dict[str, str]) -> dict[str, Any]:
    return {"self_ref": reference, "parent": parent, "children": [], "content_layer": "body"}


def _cell(cell: table_rows.Cell) -> dict[str, Any]:
    return {
        "row_span": cell.row_span,
        "col_span": cell.column_span,
        "start_row_offset_idx": cell.row,
        "end_row_offset_idx": cell.row + cell.row_span,
        "start_col_offset_idx": cell.column,
        "end_col_offset_idx": cell.column + cell.column_span,
        "text": cell.text,
        "column_header": cell.is_header,
    }
