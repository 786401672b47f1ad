"""`format=chunks`: a result as JSON lines for retrieval."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ilios.accounts.keys import owner_of
from ilios.db.database import Database
from ilios.engines.base import Page
from tests.support import structured
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY
from tests.support.api_working import InTestWorker

OWNER = owner_of(KEY)
FIELDS = ["index", "text", "headings", "pages", "bbox", "characters"]


def stored(database: Database, *pages: Page) -> str:
    return structured.add_result(database, pages, owner=OWNER)


def chunks_of(anna: Caller, document_id: str, query: str = "") -> list[dict[str, Any]]:
    answer = anna.get(f"/api/documents/{document_id}?format=chunks{query}")
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_result_comes_as_chunks(anna: Caller, database: Database) -> None:
    document_id = stored(database, *map(structured.page, range(2)))

    first, second = chunks_of(anna, document_id)

    assert list(first) == FIELDS
    assert (first["index"], second["index"]) == (0, 1)
    assert (first["headings"], second["headings"]) == (["Herons 1"], ["Herons 2"])
    assert (first["pages"], second["pages"]) == ([1], [2])
    assert first["bbox"] is None  # its table has none
    assert first["characters"] == len(first["text"])
    link = f"](/api/documents/{document_id}/images/page-1-image-1.png)"
    assert link in first["text"]


def test_chunks_are_those_of_the_pages_that_are_asked_for(anna: Caller, database: Database) -> None:
    document_id = stored(database, *map(structured.page, range(3)))

    (only,) = chunks_of(anna, document_id, "&pages=2")

    assert only["pages"] == [2]


def test_the_texts_of_chunks_make_up_that_of_the_pages(anna: Caller, database: Database) -> None:
    pages = [structured.plain_page(n, f"Page {n} has words.\n\nAnd more.\n\n") for n in range(40)]
    document_id = stored(database, *pages, structured.plain_page(40, ""))
    url = f"/api/documents/{document_id}?format=json"
    markdown = [page["markdown"] for page in anna.get(url).get_json()["pages"]]

    found = chunks_of(anna, document_id, "&chunkSize=200")

    assert "".join(chunk["text"] for chunk in found) == "\n\n".join(markdown)
    assert all(chunk["characters"] <= 200 for chunk in found)


def test_a_chunk_has_the_box_around_its_blocks(anna: Caller, database: Database) -> None:
    page = structured.page(0)
    end = page.markdown.index("\n\n|")
    document_id = stored(database, replace(page, markdown=page.markdown[:end], images=()))

    (only,) = chunks_of(anna, document_id)

    assert only["bbox"] == [72, 60, 300.5, 102]


def test_a_chunk_repeats_what_is_asked_for(anna: Caller, database: Database) -> None:
    sentences = "".join(f"Sentence {number} has words. " for number in range(12))
    document_id = stored(database, structured.plain_page(0, sentences))

    first, second, *_ = chunks_of(anna, document_id, "&chunkSize=120&chunkOverlap=50")

    repeated = "Sentence 3 has words. Sentence 4 has words. "
    assert first["text"].endswith(repeated)
    assert second["text"].startswith(repeated)


def test_a_converted_file_is_answered_in_chunks(anna: Caller, worker: InTestWorker) -> None:
    with worker.running():
        answer = anna.post(
            "/v1/convert", {"file": file(b"# T\ntext\n", "notes.txt"), "format": "chunks"}
        )

    assert answer.status_code == 200, answer.text
    assert "notes.chunks.jsonl" in answer.headers["Content-Disposition"]
    assert json.loads(answer.text)["headings"] == ["T"]
