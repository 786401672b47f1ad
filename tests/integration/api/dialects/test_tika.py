"""Tika's calls: a file in, its text out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ilios.api.dialects import tika
from ilios.db.database import Database
from ilios.db.models import Job
from tests.support.api_callers import Caller
from tests.support.api_fixtures import MAX_FILE_BYTES
from tests.support.api_working import InTestWorker

NAMED = {"Content-Disposition": 'attachment; filename="../a.txt"', "Content-Type": "text/plain"}
CALLS = ("/tika", "/tika/text", "/tika/json/md", "/rmeta/text")


def test_the_text_comes_plain(
    anna: Caller, worker: InTestWorker, temporary_files: Callable[[], list[Path]]
) -> None:
    with worker.running():
        answer = anna.put("/tika", b"**one**\ntwo", headers=NAMED)

    assert (answer.status_code, answer.mimetype, answer.text) == (200, "text/plain", "one\n\ntwo")
    assert "X-Ilios-Warnings" not in answer.headers
    assert temporary_files() == []


@pytest.mark.parametrize(
    ("accept", "kind", "part"),
    [
        ("*/*", "text/plain", "one"),
        ("text/plain;q=0.5, text/html", "text/html", "<strong>one</strong>"),
        ("application/json", "application/json", '"X-TIKA:content": "one"'),
        ("application/xml", "text/plain", "one"),
    ],
)
def test_it_comes_as_it_is_accepted(
    anna: Caller, worker: InTestWorker, accept: str, kind: str, part: str
) -> None:
    with worker.running():
        answer = anna.put("/tika", b"**one**", headers={**NAMED, "Accept": accept})

    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert part in answer.text
    assert "content-security-policy" in {name.lower() for name, _ in answer.headers}


def test_an_object_has_the_text_what_is_known_and_warnings(
    anna: Caller, worker: InTestWorker
) -> None:
    headers = {**NAMED, "X-Tika-OCRLanguage": "deu"}
    with worker.running():
        text = anna.put("/tika/text", b"**one**\n-", headers=headers).get_json()
        markdown = anna.put("/tika/json/md", b"**one**\n-", headers=NAMED).get_json()

    assert text["X-TIKA:content"] == "one\n\n"
    assert text["resourceName"] == "a.txt"
    assert text["Content-Type"] == "text/plain"
    assert text["xmpTPg:NPages"] == "2"
    assert [warning["code"] for warning in text["warnings"]] == ["options_ignored", "empty_page"]
    assert "X-Tika-Ocrlanguage" in text["warnings"][0]["message"]
    assert markdown["tk:content"] == "**one**\n\n---\n\n-"
    assert [warning["code"] for warning in markdown["warnings"]] == ["empty_page"]


def test_the_recursive_call_gives_a_list_of_one(anna: Caller, worker: InTestWorker) -> None:
    with worker.running():
        answer = anna.put("/rmeta/text", b"one\n-", headers=NAMED)

    (only,) = answer.get_json()
    assert only["X-TIKA:content"].startswith("one")
    assert "warnings" not in only
    assert "empty_page" in answer.headers["X-Ilios-Warnings"]


def test_the_calls_share_one_conversion(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    with worker.running():
        assert {anna.put(path, b"once").status_code for path in CALLS} == {200}

    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1


@pytest.mark.parametrize("path", CALLS)
def test_errors_are_text_with_the_sentence_in_the_reason_too(
    anna: Caller, nobody: Caller, worker: InTestWorker, path: str
) -> None:
    with worker.running():
        refused = {
            "unauthorized": (401, nobody.put(path, b"text")),
            "empty_file": (400, anna.put(path, b"")),
            "unsupported_type": (415, anna.put(path, bytes(range(256)) * 12)),
            "file_too_large": (413, anna.put(path, b"x" * (MAX_FILE_BYTES + 1))),
            "encrypted_document": (422, anna.put(path, b"fail: document")),
            "engine_failed": (422, anna.put(path, b"fail: engine")),
            "method_not_allowed": (405, anna.call("DELETE", path)),
        }

    for code, (status, answer) in refused.items():
        assert (answer.status_code, answer.mimetype) == (status, "text/plain"), answer.text
        assert f"({code})" in answer.text
        assert answer.status.isascii()
        assert answer.status.endswith(f"({code})")
        assert answer.text.split("(")[0][:40] in answer.status


def test_the_greeting_needs_no_key(nobody: Caller) -> None:
    answer = nobody.get("/tika")

    assert (answer.status_code, answer.text) == (200, tika.GREETING)
