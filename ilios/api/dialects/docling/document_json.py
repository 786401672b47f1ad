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
from ilios.api.responses.json_pieces import Fields, Members, Text
from ilios.documents.queries import Result
from ilios.documents.result_pages import StructuredPage

VERSION: Final = "1.5.0"
"""Of the schema: the first that has all that is written here, so that older clients read it too."""
GRID_MAX_CELLS: Final = 1_000_000  #: of a table: docling-core refuses larger ones
TABLE_CUT: Final = "table_cut"

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

_TEXT, _LIST, _LIST_ITEM, _TABLE, _PICTURE = range(5)
_BODY: Final = {"$ref": "#/body"}
_ROOT: Final = {"parent": None, "children": [], "content_layer": "body", "name": "_root_"}
_FLOATING: Final = {"captions": [], "references": [], "footnotes": [], "image": None}


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
        self._text_count = 0
        self._list_count = 0

    def members(self) -> Members:
        """Return the document, which is read while it is written."""
        return Members(self._members())

    def warnings(self) -> Iterator[dict[str, Any]]:
        """Yield what was left out of the document, once that is written."""
        if self._cut_tables:
            message = (
                f"{self._cut_tables} tables have more than {GRID_MAX_CELLS} cells, of which the "
                "document in JSON has the first; its Markdown has all."
            )
            yield {"code": TABLE_CUT, "message": message, "page": None}

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
        group = self._list_count
        for found in list_items(item.markdown()):
            if group == self._list_count:
                self._order.append(_LIST)
                self._list_count += 1
            yield Fields(self._list_item(page, item, found, group))

    def _list_item(
        self, page: StructuredPage, item: Item, found: ListItem, group: int
    ) -> dict[str, Any]:
        return {
            **self._text_node(_LIST_ITEM, {"$ref": f"#/groups/{group}"}),
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
            yield Fields({**node, "label": "table", "prov": provenance(page, item, 0), "data": data})

    def _table(self, item: Item) -> Iterator[tuple[str, Any]]:
        size = [0, 0]  # rows and columns, as far as they are written
        yield "table_cells", self._cells(item, size)
        yield "num_rows", size[0]
        yield "num_cols", size[1]

    def _cells(self, item: Item, size: list[int]) -> Iterator[dict[str, Any]]:
        for row in table_rows.rows(item.markdown()):
            columns = max([size[1], *(cell.column + cell.column_span for cell in row)])
            if (size[0] + 1) * columns > GRID_MAX_CELLS:
                self._cut_tables += 1
                return
            size[:] = size[0] + 1, columns
            yield from map(_cell, row)

    def _pictures(self) -> Iterator[Fields]:
        for page, item, node in self._floating("pictures", _PICTURE, self._with_pictures):
            image = self._images.reference(page, item.image_name, page.dpi)
            shown = Fields(image) if image else None
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
        texts = lists = 0
        for place, kind in enumerate(self._order):
            if kind in (_TEXT, _LIST_ITEM):
                texts += 1
            elif kind == _LIST:
                node = _node(f"#/groups/{lists}", _BODY)
                listed = self._of_list(place, texts)
                yield Fields({**node, "children": listed, "name": "list", "label": "list"})
                lists += 1

    def _of_list(self, place: int, first: int) -> Iterator[dict[str, str]]:
        """Yield references to the items of the list that begins at a place."""
        for text, kind in enumerate(memoryview(self._order)[place + 1 :], first):
            if kind != _LIST_ITEM:
                return
            yield {"$ref": f"#/texts/{text}"}

    def _body(self) -> Iterator[dict[str, str]]:
        """Yield references to all parts; pages that were deleted meanwhile have none."""
        texts = lists = tables = pictures = 0
        for kind in self._order:
            if kind in (_TEXT, _LIST_ITEM):
                texts += 1
            if kind == _TEXT:
                yield {"$ref": f"#/texts/{texts - 1}"}
            elif kind == _LIST:
                lists += 1
                yield {"$ref": f"#/groups/{lists - 1}"}
            elif kind == _TABLE and (tables := tables + 1) <= self._written[_TABLE]:
                yield {"$ref": f"#/tables/{tables - 1}"}
            elif kind == _PICTURE and (pictures := pictures + 1) <= self._written[_PICTURE]:
                yield {"$ref": f"#/pictures/{pictures - 1}"}


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
