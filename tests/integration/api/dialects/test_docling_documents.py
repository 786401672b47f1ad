"""Results as a DoclingDocument, which docling-core reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ilios.accounts.keys import owner_of
from ilios.api.dialects.docling import document_json, page_items
from ilios.api.dialects.docling.tasks import Task
from ilios.api.dialects.docling.wanted import ResultForms
from ilios.db.database import Database
from ilios.documents import result_pages
from ilios.engines import page_text
from ilios.engines.base import Page
from ilios.engines.conversion_warnings import TRUNCATED_TABLE
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block
from tests.support import structured
from tests.support.api_callers import Caller
from tests.support.api_fixtures import KEY

WANTED = ResultForms(("json",))
SPANNED = (
    "<table><thead><tr><th colspan=2>Bird</th><th>Legs</th></tr></thead><tbody>"
    "<tr><td rowspan=2>Heron</td><td>grey</td><td>2</td></tr>"
    "<tr><td>white</td><td>2</td></tr></tbody></table>"
)


def page(*parts: tuple[str, str], index: int = 0, **levels: int) -> Page:
    """Return a page of blocks: each a type and its Markdown."""
    markdown = "\n\n".join(text for _, text in parts)
    blocks, place = [], 0
    for kind, text in parts:
        level = levels.get(kind)
        blocks.append(Block(kind, place, place + len(text), level=level))  # type: ignore[arg-type]
        place += len(text) + 2
    return Page(index, markdown, layout=Layout.of(blocks), width=600, height=800)


@pytest.fixture
def read(anna: Caller, database: Database) -> Callable[..., dict[str, Any]]:
    """Store pages, and read them as a client of docling-serve does."""

    def read(*pages: Page, wanted: ResultForms = WANTED) -> dict[str, Any]:
        document_id = structured.add_result(database, pages, owner=owner_of(KEY))
        answer = anna.get(f"/v1/result/{Task((document_id,), wanted).id}")
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.get_json()
        return body

    return read


@pytest.fixture
def load(read: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    """Read pages, and let docling-core look at every part of the document."""
    # Imported here, for it takes seconds, and each process imports all modules of the tests.
    from docling_core.types.doc.document import DoclingDocument

    def load(*pages: Page) -> Any:
        return DoclingDocument.model_validate(read(*pages)["document"]["json_content"])

    return load


def test_a_document_says_what_stands_where(load: Callable[..., Any]) -> None:
    document = load(structured.page(0), structured.page(1))

    assert document.name == "hello"
    assert [page.size.as_tuple() for page in document.pages.values()] == [(595.3, 841.9)] * 2
    labels = [item.label.value for item, _ in document.iterate_items()]
    assert labels == ["title", "text", "table", "picture"] * 2
    title = document.texts[0]
    assert (title.text, title.prov[0].page_no) == ("Herons 1", 1)
    box = title.prov[0].bbox
    assert (box.l, box.t, box.r, box.b) == (72, 60, 180.5, 78)
    assert box.coord_origin.value == "TOPLEFT"
    assert document.texts[-1].label.value == "page_footer"
    assert document.texts[-1].content_layer.value == "furniture"
    assert document.pictures[1].prov[0].page_no == 2


def test_its_markdown_is_that_of_the_result(load: Callable[..., Any]) -> None:
    parts = [
        ("title", "# Herons"),
        ("text", "They stand\nin **water**."),
        ("list", "- wait\n- walk"),
        ("list", "1. first\n2. second"),
        ("code", "```\nx = 1\n```"),
        ("equation", "$$\nE = mc^2\n$$"),
        ("table", "| bird | legs |\n| --- | --- |\n| heron | 2 |"),
    ]

    document = load(page(*parts, title=1), page(("title", "### More"), index=1, title=3))

    markdown = document.export_to_markdown()
    assert markdown.startswith("# Herons\n\nThey stand  \nin water.\n\n- wait\n- walk\n")
    assert "1. first\n2. second" in markdown
    assert "```\nx = 1\n```" in markdown
    assert "$$E = mc^2$$" in markdown
    assert "| heron" in markdown
    assert markdown.endswith("### More")
    assert [item.enumerated for item in document.texts if item.label == "list_item"] == [
        False,
        False,
        True,
        True,
    ]


def test_lists_in_lists_are_children_of_their_items(
    load: Callable[..., Any],
) -> None:
    nested = "- a\n  1. b\n     - c\n  2. d\n- e\n  - f"

    document = load(page(("list", nested), ("list", "* g"), ("text", "end")))

    shown = [
        (level, item.text) for item, level in document.iterate_items() if item.label == "list_item"
    ]
    first = shown[0][0]
    assert [(level - first, text) for level, text in shown] == [
        (0, "a"),
        (2, "b"),
        (4, "c"),
        (2, "d"),
        (0, "e"),
        (2, "f"),
        (0, "g"),
    ]
    assert len(document.groups) == 5
    assert document.texts[-1].text == "end"


def test_the_text_of_a_spanned_cell_stands_once(load: Callable[..., Any]) -> None:
    (table,) = load(page(("table", SPANNED))).tables

    assert (table.data.num_rows, table.data.num_cols) == (3, 3)
    texts = [cell.text for cell in table.data.table_cells]
    assert texts == ["Bird", "Legs", "Heron", "grey", "2", "white", "2"]
    grid = [[cell.text for cell in row] for row in table.data.grid]
    assert grid == [["Bird", "Bird", "Legs"], ["Heron", "grey", "2"], ["Heron", "white", "2"]]
    assert [cell.column_header for cell in table.data.table_cells[:3]] == [True, True, False]


def test_pages_without_blocks_are_read_from_their_markdown(
    load: Callable[..., Any],
) -> None:
    markdown = "# One\n\ntext\n\n- a\n- b\n\n| c |\n| --- |\n| d |\n\n![x](x.png)"

    document = load(structured.plain_page(0, markdown))

    labels = [item.label.value for item, _ in document.iterate_items()]
    assert labels == ["title", "text", "list_item", "list_item", "table", "picture"]
    assert document.pages == {}
    assert document.texts[0].prov == []


def test_a_part_without_a_box_stands_on_its_page(load: Callable[..., Any]) -> None:
    document = load(page(("text", "somewhere")))

    (where,) = document.texts[0].prov
    assert where.page_no == 1
    assert where.bbox.as_tuple() == (0, 0, 600, 800)


def test_an_empty_document_is_one(load: Callable[..., Any]) -> None:
    document = load(structured.plain_page(0, ""))

    assert list(document.iterate_items()) == []


@pytest.mark.parametrize("kind", ["text", "code"])
def test_long_parts_come_whole(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for module in (page_text, result_pages):
        monkeypatch.setattr(module, "PIECE_MAX_CHARACTERS", 100)
    monkeypatch.setattr(page_items, "HELD_MAX_CHARACTERS", 200)
    words = "word " * 100 + "end"
    text = f"```\n{words}\n```" if kind == "code" else words

    document = load(page((kind, text), ("table", "| a |\n| --- |\n" + "| b |\n" * 99 + "| c |")))

    assert document.texts[0].text == document.texts[0].orig == words
    assert len(document.tables[0].data.table_cells) == 101


def test_a_table_that_clients_would_refuse_is_cut_with_a_warning(
    read: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_json, "GRID_MAX_CELLS", 7)
    table = "| a | b |\n| --- | --- |\n" + "| c | d |\n" * 9

    body = read(page(("table", table.strip()), ("text", "behind")))

    data = body["document"]["json_content"]["tables"][0]["data"]
    assert (data["num_rows"], data["num_cols"], len(data["table_cells"])) == (3, 2, 6)
    assert body["document"]["json_content"]["texts"][0]["text"] == "behind"
    assert [warning["code"] for warning in body["warnings"]] == [TRUNCATED_TABLE]


def test_images_are_referred_to_when_they_are_wanted(
    read: Callable[..., dict[str, Any]],
) -> None:
    body = read(structured.page(0), wanted=ResultForms(("json",), images="referenced"))

    (picture,) = body["document"]["json_content"]["pictures"]
    assert picture["image"]["mimetype"] == "image/png"
    assert picture["image"]["size"] == {"width": 228, "height": 200}
    assert picture["image"]["uri"].endswith("/images/page-1-image-1.png")
