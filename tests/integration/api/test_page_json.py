"""The pages of a result as JSON: every field is there, and long ones come in pieces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import yaml
from marshmallow import Schema

from ilios.accounts.keys import owner_of
from ilios.api.responses import forms, page_json
from ilios.api.schemas.page_responses import (
    BlockSchema,
    LinkSchema,
    PageImageSchema,
    PageSchema,
    TableSchema,
    WordSchema,
)
from ilios.api.schemas.responses import DocumentInfoSchema
from ilios.core import clock
from ilios.core.conversion_errors import CorruptDocument
from ilios.db.database import Database
from ilios.db.models import Document
from ilios.documents import result_pages, results
from ilios.engines import page_fields, page_text
from ilios.engines.base import Conversion, ConversionWarning, ImageFile, Page, Usage
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block, Table
from tests.support import documents, structured
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY
from tests.support.api_working import InTestWorker

OWNER = owner_of(KEY)
PIECE = 100


def stored(database: Database, *pages: Page, **more: Any) -> str:
    return structured.add_result(database, pages, owner=OWNER, **more)


def change(database: Database, document_id: str, **columns: Any) -> None:
    with database.writing() as session:
        document = session.get_one(Document, document_id)
        for name, value in columns.items():
            setattr(document, name, value)


def result_of(anna: Caller, document_id: str, query: str = "") -> dict[str, Any]:
    answer = anna.get(f"/api/documents/{document_id}?format=json{query}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def keys(schema: type[Schema], *without: str) -> set[str]:
    return {str(field.data_key) for field in schema().fields.values()} - {*without}


def test_a_page_tells_all_that_is_known_of_it(anna: Caller, database: Database) -> None:
    document_id = stored(database, *map(structured.page, range(3)))

    body = result_of(anna, document_id, "&include=blocks")

    own = f"/api/documents/{document_id}/images"
    third = body["pages"][2]
    assert [page["number"] for page in body["pages"]] == [1, 2, 3]
    assert third.pop("markdown").endswith(f"![heron]({own}/page-3-image-1.png)")
    blocks = third.pop("blocks")
    assert third == {
        "number": 3,
        "engine": "embedded",
        "width": 595.3,
        "height": 841.9,
        "unit": "point",
        "dpi": None,
        "confidence": 0.97,
        "header": None,
        "footer": "page 3",
        "links": [
            {"text": "water", "url": "https://example.org/water"},
            {"text": None, "url": "https://example.org"},
        ],
        "images": [
            {
                "name": "page-3-image-1.png",
                "url": f"{own}/page-3-image-1.png",
                "bbox": [72, 200, 300, 400],
                "caption": "Figure 1",
                "annotation": {"bird": "heron"},
            }
        ],
        "tables": [
            {
                "id": "table-3-1",
                "markdown": "| bird | legs |\n| --- | --- |\n| heron | 2 |",
                "html": None,
                "bbox": [72, 110, 300, 180],
            }
        ],
        "warnings": [],
    }
    assert [block["type"] for block in blocks] == ["title", "text", "table", "image", "footer"]
    assert blocks[0] == {
        "type": "title",
        "text": "# Herons 3",
        "bbox": [72, 60, 180.5, 78],
        "level": 1,
        "confidence": None,
        "tableId": None,
        "imageName": None,
    }
    assert (blocks[1]["confidence"], blocks[2]["tableId"]) == (0.98, "table-3-1")
    assert blocks[3]["text"] == f"![heron]({own}/page-3-image-1.png)"
    assert blocks[3]["imageName"] == "page-3-image-1.png"
    assert (blocks[4]["text"], blocks[4]["bbox"]) == ("page 3", None)


def test_every_field_is_there_whether_or_not_anything_is_known(
    anna: Caller, database: Database
) -> None:
    rich, plain = stored(database, structured.page(0)), stored(database, Page(0, "x"), info=None)
    change(database, rich, options={"confidence": "word"})

    full, bare = result_of(anna, rich, "&include=blocks"), result_of(anna, plain)

    assert set(full["metadata"]["document"]) == keys(DocumentInfoSchema)
    assert bare["metadata"]["document"] == dict.fromkeys(keys(DocumentInfoSchema))
    (page,) = full["pages"]
    assert set(page) == keys(PageSchema)
    for field, schema in {
        "blocks": BlockSchema,
        "images": PageImageSchema,
        "links": LinkSchema,
        "tables": TableSchema,
        "words": WordSchema,
    }.items():
        assert page[field]
        assert all(set(item) == keys(schema) for item in page[field]), field
    assert set(bare["pages"][0]) == keys(PageSchema, "blocks", "words")


def test_a_result_says_which_pages_it_lacks(anna: Caller, database: Database) -> None:
    document_id = stored(database, structured.page(0), structured.page(2))
    whole = result_of(anna, document_id)
    change(database, document_id, failed_pages=[[1, 1, "refused_by_provider"]])

    body = result_of(anna, document_id)

    assert (whole["partial"], whole["failedPages"]) == (False, [])
    assert body["partial"]
    assert body["failedPages"] == [{"number": 2, "code": "refused_by_provider"}]


def test_what_a_document_says_of_itself(anna: Caller, database: Database) -> None:
    body = result_of(anna, stored(database, structured.page(0)))

    assert body["metadata"]["document"] == {
        "title": "Herons",
        "author": "A. Heron",
        "created": None,
        "modified": None,
        "language": "en",
        "pageCount": 3,
        "producer": None,
    }


def test_blocks_are_given_only_where_they_are_asked_for(anna: Caller, database: Database) -> None:
    document_id = stored(database, structured.page(0))

    assert "blocks" not in result_of(anna, document_id)["pages"][0]
    assert result_of(anna, document_id)["warnings"] == []


def test_blocks_that_were_not_asked_for_at_the_conversion_are_null(
    anna: Caller, database: Database
) -> None:
    none, empty = structured.plain_page(0), replace(structured.plain_page(1), layout=Layout())
    document_id = stored(database, none, empty)

    body = result_of(anna, document_id, "&include=blocks")
    page = anna.get(f"/api/documents/{document_id}/pages/1?include=blocks").get_json()
    other = anna.get(f"/api/documents/{document_id}/pages/2?include=blocks").get_json()

    assert [page["blocks"] for page in body["pages"]] == [None, []]
    assert body["warnings"] == page["warnings"] == [page_json.BLOCKS_NOT_REQUESTED]
    assert (page["blocks"], other["blocks"], other["warnings"]) == (None, [], [])


@pytest.mark.parametrize(
    ("page", "unit"),
    [
        (Page(0, "x"), None),
        (Page(0, "x", width=10, height=20), "point"),
        (Page(0, "x", width=10, height=20, dpi=300), "pixel"),
    ],
)
def test_sizes_have_a_unit(anna: Caller, database: Database, page: Page, unit: str | None) -> None:
    (shown,) = result_of(anna, stored(database, page))["pages"]

    assert (shown["unit"], shown["width"], shown["dpi"]) == (unit, page.width, page.dpi)


def test_a_page_names_the_engine_that_made_it(anna: Caller, database: Database) -> None:
    engines = {}
    for model in ("embedded", "mistral-ocr-4-1", None):
        document_id = stored(database, structured.plain_page(0))
        change(database, document_id, model=model)
        engines[model] = result_of(anna, document_id)["pages"][0]["engine"]

    assert engines == {"embedded": "embedded", "mistral-ocr-4-1": "mistral", None: None}


def test_a_page_has_the_warnings_that_concern_it(anna: Caller, database: Database) -> None:
    warning = ConversionWarning("empty_page", "Empty.", 2)
    document_id = stored(database, Page(0, "x"), Page(1, "", warnings=(warning,)))

    body = result_of(anna, document_id)

    shown = {"code": "empty_page", "message": "Empty.", "page": 2}
    assert [page["warnings"] for page in body["pages"]] == [[], [shown]]
    assert body["warnings"] == [shown]


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        ('{"a": [1.50, "ü"]}', {"a": [1.5, "ü"]}),
        ("null", None),
        ("a sentence", "a sentence"),
        ("NaN", "NaN"),
        ('{"a": ', '{"a": '),
        ("[" * 9_000 + "]" * 9_000, "[" * 9_000 + "]" * 9_000),
    ],
)
def test_an_annotation_is_json_or_a_text(
    anna: Caller, database: Database, annotation: str, shown: Any
) -> None:
    page = structured.page(0)
    image = replace(page.images[0], annotation=annotation)

    (found,) = result_of(anna, stored(database, replace(page, images=(image,))))["pages"]

    assert found["images"][0]["annotation"] == shown


def test_words_are_given_where_the_conversion_was_asked_for_them(
    anna: Caller, database: Database
) -> None:
    document_id = stored(database, structured.page(0), structured.plain_page(1))
    assert "words" not in result_of(anna, document_id)["pages"][0]
    change(database, document_id, options={"confidence": "word"})

    with_words, without = result_of(anna, document_id)["pages"]

    assert with_words["words"][0] == {"text": "They", "confidence": 0.9, "bbox": [1, 2, 3, 4.5]}
    assert without["words"] == []


def test_a_table_is_markdown_or_html_or_not_in_the_page(anna: Caller, database: Database) -> None:
    html = "<table><tr><td>![x](a.png)</td></tr></table>"
    tables = (
        Table("t-1", 0, len(html), "html"),
        Table("t-2", 0, 0, "markdown", text="| [b](a.png) |"),
    )
    image = ImageFile("a.png", structured.page(0).images[0].path, "image/png")
    document_id = stored(database, Page(0, html, tables=tables, images=(image,)))

    first, second = result_of(anna, document_id)["pages"][0]["tables"]

    own = f"/api/documents/{document_id}/images/a.png"
    assert (first["markdown"], first["html"]) == (None, html.replace("a.png", own))
    assert (second["markdown"], second["html"]) == (f"| [b]({own}) |", None)


def test_long_pages_blocks_and_tables_are_read_piece_by_piece(
    anna: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (page_text, result_pages, page_fields):
        monkeypatch.setattr(module, "PIECE_MAX_CHARACTERS", PIECE)
    markdown = "".join(f"line {number} of herons\n" for number in range(100))
    blocks = [Block("text", 0, 20), Block("table", 20, 1_500), Block("text", 1_501, len(markdown))]
    table = Table("t-1", 20, 1_500, "markdown")
    page = Page(0, markdown, tables=(table,), layout=Layout.of(blocks))

    (shown,) = result_of(anna, stored(database, page), "&include=blocks")["pages"]

    assert shown["markdown"] == markdown
    assert [block["text"] for block in shown["blocks"]] == [
        markdown[block.start : block.end] for block in blocks
    ]
    assert shown["tables"][0]["markdown"] == markdown[20:1_500]


def test_splitting_the_content_gives_the_pages(anna: Caller, database: Database) -> None:
    document_id = stored(database, *map(structured.page, range(12)))
    separator = f"<{uuid4()}>"

    for query, between in (("", "\n\n---\n\n"), (f"&pageSeparator={separator}", separator)):
        body = result_of(anna, document_id, query)
        assert body["content"].split(between) == [page["markdown"] for page in body["pages"]]


def test_text_has_the_separator_that_was_asked_for(anna: Caller, database: Database) -> None:
    pages = (structured.plain_page(index, f"**page {index}**") for index in range(3))
    path = f"/api/documents/{stored(database, *pages)}?format=text"

    assert anna.get(path).text == "page 0\n\npage 1\n\npage 2"
    assert anna.get(f"{path}&pageSeparator=%0A[{{page}}]").text == "page 0\n[2]page 1\n[3]page 2"


def test_some_pages_have_the_numbers_of_the_original(anna: Caller, database: Database) -> None:
    document_id = stored(database, *map(structured.page, range(9)))

    body = result_of(anna, document_id, "&pages=3,7&pageSeparator=[{page}]")

    assert [page["number"] for page in body["pages"]] == [3, 7]
    assert body["content"].split("[7]") == [page["markdown"] for page in body["pages"]]


def test_a_result_of_many_pages_is_sent_before_it_is_read(
    anna: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = stored(database, *map(structured.plain_page, range(4)))
    path = f"/api/documents/{document_id}?pages="
    monkeypatch.setattr(forms, "COUNTED_MAX_PAGES", 2)

    few, many = anna.get(f"{path}1-2"), anna.get(f"{path}1-3")

    assert int(few.headers["Content-Length"]) == len(few.data)
    assert "Content-Length" not in many.headers
    assert many.text == "Plain\n\n---\n\nPlain\n\n---\n\nPlain"


def test_a_page_is_given_by_its_number_in_the_original(anna: Caller, database: Database) -> None:
    document_id = stored(database, structured.page(2), structured.page(6))
    path = f"/api/documents/{document_id}/pages"

    answer = anna.get(f"{path}/7?include=blocks")
    page = answer.get_json()

    assert page.pop("id") == document_id
    assert page == result_of(anna, document_id, "&include=blocks")["pages"][1]
    assert answer.headers["X-Cache"] == "miss"
    for number in (0, 1, 4, 8, 10**17):
        missing = anna.get(f"{path}/{number}")
        assert (missing.status_code, missing.get_json()["code"]) == (404, "page_not_found")
        detail = missing.get_json()["detail"]
        assert detail == f"There is no page {number}. There are 2 pages: 3,7."
    for name in ("x", "-1", "1.5", "٣", "9" * 5_000):
        assert anna.get(f"{path}/{name}").get_json()["code"] == "not_found"


def test_a_page_that_the_client_has_is_not_sent_again(anna: Caller, database: Database) -> None:
    path = f"/api/documents/{stored(database, structured.page(0), structured.page(1))}"
    paths = [f"{path}/pages/{query}" for query in ("1", "2", "1?include=blocks")]
    paths += [f"{path}?format=json&pages=1", f"{path}?format=json"]
    tags = [anna.get(one).headers["ETag"] for one in paths]

    assert len(set(tags)) == len(tags)
    for one, tag in zip(paths, tags, strict=True):
        assert anna.get(one, headers={"If-None-Match": tag}).status_code == 304
        assert anna.get(one, headers={"If-Match": '"another"'}).status_code == 412


def test_what_is_stored_of_a_document_is_read_before_it_ends(
    anna: Caller, bert: Caller, database: Database
) -> None:
    document_id, _ = documents.add_document(database, owner=OWNER)
    duplicate, _ = documents.add_document(database, owner=OWNER)
    change(database, duplicate, result_of=document_id)
    warning = ConversionWarning("empty_page", "Empty.", 1)
    page = replace(structured.page(0), warnings=(warning,))
    path = f"/api/documents/{document_id}/pages"

    early = anna.get(f"{path}/1")
    with database.writing() as session:
        part = Conversion((page,), Usage(1, "embedded"))
        results.checkpoint(session, document_id, part, {})
    found = anna.get(f"{path}/1").get_json()
    shared = anna.get(f"/api/documents/{duplicate}/pages/1").get_json()
    later = anna.get(f"{path}/2")

    for answer in (early, later):
        assert (answer.status_code, answer.get_json()["code"]) == (409, "document_not_ready")
        assert int(answer.headers["Retry-After"]) > 0
    assert found["markdown"].startswith("# Herons 1")
    assert [found["engine"], found["warnings"][0]["code"]] == ["embedded", "empty_page"]
    assert shared == {**found, "id": duplicate}
    assert bert.get(f"{path}/1").status_code == 404


def test_pages_of_a_failed_document_are_read_by_their_numbers(
    anna: Caller, database: Database
) -> None:
    document_id, _ = documents.add_document(database, owner=OWNER)
    with database.writing() as session:
        part = Conversion((structured.page(0),), Usage(1, "embedded"))
        results.checkpoint(session, document_id, part, {})
        results.fail(session, document_id, CorruptDocument("It is."), clock.now())
    path = f"/api/documents/{document_id}"

    assert anna.get(path).get_json()["code"] == "document_failed"
    assert anna.get(f"{path}/pages/1").get_json()["number"] == 1
    missing = anna.get(f"{path}/pages/2").get_json()
    assert missing["detail"] == "There is no page 2. There is 1 page: 1."


def test_a_deleted_document_has_no_pages(anna: Caller, database: Database) -> None:
    document_id = stored(database, structured.page(0))
    anna.call("DELETE", f"/api/documents/{document_id}")

    assert anna.get(f"/api/documents/{document_id}/pages/1").status_code == 410


def test_a_conversion_that_is_waited_for_answers_in_the_same_form(
    anna: Caller, worker: InTestWorker
) -> None:
    form = {"format": "json", "include": "blocks", "pageSeparator": "[{page}]"}
    with worker.running():
        answer = anna.post("/v1/convert", {"file": file(b"one\ntwo"), **form})

    body = answer.get_json()
    assert body["content"] == "one[2]two"
    assert [page["blocks"] for page in body["pages"]] == [None, None]


def test_blocks_may_be_asked_for_that_the_answer_does_not_show(
    anna: Caller, worker: InTestWorker
) -> None:
    with worker.running():
        answer = anna.post("/v1/convert", {"file": file(), "include": "blocks"})
    assert answer.text == "Hello"

    path = f"/api/documents/{answer.headers['X-Document-Id']}"
    refused = anna.get(f"{path}?include=blocks")
    assert (refused.status_code, refused.get_json()["code"]) == (422, "option_unavailable")


def test_markdown_begins_with_what_is_known_of_the_file(anna: Caller, database: Database) -> None:
    odd = 'Herons: "#1"\n\x85\u2028 🐦 \\ end'
    info = replace(structured.INFO, title=odd, created="2026-01-31T08:00:00Z")
    path = f"/api/documents/{stored(database, structured.plain_page(0), info=info)}"

    text = anna.get(f"{path}?frontMatter=true").text
    body = result_of(anna, path.rpartition("/")[2], "&frontMatter=true")

    front, _, rest = text.removeprefix("---\n").partition("---\n\n")
    assert rest == "Plain"
    assert yaml.safe_load(front) == {
        "title": odd,
        "author": "A. Heron",
        "created": "2026-01-31T08:00:00Z",
        "language": "en",
        "pages": 1,
        "model": "embedded",
        "file": "hello.txt",
    }
    assert body["content"] == text
    assert body["pages"][0]["markdown"] == "Plain"
