"""Every call that creates takes `Idempotency-Key`; every other one says that it does not."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from ilios.db.database import Database
from ilios.db.models import Batch, Document
from tests.contract.problems import BATCH, CONVERT, SUBMIT, assert_problem
from tests.support.api_callers import FORM, Caller, file
from tests.support.api_working import InTestWorker

KEY = "an-idempotency-key-that-must-not-be-logged"
CONTENT = b"One\nTwo"
SOURCE = {"kind": "file", "filename": "a.txt", "base64_string": b64encode(CONTENT).decode()}
URL = f"data:text/plain;base64,{SOURCE['base64_string']}"
OCR = {"document": {"type": "document_url", "document_url": URL}}
AZURE = "/documentintelligence/documentModels"
UPLOAD = {"fileName": "a.txt", "fileSize": len(CONTENT)}

Sent = Callable[[], dict[str, Any]]


def form(field: str, **others: str) -> Sent:
    return lambda: {"data": {field: file(CONTENT, "a.txt"), **others}, "content_type": FORM}


def body() -> dict[str, Any]:
    return {"data": CONTENT}


def sources() -> dict[str, Any]:
    return {"json": {"sources": [SOURCE]}}


CREATING: dict[str, Sent] = {
    f"post {CONVERT}": form("file", format="json"),
    f"post {SUBMIT}": form("file"),
    "post /api/documents/upload-url": lambda: {"json": UPLOAD},
    f"post {BATCH}": form("files"),
    "post /v1/ocr": lambda: {"json": OCR},
    "post /v1/files": form("file", purpose="ocr"),
    "post /v1/batch/jobs": lambda: {"json": {"requests": [{"body": OCR}]}},
    **{
        f"post {call}/{kind}{mode}": form("files") if kind == "file" else sources
        for call in ("/v1/convert", "/v1/chunk/hybrid")
        for kind in ("file", "source")
        for mode in ("", "/async")
    },
    "put /v1/openwebui/process": body,
    "post /general/v0/general": form("files"),
    "put /tika": body,
    "put /tika/text": body,
    "put /tika/json/md": body,
    "put /rmeta/text": body,
    f"post {AZURE}/prebuilt-read:analyze": body,
    f"post {AZURE}/prebuilt-layout:analyze": body,
    "post /file_parse": form("files"),
}
"""What a client sends to each call that creates a document, a batch or a file."""
CREATING_NOTHING = {
    "post /v1/estimate",
    "post /api/documents/upload-complete/{document_id}",
    "post /api/documents/{document_id}/cancel",
    "post /api/documents/{document_id}/retry",
    "post /v1/batch/{batch_id}/cancel",
    "post /v1/batch/jobs/{job_id}/cancel",
    "put /objects/{token}",
}
TASK = {"task_status", "task_position", "task_meta"}
JOB = {"status", "output_file", "completed_at", "completed_requests", "succeeded_requests"}
PRESENT = {
    "post /api/documents/upload-url": {"uploadUrl"},
    "post /v1/batch/jobs": JOB,
    **{call: TASK for call in CREATING if call.endswith("/async")},
}
"""What an answer says of the moment at which it is given."""
HEADERS = ("Content-Type", "Location", "X-Document-Id", "Content-Disposition", "X-Cache", "ETag")


@pytest.fixture
def count(database: Database) -> Callable[[], tuple[int, int]]:
    """Return how many documents, files among them, and batches there are."""

    def count() -> tuple[int, int]:
        with database.reading() as session:
            documents = session.scalar(select(func.count()).select_from(Document))
            batches = session.scalar(select(func.count()).select_from(Batch))
            return documents or 0, batches or 0

    return count


def documented(app: Flask) -> dict[str, Any]:
    """Return the operations that may create something: all that are no questions."""
    paths = app.test_client().get("/openapi.json").get_json()["paths"]
    return {
        f"{method} {path}": operation
        for path, item in paths.items()
        for method, operation in item.items()
        if method in ("post", "put")
    }


def send(caller: Caller, call: str, key: str = KEY) -> TestResponse:
    method, path = call.split()
    return caller.call(method.upper(), path, **CREATING[call](), headers={"Idempotency-Key": key})


def said(call: str, answer: TestResponse) -> Any:
    """Return what an answer says, without what may be another in that to a repeat."""
    if call not in PRESENT:
        return answer.data
    value = answer.get_json()
    assert value.keys() >= PRESENT[call]
    return {name: one for name, one in value.items() if name not in PRESENT[call]}


def test_every_operation_either_creates_or_is_known_to_create_nothing(app: Flask) -> None:
    assert documented(app).keys() == CREATING.keys() | CREATING_NOTHING


def test_the_header_is_documented_where_something_is_created_and_nowhere_else(app: Flask) -> None:
    for call, operation in documented(app).items():
        named = [one for one in operation.get("parameters", ()) if one["name"] == "Idempotency-Key"]
        assert len(named) == (call in CREATING), call
        if call in CREATING:
            assert (named[0]["in"], named[0]["required"]) == ("header", False)
            assert {"409", "410", "422"} <= operation["responses"].keys(), call


@pytest.mark.parametrize("call", CREATING)
def test_what_is_sent_again_is_answered_as_before_and_creates_nothing(
    anna: Caller, worker: InTestWorker, count: Callable[[], tuple[int, int]], call: str
) -> None:
    with worker.running():
        first = send(anna, call)
        created = count()
        again = send(anna, call)

    assert first.status_code in (200, 202), first.text
    assert again.status_code == first.status_code
    assert said(call, again) == said(call, first)
    assert [again.headers.get(name) for name in HEADERS] == list(map(first.headers.get, HEADERS))
    assert again.headers.get("Operation-Location") == first.headers.get("Operation-Location")
    assert count() == created != (0, 0)


@pytest.mark.parametrize("call", CREATING)
def test_without_a_key_each_request_creates(
    anna: Caller, worker: InTestWorker, count: Callable[[], tuple[int, int]], call: str
) -> None:
    method, path = call.split()
    with worker.running():
        for _ in range(2):
            answer = anna.call(method.upper(), path, **CREATING[call]())
            assert answer.status_code in (200, 202), answer.text

    documents, batches = count()
    assert documents in (2, 4)  # what a job is kept as is a file
    assert batches in (0, 2)


@pytest.mark.parametrize("call", CREATING)
@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_of_no_or_too_many_characters_is_refused(
    anna: Caller, nothing_is_kept: Callable[[], None], call: str, key: str
) -> None:
    answer = send(anna, call, key)

    assert answer.status_code == 400
    assert "invalid_idempotency_key" in answer.text
    assert "1 to 255 characters" in answer.text
    nothing_is_kept()


@pytest.mark.parametrize("call", sorted(CREATING_NOTHING))
def test_a_call_that_creates_nothing_refuses_a_key_unless_it_is_of_a_dialect(
    anna: Caller, worker: InTestWorker, count: Callable[[], tuple[int, int]], call: str
) -> None:
    job = anna.post("/v1/batch/jobs", json={"requests": [{"body": OCR}]}).get_json()["id"]
    ids = {"document_id": anna.submit(), "batch_id": anna.submit_batch(b"a"), "job_id": job}
    before = count()
    method, path = call.split()
    sent = form("file")() if path == "/v1/estimate" else {}

    answer = anna.call(
        method.upper(),
        path.format(token="t", **ids),
        headers={"Idempotency-Key": KEY},
        **sent,
    )

    if "jobs" in path or "objects" in path:
        assert answer.status_code == (200 if "jobs" in path else 404), answer.text
    else:
        assert_problem(answer, 422, "option_unavailable", "Idempotency-Key", "create", "Leave")
    assert count() == before


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/nothing", 404, "not_found"),
        ("/v1/models", 405, "method_not_allowed"),
        ("/tika", 405, "method_not_allowed"),
    ],
)
def test_a_key_changes_nothing_where_there_is_no_call(
    anna: Caller, path: str, status: int, code: str
) -> None:
    answer = anna.post(path, headers={"Idempotency-Key": KEY})

    assert answer.status_code == status
    assert code in answer.text
