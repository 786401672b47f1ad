"""MinerU's parsing call: as Dify and Open WebUI make it (JSON), and as RAGFlow does (ZIP)."""

from __future__ import annotations

import io
import json
import zipfile
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from ilios.api.dialects import conversion
from ilios.api.dialects.mineru import answers, routes
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, Job
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY, MAX_FILE_BYTES
from tests.support.api_working import IMAGE, InTestWorker
from tests.support.sample_files import pdf, text

PATH = "/file_parse"
TEXT = b"# One\n![a figure](figure.png)"
OF_DIFY: dict[str, Any] = {
    "parse_method": "auto",
    "return_md": "True",
    "return_model_output": "False",
    "return_content_list": "True",
    "lang_list": "ch",
    "return_images": "True",
    "backend": "pipeline",
    "formula_enable": "True",
    "table_enable": "True",
    "return_middle_json": "False",
}
OF_RAGFLOW: dict[str, Any] = {
    **OF_DIFY,
    "output_dir": "./output",
    "return_middle_json": "True",
    "return_model_output": "True",
    "response_format_zip": "True",
    "start_page_id": "0",
    "end_page_id": "99999",
}


def form(content: bytes = TEXT, name: str = "report.txt", **fields: Any) -> dict[str, Any]:
    return {**fields, "files": file(content, name)}


def test_dify_finds_markdown_images_and_the_content_list(
    anna: Caller, worker: InTestWorker, temporary_files: Callable[[], list[Path]]
) -> None:
    with worker.running():
        answer = anna.post(PATH, form(**OF_DIFY))

    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    assert body["backend"] == "test-model"
    (name, found), *_ = body["results"].items()
    assert name == "report"
    assert "![a figure](images/figure.png)" in found["md_content"]
    head, _, picture = found["images"]["figure.png"].partition(",")
    assert (head, b64decode(picture)) == ("data:image/png;base64", IMAGE)
    assert [entry["type"] for entry in json.loads(found["content_list"])] == ["text", "image"]
    (note,) = body["warnings"]
    assert note["message"] == "Without effect here: backend, lang_list, parse_method."
    assert temporary_files() == []


def test_markdown_alone_comes_unless_more_is_asked_for(anna: Caller, worker: InTestWorker) -> None:
    with worker.running():
        answer = anna.post(PATH, form())

    assert list(answer.get_json()["results"]["report"]) == ["md_content"]
    assert answer.get_json()["warnings"] == []


def test_ragflow_finds_its_files_in_the_archive(anna: Caller, worker: InTestWorker) -> None:
    with worker.running():
        answer = anna.post(PATH, form(name="Prüfung(1) a.txt", **OF_RAGFLOW))

    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.namelist() == [
            "Prüfung_1__a/Prüfung_1__a.md",
            "Prüfung_1__a/Prüfung_1__a_content_list.json",
            "Prüfung_1__a/images/figure.png",
        ]
        entries = json.loads(archive.read("Prüfung_1__a/Prüfung_1__a_content_list.json"))
        assert archive.read("Prüfung_1__a/images/figure.png") == IMAGE
    assert entries[1]["img_path"] == "images/figure.png"
    assert "return_middle_json" in answer.headers["X-Ilios-Warnings"]


@pytest.mark.parametrize("is_zip", [False, True])
def test_what_is_long_is_read_while_it_is_sent(
    anna: Caller, worker: InTestWorker, is_zip: bool
) -> None:
    lines = [f"Page {number} has words." for number in range(1_500)]
    content = "\n".join([*lines, "![a figure](figure.png)"]).encode()
    with worker.running():
        answer = anna.post(PATH, form(content, **OF_DIFY, response_format_zip=str(is_zip)))

    assert "Content-Length" not in answer.headers
    if is_zip:
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            entries = json.loads(archive.read("report/report_content_list.json"))
    else:
        entries = json.loads(answer.get_json()["results"]["report"]["content_list"])
    assert [entry["text"] for entry in entries[:-1]] == lines
    assert entries[-1]["page_idx"] == len(lines)


def test_files_of_one_name_stay_apart(anna: Caller, worker: InTestWorker) -> None:
    with worker.running():
        answer = anna.post(PATH, {"files": [file(b"a", "x.txt"), file(b"b", "x.md")]})

    results = answer.get_json()["results"]
    assert {name: found["md_content"] for name, found in results.items()} == {"x": "a", "x-2": "b"}


def test_no_more_files_are_taken_than_one_request_may_wait_for(anna: Caller) -> None:
    files = [file(b"a", f"{number}.txt") for number in range(conversion.FILES_MAX + 1)]

    answer = anna.post(PATH, {"files": files})

    assert (answer.status_code, answer.get_json()["code"]) == (400, "too_many_files")


@pytest.mark.parametrize(
    ("first", "last", "pages"),
    [("1", "99999", "2-3"), ("0", "1", "1-2"), ("002", "2", "3"), ("0", "2", None)],
)
def test_pages_are_chosen_as_far_as_there_are_such(
    make_app: Callable[[Settings], Flask],
    api_settings: Settings,
    database: Database,
    first: str,
    last: str,
    pages: str | None,
) -> None:
    impatient = api_settings.model_copy(update={"convert_wait_seconds": 1})
    caller = Caller(make_app(impatient).test_client(), KEY)
    content = pdf(text("one"), text("two"), text("three"))

    answer = caller.post(PATH, form(content, "a.pdf", start_page_id=first, end_page_id=last))

    assert answer.status_code == 504, answer.text  # nobody converts it here
    with database.reading() as session:
        stored = session.scalars(select(Document)).one()
        assert (stored.options or {}).get("pages") == pages


def test_pages_behind_the_last_one_are_refused(anna: Caller) -> None:
    answer = anna.post(PATH, form(pdf(text("one")), "a.pdf", start_page_id="1"))

    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_start_page_id")


def test_a_file_that_is_sent_again_is_converted_once(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    with worker.running():
        found = [anna.post(PATH, form(return_images="true")) for _ in range(3)]

    assert [answer.headers["X-Cache"] for answer in found] == ["miss", "hit", "hit"]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1


def test_errors_are_objects_with_the_sentence_and_the_code(
    anna: Caller, nobody: Caller, worker: InTestWorker
) -> None:
    with worker.running():
        refused = {
            "unauthorized": (401, nobody.post(PATH, form())),
            "missing_file": (400, anna.post(PATH, {"backend": "pipeline"})),
            "empty_file": (400, anna.post(PATH, form(b""))),
            "file_too_large": (413, anna.post(PATH, form(b"x" * (MAX_FILE_BYTES + 1)))),
            "invalid_start_page_id": (400, anna.post(PATH, form(start_page_id="1" + "0" * 30))),
            "invalid_return_md": (400, anna.post(PATH, form(return_md="perhaps"))),
            "encrypted_document": (422, anna.post(PATH, form(b"fail: document"))),
            "engine_failed": (422, anna.post(PATH, form(b"fail: engine"))),
            "method_not_allowed": (405, anna.get(PATH)),
        }

    for code, (status, answer) in refused.items():
        body = answer.get_json()
        assert (answer.status_code, body["code"]) == (status, code), answer.text
        assert body["error"] == body["detail"] != ""  # a list would make Dify ask another way


def test_what_clients_ask_before_is_answered_without_a_key(nobody: Caller) -> None:
    assert nobody.get("/docs").status_code == 200
    assert nobody.call("HEAD", "/openapi.json").status_code == 200


@pytest.mark.parametrize(
    ("sent", "name"),
    [("a..b c.pdf", "ab_c"), ("CON.pdf", "_CON"), ("x" * 300 + ".pdf", "x" * 200)],
)
def test_names_in_archives_are_such_on_any_system(sent: str, name: str) -> None:
    assert answers.archive_name_of(sent) == name


def test_the_blueprint_is_below_its_path() -> None:
    assert routes.blueprint.paths == ("/file_parse",)
