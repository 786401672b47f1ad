"""Uploads to presigned links of the local store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from ilios.accounts.key_admin import KeyAdmin
from ilios.core import clock
from ilios.core.conversion_errors import ObjectMissing
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import ApiKey
from ilios.documents.uploads import UploadSink
from ilios.storage.base import ObjectStore
from tests.support import documents
from tests.support.api_callers import Caller, file
from tests.support.api_working import InTestWorker
from tests.support.issuing import issue


@pytest.fixture
def offer(anna: Caller) -> dict[str, Any]:
    form = {"fileName": "../up.txt", "fileSize": 5, "mimeType": "text/plain"}
    answer = anna.post("/api/documents/upload-url", json=form)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.get_json()
    return body


def test_a_document_is_put_and_completed(
    anna: Caller, nobody: Caller, worker: InTestWorker, offer: dict[str, Any],
    temporary_files: Callable[[], list[Path]],
) -> None:  # fmt: skip
    assert offer["expiresIn"] == 3600
    assert offer["id"] in offer["s3Key"]
    assert nobody.put(offer["uploadUrl"], b"Hello").status_code == 200

    completed = anna.post(f"/api/documents/upload-complete/{offer['id']}")
    worker.work()

    assert completed.status_code == 202
    assert completed.get_json()["id"] == offer["id"]
    assert completed.get_json()["status"] == "pending"
    assert anna.get(f"/api/documents/{offer['id']}").text == "Hello"
    assert temporary_files() == []


def test_until_then_the_document_awaits_its_bytes(anna: Caller, offer: dict[str, Any]) -> None:
    status = anna.get(f"/api/documents/status/{offer['id']}").get_json()
    assert status["status"] == "awaiting_upload"
    assert status["fileName"] == "up.txt"
    early = anna.post(f"/api/documents/upload-complete/{offer['id']}")
    assert (early.status_code, early.get_json()["code"]) == (409, "upload_incomplete")
    for path in ("", "/original"):
        answer = anna.get(f"/api/documents/{offer['id']}{path}")
        assert (answer.status_code, answer.get_json()["code"]) == (409, "document_not_ready")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"Hell", 400, "malformed_request"),
        (b"", 400, "malformed_request"),
        (b"Hello!", 413, "file_too_large"),
    ],
)
def test_a_body_of_another_size_is_refused(
    anna: Caller, offer: dict[str, Any], temporary_files: Callable[[], list[Path]],
    body: bytes, status: int, code: str,
) -> None:  # fmt: skip
    answer = anna.put(offer["uploadUrl"], body)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert temporary_files() == []
    assert anna.post(f"/api/documents/upload-complete/{offer['id']}").status_code == 409


def test_an_upload_is_completed_once(anna: Caller, offer: dict[str, Any]) -> None:
    anna.put(offer["uploadUrl"], b"Hello")
    path = f"/api/documents/upload-complete/{offer['id']}"
    assert anna.post(path).status_code == 202
    again = anna.post(path)
    assert (again.status_code, again.get_json()["code"]) == (409, "upload_already_completed")


def test_the_bytes_decide_on_the_type(anna: Caller) -> None:
    body = {"fileName": "a.pdf", "fileSize": 8, "mimeType": "application/pdf"}
    offer = anna.post("/api/documents/upload-url", json=body).get_json()
    anna.put(offer["uploadUrl"], b"\x00\x01\x02\x03\x04\xff\xfe\x00")
    answer = anna.post(f"/api/documents/upload-complete/{offer['id']}")
    assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_type")


@pytest.mark.parametrize(
    ("file_name", "mime_type"),
    [
        ("a.docm", "application/vnd.ms-word.document.macroEnabled.12"),
        ("a.tsv", "text/tab-separated-values"),
        ("a.fodt", "application/vnd.oasis.opendocument.text-flat-xml"),
        ("a.rtf", "text/rtf"),
        ("a.xhtml", "application/xhtml+xml; charset=utf-8"),
    ],
)
def test_a_variant_may_be_offered_by_its_own_type(
    anna: Caller, file_name: str, mime_type: str
) -> None:
    form = {"fileName": file_name, "fileSize": 8, "mimeType": mime_type}

    assert anna.post("/api/documents/upload-url", json=form).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_forged_link_is_not_found(nobody: Caller, offer: dict[str, Any], method: str) -> None:
    token = offer["uploadUrl"].rpartition("/")[2]
    other_end = "yy" if token[-2] == "x" else "xx"
    for forged in ("x", token[:-2] + other_end, token.replace(".", "x."), "%00"):
        answer = nobody.call(method, f"/objects/{forged}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "link_invalid")


def test_a_link_to_put_does_not_get(nobody: Caller, offer: dict[str, Any]) -> None:
    assert nobody.get(offer["uploadUrl"]).status_code == 404


@pytest.fixture
def team(app: Flask, database: Database) -> Caller:
    return Caller(app.test_client(), issue(database).secret)


@pytest.fixture
def offered_to_team(team: Caller) -> dict[str, Any]:
    form = {"fileName": "up.txt", "fileSize": 5, "mimeType": "text/plain"}
    body: dict[str, Any] = team.post("/api/documents/upload-url", json=form).get_json()
    return body


def test_a_link_ends_with_its_key(
    team: Caller, nobody: Caller, database: Database, offered_to_team: dict[str, Any],
    temporary_files: Callable[[], list[Path]],
) -> None:  # fmt: skip
    KeyAdmin(database).revoke("team")

    put = nobody.put(offered_to_team["uploadUrl"], b"Hello")
    completed = team.post(f"/api/documents/upload-complete/{offered_to_team['id']}")

    assert (put.status_code, put.get_json()["code"]) == (404, "link_invalid")
    assert (completed.status_code, completed.get_json()["code"]) == (401, "key_revoked")
    assert temporary_files() == []


def test_a_body_that_arrives_while_its_key_is_revoked_is_not_kept(
    team: Caller, nobody: Caller, database: Database, offered_to_team: dict[str, Any],
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, temporary_files: Callable[[], list[Path]],
) -> None:  # fmt: skip
    write = UploadSink.write

    def revoke_and_write(sink: UploadSink, block: bytes) -> int:
        KeyAdmin(database).revoke("team")
        return write(sink, block)

    monkeypatch.setattr(UploadSink, "write", revoke_and_write)

    put = nobody.put(offered_to_team["uploadUrl"], b"Hello")

    assert (put.status_code, put.get_json()["code"]) == (404, "link_invalid")
    assert temporary_files() == []
    with pytest.raises(ObjectMissing):
        store.stat(offered_to_team["s3Key"])


def test_a_link_of_an_expired_key_is_not_valid(
    nobody: Caller, database: Database, offered_to_team: dict[str, Any]
) -> None:
    with database.writing() as session:
        session.execute(update(ApiKey).values(expires_at=clock.now()))

    assert nobody.put(offered_to_team["uploadUrl"], b"Hello").status_code == 404


@pytest.mark.parametrize("after", ["completed", "deleted"])
def test_nothing_is_put_to_a_link_whose_document_waits_no_more(
    anna: Caller, offer: dict[str, Any], store: ObjectStore, after: str
) -> None:
    anna.put(offer["uploadUrl"], b"Hello")
    if after == "completed":
        anna.post(f"/api/documents/upload-complete/{offer['id']}")
    else:
        anna.call("DELETE", f"/api/documents/{offer['id']}")

    late = anna.put(offer["uploadUrl"], b"Again")

    assert (late.status_code, late.get_json()["code"]) == (404, "link_invalid")
    with pytest.raises(ObjectMissing):
        store.stat(offer["s3Key"])


def test_a_link_that_was_given_out_before_there_were_keys_ends_with_the_first(
    make_app: Callable[[Settings], Flask], settings: Settings, database: Database
) -> None:
    open_to_all = Caller(make_app(settings).test_client(), None)
    form = {"fileName": "up.txt", "fileSize": 5, "mimeType": "text/plain"}
    url = open_to_all.post("/api/documents/upload-url", json=form).get_json()["uploadUrl"]
    assert open_to_all.put(url, b"Hello").status_code == 200

    issue(database)

    assert open_to_all.put(url, b"Hello").status_code == 404


def _ask(caller: Caller, path: str) -> TestResponse:
    form = {"fileName": "up.txt", "fileSize": 5, "mimeType": "text/plain"}
    if path.endswith("url"):
        return caller.post(path, json=form)
    return caller.post(path, {"files" if "batch" in path else "file": file()})


@pytest.mark.parametrize(
    "path",
    ["/v1/convert", "/api/documents/submit", "/v1/batch/submit", "/api/documents/upload-url"],
)
@pytest.mark.parametrize(
    ("terms", "status", "code", "retry_after"),
    [
        ({"storage_bytes": 100}, 402, "storage_quota_exceeded", None),
        ({"waiting_documents": 1}, 429, "too_many_waiting", "30"),
    ],
)
def test_what_a_key_may_not_hold_is_refused_everywhere(
    app: Flask, database: Database, temporary_files: Callable[[], list[Path]], path: str,
    terms: dict[str, Any], status: int, code: str, retry_after: str | None,
) -> None:  # fmt: skip
    caller = Caller(app.test_client(), issue(database, **terms).secret)
    if "waiting_documents" in terms:
        caller.submit(b"first")

    answer = _ask(caller, path)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == retry_after
    assert temporary_files() == []
    assert len(documents.documents(database)) == len(terms.keys() & {"waiting_documents"})
