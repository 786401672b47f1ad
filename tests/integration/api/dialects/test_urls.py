"""Documents by URL in the dialects that have them: docling's `http`, Mistral's `document_url`."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from ilios.core.settings import Settings
from tests.support.api_callers import Caller
from tests.support.api_working import InTestWorker
from tests.support.web_servers import reply, serving

TEXT = b"one\ntwo\nthree"
HEADER = {"Idempotency-Key": "an-idempotency-key-that-must-not-be-logged"}
OCR, SOURCE = "/v1/ocr", "/v1/convert/source"


@pytest.fixture
def api_settings(api_settings: Settings) -> Settings:
    """Let documents be fetched from this machine."""
    return api_settings.model_copy(update={"url_allow": "127.0.0.1"})


def ocr_of(document: dict[str, Any]) -> dict[str, Any]:
    return {"model": "mistral-ocr-latest", "document": document}


@pytest.mark.parametrize("kind", ["document_url", "image_url"])
def test_mistrals_documents_are_fetched(anna: Caller, worker: InTestWorker, kind: str) -> None:
    with serving(reply(TEXT)) as server, worker.running():
        url = server.url("/a.txt?secret-of-a-url")
        answer = anna.post(OCR, json=ocr_of({"type": kind, kind: url}))

    assert answer.status_code == 200, answer.text
    assert [page["markdown"] for page in answer.get_json()["pages"]] == ["one", "two", "three"]


def test_a_name_is_taken_from_the_request(anna: Caller, worker: InTestWorker) -> None:
    with serving(reply(TEXT)) as server, worker.running():
        document = {"document_url": server.url("/a.txt"), "document_name": "b.txt"}
        answer = anna.post(OCR, json=ocr_of(document))

    document_id = answer.headers["X-Document-Id"]
    assert anna.get(f"/api/documents/status/{document_id}").get_json()["fileName"] == "b.txt"


def test_a_batch_job_may_mix_files_and_addresses(anna: Caller, worker: InTestWorker) -> None:
    with serving(reply(TEXT)) as server:
        requests = [
            {"custom_id": "a", "body": {"document": {"document_url": server.url("/a.txt")}}},
            {
                "custom_id": "b",
                "body": {"document": {"document_url": "data:text/plain;base64,SGVsbG8="}},
            },
        ]
        job = anna.post(
            "/v1/batch/jobs",
            json={"endpoint": OCR, "model": "mistral-ocr-latest", "requests": requests},
        ).get_json()
        worker.work()

    ended = anna.get(f"/v1/batch/jobs/{job['id']}").get_json()
    assert (ended["status"], ended["succeeded_requests"]) == ("SUCCESS", 2)


def test_doclings_sources_are_fetched(anna: Caller, worker: InTestWorker) -> None:
    with serving(reply(TEXT)) as server, worker.running():
        source = {"kind": "http", "url": server.url("/a.txt"), "headers": {}}
        answer = anna.post(SOURCE, json={"sources": [source]})

    assert answer.status_code == 200, answer.text
    document = answer.get_json()["document"]
    assert (document["filename"], "two" in document["md_content"]) == ("a.txt", True)


def test_what_an_address_did_not_give_is_a_failure_in_the_shape_of_the_dialect(
    anna: Caller, worker: InTestWorker
) -> None:
    with serving(reply(b"", "404 Not Found")) as server, worker.running():
        source = {"kind": "http", "url": server.url("/a.txt?secret-of-a-url")}
        of_docling = anna.post(SOURCE, json={"sources": [source]})
        of_mistral = anna.post(OCR, json=ocr_of({"document_url": server.url("/b?secret-of-a-url")}))

    assert of_docling.get_json()["status"] == "failure"
    assert of_docling.get_json()["errors"][0]["module_name"] == "url_unavailable"
    assert (of_mistral.status_code, of_mistral.get_json()["code"]) == (422, "url_unavailable")
    assert "secret" not in of_docling.text + of_mistral.text


@pytest.mark.parametrize("path", [OCR, SOURCE, f"{SOURCE}/async"])
def test_what_is_sent_again_with_its_key_is_fetched_once(
    anna: Caller, worker: InTestWorker, path: str
) -> None:
    def send(url: str) -> TestResponse:
        source = {"sources": [{"kind": "http", "url": url}]}
        body = ocr_of({"document_url": url}) if path == OCR else source
        return anna.post(path, json=body, headers=HEADER)

    with serving(reply(TEXT)) as server:
        with worker.running():
            first, again = (send(server.url("/a.txt")) for _ in range(2))
            other = send(server.url("/b.txt"))
        worker.work()
        fetched = len(server.requests)

    assert (first.status_code, again.status_code) == (200, 200)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    assert len(anna.get("/api/documents").get_json()["documents"]) == fetched == 1
