"""Open WebUI's external loader: a file in, a list of its pages out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select

from ilios.api.dialects import openwebui
from ilios.db.database import Database
from ilios.db.models import Document, Job
from tests.support.api_callers import Caller
from tests.support.api_fixtures import MAX_FILE_BYTES
from tests.support.api_working import InTestWorker

PATH = "/v1/openwebui/process"
NAMED = {"X-Filename": "Pr%C3%BCfung%201.txt", "Content-Type": "text/plain"}


def test_the_pages_come_as_a_list_that_says_where_each_stands(
    anna: Caller, worker: InTestWorker, temporary_files: Callable[[], list[Path]]
) -> None:
    with worker.running():
        answer = anna.put(PATH, b"# Eins\n-", headers=NAMED)

    assert answer.status_code == 200, answer.text
    first, second = answer.get_json()
    assert first == {
        "page_content": "# Eins",
        "metadata": {
            "page": 0,
            "page_label": "1",
            "total_pages": 2,
            "source": "Prüfung 1.txt",
            "warnings": [],
        },
    }
    assert second["metadata"]["page_label"] == "2"
    assert second["metadata"]["warnings"] == ["Empty."]
    assert '"code": "empty_page"' in answer.headers["X-Ilios-Warnings"]
    assert len(answer.headers["X-Document-Id"]) == 24
    assert temporary_files() == []


def test_images_are_linked(anna: Caller, worker: InTestWorker) -> None:
    with worker.running():
        answer = anna.put(PATH, b"![a figure](figure.png)", headers=NAMED)

    (page,) = answer.get_json()
    link = page["page_content"].removeprefix("![a figure](").removesuffix(")")
    assert anna.get(link).status_code == 200


def test_a_file_that_is_sent_again_is_converted_once(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    with worker.running():
        answers = [anna.put(PATH, b"once", headers=NAMED) for _ in range(3)]

    assert [answer.headers["X-Cache"] for answer in answers] == ["miss", "hit", "hit"]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1
        assert session.scalar(select(func.count()).select_from(Document)) == 3


def test_what_has_no_meaning_is_ignored_with_a_note(anna: Caller, worker: InTestWorker) -> None:
    headers = {**NAMED, "X-OpenWebUI-User-Name": "Anna"}
    with worker.running():
        answer = anna.put(f"{PATH}?mode=fast&mode=slow", b"text", headers=headers)

    assert answer.status_code == 200
    assert "options_ignored" in answer.headers["X-Ilios-Warnings"]
    assert "mode" in answer.headers["X-Ilios-Warnings"]


def test_errors_are_objects_with_the_sentence_and_the_code(
    anna: Caller, nobody: Caller, worker: InTestWorker
) -> None:
    with worker.running():
        refused = {
            "unauthorized": (401, nobody.put(PATH, b"text")),
            "empty_file": (400, anna.put(PATH, b"")),
            "unsupported_type": (415, anna.put(PATH, bytes(range(256)) * 12)),
            "file_too_large": (413, anna.put(PATH, b"x" * (MAX_FILE_BYTES + 1))),
            "encrypted_document": (422, anna.put(PATH, b"fail: document")),
            "engine_failed": (422, anna.put(PATH, b"fail: engine")),  # 502 would be sent again
            "not_found": (404, anna.put("/v1/openwebui/other", b"text")),
            "method_not_allowed": (405, anna.get(PATH)),
        }

    for code, (status, answer) in refused.items():
        assert (answer.status_code, answer.get_json()["code"]) == (status, code), answer.text
        assert answer.get_json()["detail"]
        assert answer.mimetype == "application/json"
    assert refused["unauthorized"][1].headers["WWW-Authenticate"] == "Bearer"


def test_the_blueprint_is_below_its_path() -> None:
    assert openwebui.blueprint.paths == ("/v1/openwebui",)
