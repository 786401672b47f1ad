"""The calls of docling-serve: at once, as a task, as a ZIP, and in chunks."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from ilios.api.dialects.docling import results, routes, sources, tasks
from ilios.api.dialects.docling.archives import ARTIFACTS
from ilios.api.responses.error_shapes import Problem
from ilios.db.database import Database
from ilios.db.models import Call, Document, Job
from tests.support import sample_files
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY
from tests.support.api_working import IMAGE, InTestWorker
from tests.support.waiting import wait_until

FILE, SOURCE = "/v1/convert/file", "/v1/convert/source"
CHUNK = "/v1/chunk/hybrid"
FILES_MAX = 10  #: as docs/limits.md says
FIGURE = b"# One\n![a figure](figure.png)"
OPEN_WEBUI = {
    "image_export_mode": "placeholder",
    "md_page_break_placeholder": "\f",
    "to_formats": ["md", "json"],
}


def source(content: bytes = b"one", name: str | None = "one.txt", **more: Any) -> dict[str, Any]:
    coded = b64encode(content).decode()
    return {"kind": "file", "filename": name, "base64_string": coded, **more}


def remote(**more: Any) -> dict[str, Any]:
    return {"kind": "http", "url": "https://example.com/a.pdf", **more}


def post_source(caller: Caller, path: str = SOURCE, **body: Any) -> TestResponse:
    return caller.post(path, json={"sources": [source()], **body})


def finished(caller: Caller, answer: TestResponse, worker: InTestWorker) -> TestResponse:
    """Return the result of a task that was just begun."""
    assert answer.status_code == 200, answer.text
    begun = answer.get_json()
    assert begun["task_status"] == "pending"
    worker.work()
    return caller.get(f"/v1/result/{begun['task_id']}")


def members(answer: TestResponse) -> dict[str, bytes]:
    assert answer.mimetype == results.ZIP_TYPE
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def counted(database: Database) -> tuple[int | None, int | None]:
    """Return how many jobs and documents there are."""
    with database.reading() as session:
        jobs = session.scalar(select(func.count()).select_from(Job))
        return jobs, session.scalar(select(func.count()).select_from(Document))


def test_a_file_is_answered_in_the_forms_that_are_wanted(
    anna: Caller, worker: InTestWorker, temporary_files: Callable[[], list[Path]]
) -> None:
    formats = ["md", "text", "html", "json"]
    with worker.running():
        answer = anna.post(FILE, {"files": file(b"# Eins\n-", "a.txt"), "to_formats": formats})

    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    document = body.pop("document")
    assert body.pop("processing_time") >= 0
    assert body == {
        "status": "success",
        "errors": [],
        "timings": {},
        "warnings": [{"code": "empty_page", "message": "Empty.", "page": 2}],
    }
    assert document["filename"] == "a.txt"
    assert document["md_content"] == "# Eins\n\n-"
    assert document["text_content"].startswith("Eins")
    assert "<h1>Eins</h1>" in document["html_content"]
    assert document["json_content"]["schema_name"] == "DoclingDocument"
    assert document["doctags_content"] is None
    assert temporary_files() == []


def test_open_webui_finds_the_pages_apart(anna: Caller, worker: InTestWorker) -> None:
    form = {"files": file(b"# Eins\nzwei", "a.txt"), **OPEN_WEBUI}
    with worker.running():
        body = anna.post(FILE, form).get_json()

    pages = [page.strip() for page in body["document"]["md_content"].split("\f")]
    assert pages == ["# Eins", "zwei"]
    assert body["warnings"] == []


def test_a_source_in_base64_is_converted(anna: Caller, worker: InTestWorker) -> None:
    options = {"from_formats": ["pdf"], "to_formats": ["json", "md", "text"], "do_chunking": True}
    with worker.running():
        body = post_source(anna, options=options).get_json()

    assert body["document"]["filename"] == "one.txt"
    assert body["document"]["md_content"] == body["document"]["text_content"] == "one"
    (note,) = body["warnings"]
    assert note["code"] == "options_ignored"
    assert "do_chunking" in note["message"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("placeholder", "<!-- image -->"),
        ("embedded", f"![a figure](data:image/png;base64,{b64encode(IMAGE).decode()})"),
    ],
)
def test_images_are_left_out_or_put_in(
    anna: Caller, worker: InTestWorker, mode: str, expected: str
) -> None:
    form = {"files": file(FIGURE), "image_export_mode": mode, "to_formats": ["md", "json"]}
    with worker.running():
        document = anna.post(FILE, form).get_json()["document"]

    assert document["md_content"] == f"# One\n\n{expected}"
    (picture,) = document["json_content"]["pictures"]
    assert (picture["image"] is None) == (mode == "placeholder")


def test_images_may_be_links(anna: Caller, worker: InTestWorker) -> None:
    form = {"files": file(FIGURE), "image_export_mode": "referenced"}
    with worker.running():
        markdown = anna.post(FILE, form).get_json()["document"]["md_content"]

    link = markdown.partition("](")[2].removesuffix(")")
    assert anna.get(link).data == IMAGE


def test_a_zip_has_the_forms_and_the_images(anna: Caller, worker: InTestWorker) -> None:
    form = {
        "files": file(FIGURE, "figure 1.txt"),
        "target_type": "zip",
        "to_formats": ["json", "md"],
        "image_export_mode": "referenced",
    }

    answer = finished(anna, anna.post(f"{FILE}/async", form), worker)

    found = members(answer)
    assert set(found) == {"figure 1.json", "figure 1.md", f"{ARTIFACTS}figure.png"}
    assert found[f"{ARTIFACTS}figure.png"] == IMAGE
    assert found["figure 1.md"].decode() == f"# One\n\n![a figure]({ARTIFACTS}figure.png)"
    (picture,) = json.loads(found["figure 1.json"])["pictures"]
    assert picture["image"]["uri"] == f"{ARTIFACTS}figure.png"


def test_several_files_come_as_a_zip_without_those_that_failed(
    anna: Caller, worker: InTestWorker
) -> None:
    files = [file(b"one", "a.txt"), file(b"fail: document", "b.txt"), file(b"two", "A.txt")]
    with worker.running():
        answer = anna.post(FILE, {"files": files})

    assert members(answer) == {"a.md": b"one", "A-2.md": b"two"}
    assert "b.txt: The document is encrypted" in answer.headers["X-Ilios-Warnings"]


def test_the_number_of_files_is_bounded(anna: Caller, nothing_is_kept: Callable[[], None]) -> None:
    too_many = [
        anna.post(FILE, {"files": [file(b"x", f"{n}.txt") for n in range(FILES_MAX + 1)]}),
        post_source(anna, sources=[source()] * (FILES_MAX + 1)),
    ]

    assert [answer.status_code for answer in too_many] == [400, 400]
    assert {answer.get_json()["code"] for answer in too_many} == {"too_many_files"}
    nothing_is_kept()


def test_a_task_is_followed_to_its_result(anna: Caller, worker: InTestWorker) -> None:
    begun = anna.post(f"{FILE}/async", {"files": file(b"one")}).get_json()
    task = begun["task_id"]
    poll = f"/v1/status/poll/{task}"

    assert begun["task_type"] == "convert"
    assert anna.get(poll).get_json()["task_status"] == "pending"
    early = anna.get(f"/v1/result/{task}")
    assert early.status_code == 404
    assert early.get_json()["detail"].startswith("Task result not found")
    with worker.running():
        ended = anna.get(f"{poll}?wait=59.5").get_json()
    assert ended["task_status"] == "success"
    assert ended["task_meta"] == {
        "num_docs": 1,
        "num_processed": 1,
        "num_succeeded": 1,
        "num_failed": 0,
    }
    assert anna.get(f"/v1/result/{task}").get_json()["document"]["md_content"] == "one"


def test_a_task_by_source_is_like_one_by_form(anna: Caller, worker: InTestWorker) -> None:
    answer = finished(anna, post_source(anna, f"{SOURCE}/async", target={"kind": "zip"}), worker)

    assert members(answer) == {"one.md": b"one"}


def test_tasks_of_somebody_else_are_unknown(anna: Caller, bert: Caller) -> None:
    task = anna.post(f"{FILE}/async", {"files": file()}).get_json()["task_id"]

    for path in (f"/v1/status/poll/{task}", f"/v1/result/{task}"):
        answers = [bert.get(path), bert.get(path.replace(task, f"{'z' * 24}.e30"))]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].get_json() == answers[1].get_json()
        assert answers[0].get_json()["detail"] == "Task not found."


def test_a_task_of_a_deleted_document_is_unknown(anna: Caller, worker: InTestWorker) -> None:
    task = anna.post(f"{FILE}/async", {"files": file()}).get_json()["task_id"]
    worker.work()
    anna.call("DELETE", f"/api/documents/{tasks.Task.of(task).documents[0]}")

    for path in (f"/v1/status/poll/{task}", f"/v1/result/{task}"):
        assert anna.get(path).status_code == 404
        assert anna.get(path).get_json()["detail"] == "Task not found."


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"fail: document", "encrypted_document"), (b"fail: engine", "engine_failed")],
)
def test_a_document_that_fails_is_a_failure_in_an_answer_that_is_none(
    anna: Caller, worker: InTestWorker, content: bytes, code: str
) -> None:
    with worker.running():
        answer = anna.post(FILE, {"files": file(content)})
        begun = anna.post(f"{FILE}/async", {"files": file(content + b" ")}).get_json()
        status = anna.get(f"/v1/status/poll/{begun['task_id']}?wait=60").get_json()

    assert answer.status_code == 200
    body = answer.get_json()
    assert body["status"] == "failure"
    (error,) = body["errors"]
    assert error["module_name"] == code
    assert error["error_message"]
    assert body["document"]["md_content"] is None
    assert status["task_status"] in ("success", "failure")


def test_a_task_that_fails_says_why(anna: Caller, worker: InTestWorker) -> None:
    begun = anna.post(f"{FILE}/async", {"files": file(b"fail: document")}).get_json()
    worker.work()

    status = anna.get(f"/v1/status/poll/{begun['task_id']}").get_json()
    result = anna.get(f"/v1/result/{begun['task_id']}").get_json()

    assert status["task_status"] == "failure"
    assert status["error_message"].startswith("The document is encrypted")
    assert result["status"] == "failure"
    assert result["errors"][0]["error_message"] == status["error_message"]


@pytest.mark.parametrize("path", ["/file", "/source"])
def test_a_result_is_cut_into_chunks(anna: Caller, worker: InTestWorker, path: str) -> None:
    content = b"# Herons\nThey wait.\n# Storks\nThey leave."
    if path == "/file":
        sent: dict[str, Any] = {
            "form": {
                "files": file(content, "birds.txt"),
                "chunking_max_tokens": "50",
                "chunking_include_raw_text": "true",
                "convert_to_formats": "md",
                "include_converted_doc": "true",
            }
        }
    else:
        sent = {
            "json": {
                "sources": [source(content, "birds.txt")],
                "chunking_options": {"max_tokens": 50, "include_raw_text": True},
                "convert_options": {"to_formats": ["md"]},
                "include_converted_doc": True,
            }
        }
    with worker.running():
        at_once = anna.post(CHUNK + path, **sent)
    begun = anna.post(f"{CHUNK}{path}/async", **_again(sent, content)).get_json()
    worker.work()

    assert begun["task_type"] == "chunk"
    for answer in (at_once, anna.get(f"/v1/result/{begun['task_id']}")):
        body = answer.get_json()
        assert [chunk["headings"] for chunk in body["chunks"]] == [["Herons"], ["Storks"]]
        assert [chunk["page_numbers"] for chunk in body["chunks"]] == [[1, 2], [3, 4]]
        first = body["chunks"][0]
        assert first["text"] == first["raw_text"] == "# Herons\n\nThey wait.\n\n"
        assert (first["filename"], first["chunk_index"]) == ("birds.txt", 0)
        (document,) = body["documents"]
        assert document["content"]["md_content"].startswith("# Herons")
        assert body["warnings"] == []


def _again(sent: dict[str, Any], content: bytes) -> dict[str, Any]:
    """Return the same request: the test client has read the file of a form."""
    form = sent.get("form")
    return {"form": {**form, "files": file(content, "birds.txt")}} if form else sent


def test_chunks_are_no_zip(anna: Caller) -> None:
    answer = anna.post(f"{CHUNK}/file", {"files": file(), "target_type": "zip"})

    assert answer.status_code == 400
    assert answer.get_json()["code"] == "invalid_target_type"


def test_a_range_of_pages_ends_with_the_document(anna: Caller, database: Database) -> None:
    three = sample_files.pdf(*(sample_files.text(f"Page {number}") for number in range(3)))
    last = str(2**63 - 1)

    def stored(first: str, end: str) -> Any:
        form = {"files": file(three, "three.pdf"), "page_range": [first, end]}
        answer = anna.post(f"{FILE}/async", form)
        assert answer.status_code == 200, answer.text
        (document_id,) = tasks.Task.of(answer.get_json()["task_id"]).documents
        with database.reading() as session:
            return session.get_one(Document, document_id).options.get("pages")

    assert [stored("1", last), stored("1", "9"), stored("2", last), stored("2", "2")] == [
        None,
        None,
        "2-3",
        "2",
    ]
    answer = anna.post(FILE, {"files": file(three, "three.pdf"), "page_range": ["4", last]})
    assert answer.status_code == 422
    assert answer.get_json()["code"] == "pages_out_of_range"


@pytest.mark.parametrize(
    ("path", "sent", "status", "code"),
    [
        (FILE, {"form": {"to_formats": "md"}}, 400, "missing_file"),
        (FILE, {"form": {"files": file(), "to_formats": "doctags"}}, 400, "invalid_to_formats"),
        (FILE, {"form": {"files": file(), "page_range": "007"}}, 400, "invalid_page_range"),
        (FILE, {"json": {}}, 400, "malformed_request"),
        (SOURCE, {"json": {"sources": []}}, 400, "missing_file"),
        (SOURCE, {"json": {"sources": ["x"]}}, 400, "invalid_sources"),
        (SOURCE, {"json": {"sources": [source()], "options": []}}, 400, "invalid_options"),
        (SOURCE, {"json": {"sources": [source(kind="s3")]}}, 400, "invalid_kind"),
        (SOURCE, {"json": {"sources": [source(base64_string="?")]}}, 400, "invalid_base64_string"),
        (SOURCE, {"json": {"sources": [{"kind": "file"}]}}, 400, "invalid_base64_string"),
        (SOURCE, {"json": {"sources": [source(filename=7)]}}, 400, "invalid_filename"),
        (
            SOURCE,
            {"json": {"sources": [{"kind": "http", "url": "http://127.0.0.1/"}]}},
            422,
            "url_not_allowed",
        ),
        (SOURCE, {"json": {"sources": [{"kind": "http"}]}}, 400, "invalid_url"),
        (
            SOURCE,
            {"json": {"sources": [remote(headers={"Authorization": "Bearer x"})]}},
            422,
            "option_unavailable",
        ),
        (
            SOURCE,
            {"json": {"sources": [remote()], "options": {"page_range": [1, 2]}}},
            422,
            "option_unavailable",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_detail(
    anna: Caller,
    nothing_is_kept: Callable[[], None],
    path: str,
    sent: dict[str, Any],
    status: int,
    code: str,
) -> None:
    answer = anna.post(path, **sent)

    assert answer.status_code == status, answer.text
    assert answer.get_json()["code"] == code
    assert isinstance(answer.get_json()["detail"], str)
    nothing_is_kept()


def test_a_presigned_target_is_refused_so_that_clients_fall_back(anna: Caller) -> None:
    form = {"files": file(), "target_type": "presigned_url"}
    answers = [
        anna.post(f"{FILE}/async", form),
        post_source(anna, f"{SOURCE}/async", target={"kind": "presigned_url"}),
    ]

    for answer in answers:
        assert (answer.status_code, answer.get_json()["code"]) == (422, "option_unavailable")
        assert "presigned_url" in answer.get_json()["detail"]
        assert "Input should be" in answer.get_json()["detail"]


@pytest.mark.parametrize("header", ["X-Api-Key", "x-api-key"])
def test_the_key_comes_in_a_header_of_docling_serve(
    nobody: Caller, worker: InTestWorker, header: str
) -> None:
    with worker.running():
        found = nobody.post(FILE, {"files": file()}, headers={header: "key-of-anna"})
    refused = nobody.post(FILE, {"files": file()}, headers={header: "wrong"})

    assert found.status_code == 200
    assert refused.status_code == 401
    assert isinstance(refused.get_json()["detail"], str)


def test_paths_that_docling_serve_has_and_this_has_not_are_unknown(anna: Caller) -> None:
    for path in ("/v1/status/ws/x", "/v1/chunk/other/file", "/v1/convert/source/batch"):
        answer = anna.get(path)
        assert answer.status_code == 404
        assert answer.get_json()["code"] == "not_found"
    assert anna.get("/v1/health").status_code == 404


def test_a_spent_budget_is_said_in_the_words_that_its_client_shows() -> None:
    spent = Problem(402, "budget_spent", "Budget spent", "All of it is spent.", "id", {})

    answer = routes.blueprint.shape(spent)

    assert answer.status_code == 402
    assert answer.get_json() == {
        "detail": "All of it is spent.",
        "code": "budget_spent",
        "error": "usage_limit_exceeded",
        "message": "All of it is spent.",
        "details": {"currentUsage": 100, "limit": 100},
    }


def test_repeats_join(app: Flask, anna: Caller, worker: InTestWorker, database: Database) -> None:
    texts: list[str] = []

    def send() -> None:
        form = {**OPEN_WEBUI, "files": file(b"once")}
        answer = Caller(app.test_client(), KEY).post(FILE, form)
        texts.append(answer.get_json()["document"]["md_content"])

    clients = [threading.Thread(target=send) for _ in range(3)]
    for client in clients:
        client.start()
    wait_until(lambda: counted(database)[1] == len(clients), timeout_s=60)
    later = post_source(anna, f"{SOURCE}/async", sources=[source(b"once")], options=OPEN_WEBUI)
    shown = finished(anna, later, worker).get_json()
    for client in clients:
        client.join()

    assert texts == ["once"] * 3
    assert shown["document"]["md_content"] == "once"
    assert counted(database) == (1, 4)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Call)) == 1


def test_the_modules_serve_these_paths_only() -> None:
    assert sources.FILE == "file"
    assert routes.blueprint.paths == (
        FILE,
        SOURCE,
        "/v1/status",
        "/v1/result",
        "/v1/chunk",
    )
