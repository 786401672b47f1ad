"""Uploads to presigned links of the local store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_callers import Caller
from tests.support.api_working import InTestWorker


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
    for forged in ("x", token[:-2] + "xx", token.replace(".", "x."), "%00"):
        answer = nobody.call(method, f"/objects/{forged}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "link_invalid")


def test_a_link_to_put_does_not_get(nobody: Caller, offer: dict[str, Any]) -> None:
    assert nobody.get(offer["uploadUrl"]).status_code == 404
