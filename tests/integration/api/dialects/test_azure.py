"""Azure Document Intelligence: an analysis is begun, asked for until it ends, given as a PDF."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from ilios.accounts.keys import owner_of
from ilios.api.dialects.azure import routes, schemas
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Call, Document, Job
from ilios.engines.base import Page
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block
from tests.support import sample_files, structured
from tests.support.api_callers import Caller
from tests.support.api_fixtures import KEY, MAX_FILE_BYTES
from tests.support.api_working import InTestWorker

MODELS = "/documentintelligence/documentModels"
READ = f"{MODELS}/prebuilt-read"
LAYOUT = f"{MODELS}/prebuilt-layout"
VERSION = "api-version=2024-11-30"
PAPERLESS = f"{READ}:analyze?{VERSION}&outputContentFormat=text&output=pdf"
OCTETS = {"Content-Type": "application/octet-stream"}
KEYS = {"Ocp-Apim-Subscription-Key": KEY}
SCAN = sample_files.pdf(sample_files.picture(0, 0, 595, 842), image=sample_files.scan(["Herons"]))


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "WAIT_SECONDS", 0.0)


@pytest.fixture
def by_azures_key(app: Flask) -> Caller:
    """Provide Anna as the clients of Azure send her key."""
    return Caller(app.test_client(), None)


def begun(anna: Caller, content: bytes, path: str = f"{READ}:analyze?{VERSION}") -> TestResponse:
    answer = anna.post(path, data=content, headers=OCTETS)
    assert answer.status_code == 202, answer.text
    return answer


def in_base64(content: bytes, **more: Any) -> bytes:
    return json.dumps({"base64Source": b64encode(content).decode(), **more}).encode()


def operation(anna: Caller, answer: TestResponse) -> dict[str, Any]:
    """Ask at the place that the answer names, as the clients find it."""
    location = answer.headers["Operation-Location"]
    found = re.match(r"[^:]+://[^/]+(/documentintelligence/.+/[^?/]+(?:\?.*)?)$", location)
    assert found is not None, location
    told = anna.get(found[1])
    assert told.status_code == 200, told.text
    body: dict[str, Any] = told.get_json()
    return body


def id_of(answer: TestResponse) -> str:
    found = re.match(r"[^:]+://[^/]+/documentintelligence/.+/([^?/]+)", _location(answer))
    assert found is not None
    return found[1]


def _location(answer: TestResponse) -> str:
    return answer.headers["Operation-Location"]


@pytest.mark.parametrize("model", [READ, LAYOUT])
def test_a_document_is_begun_followed_and_read(
    by_azures_key: Caller,
    worker: InTestWorker,
    model: str,
    temporary_files: Callable[[], list[Path]],
) -> None:
    path = f"{model}:analyze?{VERSION}&outputContentFormat=text&stringIndexType=unicodeCodePoint"
    answer = by_azures_key.post(
        path,
        data=in_base64(b"# Herons\nThey *wait*."),
        headers={**KEYS, "Content-Type": "application/json"},
    )

    assert answer.status_code == 202, answer.text
    assert (answer.data, answer.headers["Retry-After"]) == (b"", "1")
    assert "X-Ilios-Warnings" not in answer.headers
    assert f"{model}/analyzeResults/" in _location(answer)
    place = _location(answer).partition("localhost")[2]
    waiting = by_azures_key.get(place, headers=KEYS)
    assert (waiting.get_json()["status"], waiting.headers["Retry-After"]) == ("notStarted", "1")
    worker.work()
    body = by_azures_key.get(place, headers=KEYS).get_json()
    assert body["status"] == "succeeded"
    assert body["analyzeResult"]["content"] == "Herons\n\nThey wait."
    assert body["analyzeResult"]["stringIndexType"] == "unicodeCodePoint"
    assert body["analyzeResult"]["modelId"] == model.rpartition("/")[2]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", body["createdDateTime"])
    assert temporary_files() == []


def test_the_body_may_be_the_document_and_pages_may_be_selected(
    anna: Caller, worker: InTestWorker
) -> None:
    answer = begun(anna, b"One\nTwo\nThree", f"{LAYOUT}:analyze?{VERSION}&pages=2-3")
    worker.work()

    body = operation(anna, answer)

    pages = body["analyzeResult"]["pages"]
    assert [page["pageNumber"] for page in pages] == [2, 3]
    assert body["warnings"] == []


def test_a_long_document_in_base64_is_received(
    anna: Caller, worker: InTestWorker, temporary_files: Callable[[], list[Path]]
) -> None:
    text = "The herons wait. " * 8_000
    answer = anna.post(
        f"{READ}:analyze", data=in_base64(text.encode()), content_type="application/json"
    )
    worker.work()

    assert operation(anna, answer)["analyzeResult"]["content"] == text.strip()
    assert temporary_files() == []


def test_the_place_of_the_result_is_below_the_public_url(make_public: Caller) -> None:
    answer = begun(make_public, b"text", f"{READ}:analyze?{VERSION}&pages=1")

    assert re.fullmatch(
        rf"https://ocr\.example\.com{READ}/analyzeResults/\w+\?{VERSION}",
        _location(answer),
    )


def test_a_deleted_document_is_gone(anna: Caller, worker: InTestWorker) -> None:
    answer = begun(anna, b"text")
    worker.work()
    anna.call("DELETE", f"/api/documents/{id_of(answer)}")

    told = anna.get(f"{READ}/analyzeResults/{id_of(answer)}")

    assert (told.status_code, told.get_json()["error"]["code"]) == (410, "NotFound")


def test_a_document_that_is_sent_again_is_converted_once(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    answers = [begun(anna, b"once"), begun(anna, b"once", f"{LAYOUT}:analyze?{VERSION}")]
    worker.work()

    for answer in answers:
        assert operation(anna, answer)["analyzeResult"]["content"] == "once"
    with database.reading() as session:
        for once in (Job, Call):
            assert session.scalar(select(func.count()).select_from(once)) == 1
        assert session.scalar(select(func.count()).select_from(Document)) == 2


def test_a_failed_document_says_so_within_an_answer_that_nobody_repeats(
    anna: Caller, worker: InTestWorker
) -> None:
    answers = [begun(anna, b"fail: document"), begun(anna, b"fail: engine")]
    worker.work()

    of_document, of_engine = (operation(anna, answer) for answer in answers)

    assert of_document["status"] == of_engine["status"] == "failed"
    assert of_document["error"] == {
        "code": "InvalidRequest",
        "message": "The document is encrypted. Send it without a password.",
        "innererror": {
            "code": "encrypted_document",
            "message": "The document is encrypted. Send it without a password.",
        },
    }
    assert of_engine["error"]["code"] == "InternalServerError"
    pdf = anna.get(f"{READ}/analyzeResults/{id_of(answers[1])}/pdf")
    assert (pdf.status_code, pdf.get_json()["error"]["innererror"]["code"]) == (
        422,
        "engine_failed",
    )


def test_a_cancelled_document_is_canceled(anna: Caller) -> None:
    answer = begun(anna, b"never")
    anna.post(f"/api/documents/{id_of(answer)}/cancel")

    body = operation(anna, answer)

    assert body["status"] == "canceled"
    assert body["error"]["innererror"]["code"] == "document_cancelled"


def test_a_scan_is_given_as_a_pdf_that_can_be_searched(
    anna: Caller, database: Database, api_settings: Settings
) -> None:
    text = "Herons stand and wait."
    block = Block("text", 0, len(text), box=(72, 90, 300, 102))
    page = Page(0, text, width=595.0, height=842.0, layout=Layout.of([block]))
    document_id = structured.add_result(
        database,
        [page],
        owner=owner_of(KEY),
        settings=api_settings,
        content=SCAN,
        mime_type="application/pdf",
    )

    for model in (READ, LAYOUT):
        answer = anna.get(f"{model}/analyzeResults/{document_id}/pdf?{VERSION}")
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
        with pdfium.PdfDocument(answer.data) as pdf:
            assert pdf[0].get_textpage().get_text_range().split() == text.split()


def test_a_pdf_is_refused_at_once_of_what_has_none(
    anna: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    answer = anna.post(PAPERLESS, data=b"text", headers=OCTETS)

    assert answer.status_code == 422
    assert answer.get_json()["error"]["innererror"]["code"] == "option_unavailable"
    nothing_is_kept()


def test_what_has_no_effect_is_noted_at_the_beginning_and_in_the_result(
    anna: Caller, worker: InTestWorker
) -> None:
    query = f"{VERSION}&locale=de&features=barcodes,formulas&odd=1"
    answer = anna.post(
        f"{READ}:analyze?{query}",
        data=in_base64(b"text", other=True),
        headers={"Content-Type": "application/json"},
    )
    worker.work()

    noted = answer.headers["X-Ilios-Warnings"]
    assert all(name in noted for name in ("locale", "features=barcodes", "odd", "other"))
    (warning,) = operation(anna, answer)["warnings"]
    assert warning["code"] == "options_ignored"
    assert all(name in warning["message"] for name in ("locale", "features", "odd"))


def test_errors_have_the_shape_of_azure_with_our_code_and_sentence(
    anna: Caller, nobody: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    begin = f"{READ}:analyze"
    as_json = {"Content-Type": "application/json"}
    url = b'{"urlSource": "http://localhost/secret"}'
    refused = {
        "unauthorized": (401, nobody.post(begin, data=b"text", headers=OCTETS)),
        "empty_file": (400, anna.post(begin, data=b"", headers=OCTETS)),
        "unsupported_type": (415, anna.post(begin, data=bytes(range(256)) * 12, headers=OCTETS)),
        "file_too_large": (413, anna.post(begin, data=b"x" * (MAX_FILE_BYTES + 1), headers=OCTETS)),
        "option_unavailable": (422, anna.post(begin, data=url, headers=as_json)),
        "missing_file": (400, anna.post(begin, data=b"{}", headers=as_json)),
        "malformed_request": (400, anna.post(begin, data=b"{", headers=as_json)),
        "invalid_base64Source": (
            400,
            anna.post(begin, data=b'{"base64Source": "?"}', headers=as_json),
        ),
        "invalid_stringIndexType": (
            400,
            anna.post(f"{begin}?stringIndexType=bytes", data=b"text", headers=OCTETS),
        ),
        "invalid_pages": (400, anna.post(f"{begin}?pages=0", data=b"text", headers=OCTETS)),
        "not_found": (404, anna.post(f"{MODELS}/prebuilt-invoice:analyze", data=b"text")),
        "document_not_found": (404, anna.get(f"{READ}/analyzeResults/unknown")),
        "method_not_allowed": (405, anna.get(begin)),
    }

    for code, (status, answer) in refused.items():
        error = answer.get_json()["error"]
        assert (answer.status_code, error["innererror"]["code"]) == (status, code), answer.text
        assert error["code"]
        assert error["message"] == error["innererror"]["message"]
        assert answer.mimetype == "application/json"
    nothing_is_kept()


def test_a_document_of_another_key_is_an_unknown_one(
    anna: Caller, bert: Caller, worker: InTestWorker
) -> None:
    document_id = id_of(begun(anna, b"mine"))
    worker.work()

    for path in (f"{READ}/analyzeResults/{document_id}", f"{LAYOUT}/analyzeResults/{document_id}"):
        for place in (path, f"{path}/pdf"):
            answer = bert.get(place)
            assert answer.status_code == 404
            assert answer.get_json()["error"]["innererror"]["code"] == "document_not_found"


def test_the_answers_are_documented() -> None:
    statuses = schemas.OPERATION["properties"]["status"]["enum"]
    assert statuses == ["notStarted", "running", "succeeded", "failed", "canceled"]
