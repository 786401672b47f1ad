"""`format=html`: a section for each page, images linked or inside, and nothing that runs."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace
from io import BytesIO

import pytest

from ilios.accounts.keys import owner_of
from ilios.api.responses import result_html, streaming
from ilios.db.database import Database
from ilios.documents import result_pages
from ilios.engines import markdown_parts
from ilios.storage.base import ObjectStore
from tests.support import structured
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY
from tests.support.api_working import IMAGE, InTestWorker

OWNER = owner_of(KEY)


def html_of(anna: Caller, document_id: str, query: str = "") -> str:
    answer = anna.get(f"/api/documents/{document_id}?format=html{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


def stored(database: Database, *texts: str) -> str:
    pages = [structured.plain_page(index, text) for index, text in enumerate(texts)]
    return structured.add_result(database, pages, owner=OWNER)


def test_a_result_has_a_section_for_each_page(anna: Caller, database: Database) -> None:
    document_id = structured.add_result(database, map(structured.page, range(3)), owner=OWNER)

    answer = anna.get(f"/api/documents/{document_id}?format=html&pages=1,3")

    assert answer.mimetype == "text/html"
    assert answer.text.startswith('<!doctype html>\n<html lang="en">')
    assert "<title>Herons</title>" in answer.text
    assert re.findall(r'<section id="page-(\d)" data-page="(\d)" dir="auto">', answer.text) == [
        ("1", "1"),
        ("3", "3"),
    ]
    image = f'<img src="/api/documents/{document_id}/images/page-3-image-1.png" alt="heron">'
    assert image in answer.text


def test_nothing_of_a_result_runs(anna: Caller, database: Database) -> None:
    document_id = stored(database, "</section><script>1</script>")

    answer = anna.get(f"/api/documents/{document_id}?format=html")

    assert answer.headers["Content-Security-Policy"] == result_html.CONTENT_POLICY
    assert "script" not in answer.text
    assert answer.text.count("</section>") == 1


def test_the_description_of_an_image_from_elsewhere_is_text(
    anna: Caller, database: Database
) -> None:
    document_id = stored(database, "![<script>1</script> &lt;b>](https://example.org/a.png)")

    html = html_of(anna, document_id)

    assert "<p>&lt;script&gt;1&lt;/script&gt; &lt;b&gt;</p>" in html


def test_what_a_file_calls_itself_is_text(anna: Caller, database: Database) -> None:
    info = replace(structured.INFO, title="</title><script>", language='"><script>')
    document_id = structured.add_result(
        database, [structured.plain_page(0)], owner=OWNER, info=info
    )

    assert "<script>" not in html_of(anna, document_id)


@pytest.mark.parametrize("part", [100, 200, 10_000])
def test_a_long_table_stays_one(
    anna: Caller, database: Database, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr(markdown_parts, "PART_MAX_CHARACTERS", part)
    rows = [f"| row {number} | x |\n" for number in range(30)]
    document_id = stored(database, f"before\n\n| a | b |\n| --- | --- |\n{''.join(rows)}\nafter")

    html = html_of(anna, document_id)

    assert html.count("<table>") == html.count("</table>") == html.count("<thead>") == 1
    assert re.findall(r"<td>(row \d+)</td>", html) == [f"row {number}" for number in range(30)]
    assert html.index("before") < html.index("<table>") < html.index("</table>")
    assert html.index("</tbody></table>") < html.index("after")


def test_a_table_that_ends_within_itself_leaves_the_rest_whole(
    anna: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markdown_parts, "PART_MAX_CHARACTERS", 100)
    rows = [f"| row {number} </table> | x |\n" for number in range(30)]
    document_id = stored(database, f"| a | b |\n| --- | --- |\n{''.join(rows)}\nafter")

    html = html_of(anna, document_id)

    assert html.count("<table>") == html.count("</table>")
    assert all(f"row {number}" in html for number in range(30))


def test_front_matter_of_a_file_stays_as_it_is(anna: Caller, database: Database) -> None:
    document_id = stored(database, "---\ntitle: a <b>\n---\n\n# Title\n")

    html = html_of(anna, document_id)

    assert "<pre><code>---\ntitle: a &lt;b&gt;\n---</code></pre>" in html
    assert "<h1>Title</h1>" in html


def test_images_of_a_result_stand_in_it_when_asked_for(anna: Caller, worker: InTestWorker) -> None:
    text = b"one ![a](figure.png) and ![again](figure.png), not ![theirs](other.png)"
    with worker.running():
        answer = anna.post(
            "/v1/convert",
            {"file": file(text, "a.txt"), "format": "html", "embedImages": "true"},
        )

    assert answer.status_code == 200, answer.text
    name = f"/api/documents/{answer.headers['X-Document-Id']}/images/figure.png"
    (data,) = re.findall(r'<img alt="a" src="data:image/png;base64,([^"]+)">', answer.text)
    assert b64decode(data) == IMAGE
    assert f'<img src="{name}" alt="again">' in answer.text
    assert "not theirs" in answer.text
    assert "a.html" in answer.headers["Content-Disposition"]


def test_an_image_that_is_lost_leaves_its_description(
    anna: Caller, worker: InTestWorker, database: Database, store: ObjectStore
) -> None:
    with worker.running():
        answer = anna.post("/v1/convert", {"file": file(b"![words](figure.png)", "a.txt")})
    document_id = answer.headers["X-Document-Id"]
    (page,) = result_pages.of_document(database, document_id, [0])
    store.delete(page.images[0]["key"])

    assert "<p>words</p>" in html_of(anna, document_id, "&embedImages=true")


class _Drips(BytesIO):
    """A file that gives a byte more at each read."""

    def read(self, size: int | None = -1) -> bytes:
        del size
        return super().read(self.tell() % 5 + 1)


@pytest.mark.parametrize("size", range(12))
def test_an_image_is_written_whole_however_it_is_read(size: int) -> None:
    image = bytes(range(size))

    assert b64decode("".join(streaming.in_base64(_Drips(image)))) == image
