"""What a viewer of a long document asks for: which pages there are, and one of them as HTML."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ilios.accounts.keys import owner_of
from ilios.api.schemas.page_responses import HtmlBlockSchema, ListedPageSchema
from ilios.core import clock
from ilios.core.conversion_errors import CorruptDocument
from ilios.db.database import Database
from ilios.documents import results
from ilios.engines.base import Conversion, ConversionWarning, Page, Usage
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block
from tests.contract.problems import assert_problem
from tests.support import documents, structured
from tests.support.api_callers import Caller
from tests.support.api_fixtures import KEY

OWNER = owner_of(KEY)
HOSTILE = """\
# A <script>alert(1)</script> title

<img src=x onerror=alert(1)> <a href="javascript:alert(1)">here</a> [there](JavaScript:alert(1))

<svg onload=alert(1)><style>*{display:none}</style></svg>

| a | b |
| --- | ---: |
| <b onclick=alert(1) style="position:fixed">1</b> | 2 |

<iframe src="https://example.org"></iframe><form action=/x><input name=key></form> the end
"""


def stored(database: Database, *pages: Page) -> str:
    return structured.add_result(database, pages, owner=OWNER)


def listed(anna: Caller, document_id: str, query: str = "") -> dict[str, Any]:
    answer = anna.get(f"/api/documents/{document_id}/pages{query}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def html_of(anna: Caller, document_id: str, number: int = 1) -> list[dict[str, Any]]:
    answer = anna.get(f"/api/documents/{document_id}/pages/{number}?include=html")
    assert answer.status_code == 200, answer.text
    blocks: list[dict[str, Any]] = answer.get_json()["html"]
    keys = {str(field.data_key) for field in HtmlBlockSchema().fields.values()}
    assert all(set(block) == keys for block in blocks)
    return blocks


def test_a_list_tells_what_is_known_of_each_page(anna: Caller, database: Database) -> None:
    warning = ConversionWarning("low_confidence", "Poor.", 7)
    scan = Page(6, "x", width=1240, height=1754, dpi=150, confidence=0.5, warnings=(warning,))
    document_id = stored(database, structured.page(0), structured.plain_page(2), scan)

    body = listed(anna, document_id)

    nothing = dict.fromkeys(("width", "height", "unit", "dpi", "confidence"))
    assert body == {
        "id": document_id,
        "nextCursor": None,
        "pages": [
            {
                "number": 1,
                "width": 595.3,
                "height": 841.9,
                "unit": "point",
                "dpi": None,
                "confidence": 0.97,
                "warnings": [],
                "hasBlocks": True,
            },
            {"number": 3, **nothing, "warnings": [], "hasBlocks": False},
            {
                "number": 7,
                "width": 1240,
                "height": 1754,
                "unit": "pixel",
                "dpi": 150,
                "confidence": 0.5,
                "warnings": [{"code": "low_confidence", "message": "Poor.", "page": 7}],
                "hasBlocks": False,
            },
        ],
    }
    keys = {str(field.data_key) for field in ListedPageSchema().fields.values()}
    assert all(set(page) == keys for page in body["pages"])


def test_a_long_list_is_followed(anna: Caller, database: Database) -> None:
    document_id = stored(database, *map(structured.plain_page, range(0, 250, 2)))
    numbers: list[int] = []
    query = "?limit=50"
    while query:
        body = listed(anna, document_id, query)
        numbers += [page["number"] for page in body["pages"]]
        query = body["nextCursor"] and f"?limit=50&cursor={body['nextCursor']}"

    assert numbers == list(range(1, 251, 2))
    assert len(listed(anna, document_id)["pages"]) == 100
    assert len(listed(anna, document_id, "?limit=1000")["pages"]) == 125
    assert listed(anna, document_id, "?cursor=900")["pages"] == []


@pytest.mark.parametrize("cursor", ["0", "-1", "x", "", "1.5", "9" * 19])
def test_another_cursor_is_refused(anna: Caller, database: Database, cursor: str) -> None:
    document_id = stored(database, structured.plain_page(0))

    answer = anna.get(f"/api/documents/{document_id}/pages?cursor={cursor}")

    assert_problem(answer, 400, "invalid_cursor", "nextCursor")


@pytest.mark.parametrize("limit", ["0", "1001", "x"])
def test_another_limit_is_refused(anna: Caller, database: Database, limit: str) -> None:
    document_id = stored(database, structured.plain_page(0))

    answer = anna.get(f"/api/documents/{document_id}/pages?limit={limit}")

    assert_problem(answer, 400, "invalid_limit")


def test_pages_are_listed_as_soon_as_they_are_stored(
    anna: Caller, bert: Caller, database: Database
) -> None:
    document_id, _ = documents.add_document(database, owner=OWNER)
    assert listed(anna, document_id)["pages"] == []

    with database.writing() as session:
        part = Conversion((structured.page(0),), Usage(1, "embedded"))
        results.checkpoint(session, document_id, part, {})
    early = listed(anna, document_id)
    with database.writing() as session:
        results.fail(session, document_id, CorruptDocument("It is."), clock.now())

    assert [page["number"] for page in early["pages"]] == [1]
    assert listed(anna, document_id) == early
    path = f"/api/documents/{document_id}/pages"
    assert_problem(bert.get(path), 404, "document_not_found")
    anna.call("DELETE", f"/api/documents/{document_id}")
    assert_problem(anna.get(path), 410, "document_deleted")


def test_a_page_as_html_comes_block_by_block(anna: Caller, database: Database) -> None:
    document_id = stored(database, structured.page(0))

    title, text, table, image = html_of(anna, document_id)

    assert title == {
        "type": "title",
        "html": "<h1>Herons 1</h1>",
        "bbox": [72, 60, 180.5, 78],
        "level": 1,
        "confidence": None,
    }
    assert text["html"] == "<p>They stand in shallow water and wait.</p>"
    assert (text["bbox"], text["confidence"]) == ([72, 90, 300.5, 102], 0.98)
    assert "<td>heron</td><td>2</td>" in table["html"]
    own = f"/api/documents/{document_id}/images/page-1-image-1.png"
    assert image["html"] == f'<p><img src="{own}" alt="heron"></p>'


def test_it_is_there_also_if_the_conversion_made_no_blocks(
    anna: Caller, database: Database
) -> None:
    page = structured.plain_page(0, "# Title\n\n- one\n- two\n\nText $x^2$.")
    document_id = stored(database, page)

    title, items, text = html_of(anna, document_id)

    assert [title["type"], items["type"], text["type"]] == ["title", "list", "text"]
    assert items["html"].split() == ["<ul>", "<li>one</li>", "<li>two</li>", "</ul>"]
    assert '<span class="math math-inline">x^2</span>' in text["html"]
    assert [block["bbox"] for block in (title, items, text)] == [None] * 3


def test_the_worst_of_what_makes_up_a_block_is_its_confidence(
    anna: Caller, database: Database
) -> None:
    markdown = "one line\nand another"
    blocks = [
        Block("text", 0, 8, box=(1, 1, 5, 2), confidence=0.9),
        Block("text", 9, 20, box=(1, 3, 9, 4), confidence=0.4),
    ]
    page = replace(structured.plain_page(0, markdown), layout=Layout.of(blocks))

    (block,) = html_of(anna, stored(database, page))

    assert (block["confidence"], block["bbox"]) == (0.4, [1, 1, 9, 4])


def test_nothing_in_it_runs_or_has_a_style(anna: Caller, database: Database) -> None:
    blocks = html_of(anna, stored(database, structured.plain_page(0, HOSTILE)))

    html = "".join(block["html"] for block in blocks).lower()
    for part in (
        *("<script", "<svg", "<style", "<iframe", "<form", "<input", "style=", "javascript:"),
        *("onerror", "onclick", "onload", "src="),
    ):
        assert part not in html, part
    assert '<td align="right">2</td>' in html
    assert "the end" in html


def test_what_looks_like_a_style_in_a_text_stays(anna: Caller, database: Database) -> None:
    markdown = 'The code `<td style="text-align: right">` aligns.'

    (block,) = html_of(anna, stored(database, structured.plain_page(0, markdown)))

    assert 'style="text-align: right"' in block["html"]


def test_a_long_table_comes_in_pieces_as_one_table(
    anna: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"| {number} | heron |\n" for number in range(4_000))
    document_id = stored(database, structured.plain_page(0, f"| a | b |\n| --- | ---: |\n{rows}"))

    (table,) = html_of(anna, document_id)

    assert table["html"].count("<table") == table["html"].count("</table>") == 1
    assert table["html"].count("<tr") == 4_001
    assert table["html"].count('align="right"') == 4_001


def test_with_html_a_page_has_another_etag(anna: Caller, database: Database) -> None:
    path = f"/api/documents/{stored(database, structured.page(0))}/pages/1"
    queries = ("", "?include=blocks", "?include=html")
    tags = {anna.get(path + query).headers["ETag"] for query in queries}

    assert len(tags) == 3
    assert "blocks" not in anna.get(f"{path}?include=html").get_json()
    assert_problem(anna.get(f"{path}?include=words"), 400, "invalid_include", "blocks or html")
