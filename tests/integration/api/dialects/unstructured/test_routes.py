"""Unstructured's partition endpoint: files in, elements or chunks out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from ilios.api.dialects import conversion
from ilios.api.dialects.unstructured import routes
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, Job
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY, MAX_FILE_BYTES
from tests.support.api_working import InTestWorker

PATH = "/general/v0/general"


def form(content: bytes = b"# One\ntext", name: str = "/home/anna/report.txt") -> dict[str, Any]:
    return {"files": file(content, name)}


def test_a_file_comes_as_elements(
    anna: Caller, worker: InTestWorker, temporary_files: Callable[[], list[Path]]
) -> None:
    with worker.running():
        answer = anna.post(PATH, form())

    assert answer.status_code == 200, answer.text
    title, text = answer.get_json()
    assert (title["type"], title["text"]) == ("Title", "One")
    assert title["metadata"]["filename"] == "report.txt"
    assert title["metadata"]["filetype"] == "text/plain"
    assert (text["type"], text["text"], text["metadata"]["page_number"]) == (
        "NarrativeText",
        "text",
        2,
    )
    assert len(answer.headers["X-Document-Id"]) == 24
    assert "X-Ilios-Warnings" not in answer.headers
    assert temporary_files() == []


def test_the_key_comes_in_a_header_of_its_own(app: Flask, worker: InTestWorker) -> None:
    stranger = Caller(app.test_client(), None)
    with worker.running():
        answers = [
            stranger.post(PATH, form(), headers={"unstructured-api-key": key})
            for key in (KEY, "wrong")
        ]

    assert [answer.status_code for answer in answers] == [200, 401]


def test_the_probe_of_the_sdk_is_answered_without_a_key(nobody: Caller) -> None:
    assert nobody.get("/general/docs").status_code == 200
    assert nobody.call("HEAD", "/general/docs").status_code == 200


def test_a_file_comes_as_chunks(anna: Caller, worker: InTestWorker) -> None:
    fields = {"chunking_strategy": "by_title", "max_characters": "300"}
    with worker.running():
        answer = anna.post(PATH, {**form(), **fields})

    (chunk,) = answer.get_json()
    assert chunk["type"] == "CompositeElement"
    assert chunk["text"].split() == ["#", "One", "text"]


def test_several_files_come_as_a_list_for_each(anna: Caller, worker: InTestWorker) -> None:
    files = [file(b"a", "a.txt"), file(b"b\n-", "b.txt")]
    with worker.running():
        answer = anna.post(PATH, {"files": files})

    first, second = answer.get_json()
    assert [one["text"] for one in first] == ["a"]
    assert {one["metadata"]["filename"] for one in second} == {"b.txt"}
    (warning,) = json.loads(answer.headers["X-Ilios-Warnings"])
    assert warning["code"] == "empty_page"


def test_no_more_files_are_taken_than_one_request_may_wait_for(
    anna: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    files = [file(b"a", f"{number}.txt") for number in range(conversion.FILES_MAX + 1)]

    answer = anna.post(PATH, {"files": files})

    assert answer.status_code == 400
    assert answer.get_json()["code"] == "too_many_files"
    nothing_is_kept()


def test_no_file_is_kept_when_one_is_of_a_kind_that_nobody_reads(
    anna: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    files = [file(b"a", "a.txt"), file(bytes(range(256)) * 12, "b.bin")]

    answer = anna.post(PATH, {"files": files})

    assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_type")
    nothing_is_kept()


@pytest.mark.parametrize("strategy", ["", "by_page"])
def test_what_is_long_is_read_while_it_is_sent(
    anna: Caller, worker: InTestWorker, strategy: str
) -> None:
    pages = 1_500
    lines = [f"Page {number} has words." for number in range(pages)]
    fields = {
        "chunking_strategy": strategy,
        "extract_image_block_types": '["Image", "Table"]',
        "starting_page_number": "11",
    }
    with worker.running():
        answer = anna.post(
            PATH, {**form("\n".join([*lines, "![a figure](figure.png)"]).encode()), **fields}
        )

    assert "Content-Length" not in answer.headers
    *found, _ = answer.get_json()
    assert [one["text"] for one in found] == lines
    assert [one["metadata"]["page_number"] for one in found] == list(range(11, pages + 11))


def test_a_file_that_is_sent_again_is_converted_once(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    with worker.running():
        answers = [anna.post(PATH, form()) for _ in range(3)]

    assert [answer.headers["X-Cache"] for answer in answers] == ["miss", "hit", "hit"]
    assert len({answer.text for answer in answers}) == 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1
        assert session.scalar(select(func.count()).select_from(Document)) == 3


def test_a_repeat_after_a_wait_that_ended_meets_the_conversion_under_way(
    make_app: Callable[[Settings], Flask],
    api_settings: Settings,
    worker: InTestWorker,
    database: Database,
) -> None:
    impatient = api_settings.model_copy(update={"convert_wait_seconds": 0})
    caller = Caller(make_app(impatient).test_client(), KEY)

    early = [caller.post(PATH, form()) for _ in range(2)]
    worker.work()
    late = caller.post(PATH, form())

    assert [answer.status_code for answer in (*early, late)] == [504, 504, 200]
    assert early[0].get_json()["code"] == "still_running"
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1


def test_what_has_no_meaning_is_ignored_with_a_note(anna: Caller, worker: InTestWorker) -> None:
    fields = {"strategy": "hi_res", "languages[]": "eng", "something": "new"}
    with worker.running():
        answer = anna.post(PATH, {**form(), **fields})

    assert answer.status_code == 200
    (note,) = json.loads(answer.headers["X-Ilios-Warnings"])
    assert note["code"] == "options_ignored"
    assert "languages, something, strategy" in note["message"]


def test_errors_are_objects_with_the_sentence_and_the_code(
    anna: Caller, nobody: Caller, worker: InTestWorker
) -> None:
    with worker.running():
        refused = {
            "unauthorized": (401, nobody.post(PATH, form())),
            "missing_file": (400, anna.post(PATH, {"strategy": "fast"})),
            "empty_file": (400, anna.post(PATH, form(b""))),
            "unsupported_type": (415, anna.post(PATH, form(bytes(range(256)) * 12, "a.bin"))),
            "file_too_large": (413, anna.post(PATH, form(b"x" * (MAX_FILE_BYTES + 1)))),
            "invalid_coordinates": (400, anna.post(PATH, {**form(), "coordinates": "perhaps"})),
            "encrypted_document": (422, anna.post(PATH, form(b"fail: document"))),
            "engine_failed": (422, anna.post(PATH, form(b"fail: engine"))),  # 502 is sent again
            "not_found": (404, anna.get("/general/v0/other")),
            "method_not_allowed": (405, anna.get(PATH)),
        }

    for code, (status, answer) in refused.items():
        assert (answer.status_code, answer.get_json()["code"]) == (status, code), answer.text
        assert answer.get_json()["detail"]
        assert answer.mimetype == "application/json"


def test_the_blueprint_is_below_its_path() -> None:
    assert routes.blueprint.paths == ("/general",)
