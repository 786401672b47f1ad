"""Documents by URL: JSON in place of a form, on convert, submit and batches."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.outbound.addresses import ADDRESS_MAX_CHARACTERS
from tests.support.api_callers import Caller
from tests.support.api_fixtures import MAX_FILE_BYTES
from tests.support.api_working import InTestWorker
from tests.support.web_servers import reply, serving

CONVERT, SUBMIT, BATCH = "/v1/convert", "/api/documents/submit", "/v1/batch/submit"
TEXT = b"one\ntwo\nthree"
HEADER = {"Idempotency-Key": "an-idempotency-key-that-must-not-be-logged"}
ELSEWHERE = "http://10.0.0.1/secret-path?secret-of-a-url"


@pytest.fixture
def api_settings(api_settings: Settings) -> Settings:
    """Let documents be fetched from this machine."""
    return api_settings.model_copy(update={"url_allow": "127.0.0.1"})


def status_of(caller: Caller, document_id: str) -> dict[str, Any]:
    found: dict[str, Any] = caller.get(f"/api/documents/status/{document_id}").get_json()
    return found


def test_a_document_is_submitted_by_its_address(anna: Caller, worker: InTestWorker) -> None:
    with serving(reply(TEXT)) as server:
        answer = anna.post(SUBMIT, json={"url": server.url("/a/report.txt"), "priority": 7})
        assert answer.status_code == 202, answer.text
        accepted = answer.get_json()
        waiting = status_of(anna, accepted["id"])
        worker.work()

    assert (waiting["status"], waiting["fileName"]) == ("pending", "report.txt")
    done = status_of(anna, accepted["id"])
    assert (done["status"], done["pagesDone"]) == ("completed", 3)
    assert "two" in anna.get(f"/api/documents/{accepted['id']}").text


def test_a_conversion_waits_for_the_fetch_too(anna: Caller, worker: InTestWorker) -> None:
    with serving(reply(TEXT)) as server, worker.running():
        answer = anna.post(CONVERT, json={"url": server.url("/a.txt"), "format": "json"})

    assert answer.status_code == 200, answer.text
    assert [page["markdown"] for page in answer.get_json()["pages"]] == ["one", "two", "three"]


def test_options_have_the_types_of_json(anna: Caller, worker: InTestWorker) -> None:
    body = {"pages": "2", "cache": False, "retentionDays": 30, "include": "blocks"}
    with serving(reply(TEXT)) as server, worker.running():
        answer = anna.post(CONVERT, json={"url": server.url("/a.txt"), **body})

    assert answer.status_code == 200, answer.text
    assert answer.text.strip() == "two"
    (listed,) = anna.get("/api/documents").get_json()["documents"]
    assert listed["retentionDays"] == 30


def test_a_batch_is_fetched(anna: Caller, worker: InTestWorker) -> None:
    with serving(lambda connection, head: connection.sendall(reply(head.split()[1][1:]))) as server:
        urls = [server.url(f"/{name}.txt") for name in ("one", "two")]
        answer = anna.post(BATCH, json={"urls": urls, "priority": 3})
        assert answer.status_code == 202, answer.text
        worker.work()

    batch_id = answer.get_json()["batchId"]
    done = anna.get(f"/v1/batch/status/{batch_id}?details=true").get_json()
    assert done["status"] == "completed"
    assert [one["fileName"] for one in done["documents"]] == ["one.txt", "two.txt"]


@pytest.mark.parametrize("path", [CONVERT, SUBMIT])
@pytest.mark.parametrize(
    "url",
    [ELSEWHERE, "ftp://example.com/", "http://localhost/", "", "a b",
     "http://127.0.0.1/secret" + "a" * ADDRESS_MAX_CHARACTERS],
)  # fmt: skip
def test_a_forbidden_address_is_refused_at_once(
    anna: Caller, nothing_is_kept: Callable[[], None], path: str, url: str
) -> None:
    answer = anna.post(path, json={"url": url})

    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (422, "url_not_allowed"), problem
    assert "URL_ALLOW" in problem["detail"]
    assert "secret" not in answer.text
    nothing_is_kept()


def test_a_forbidden_address_refuses_a_batch(
    anna: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    answer = anna.post(BATCH, json={"urls": ["http://127.0.0.1/a", ELSEWHERE]})

    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (400, "batch_refused")
    assert [(one["name"], one["code"]) for one in problem["errors"]] == [
        ("urls[1]", "url_not_allowed")
    ]
    assert "secret" not in answer.text
    nothing_is_kept()


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (SUBMIT, {}, "invalid_url"),
        (SUBMIT, {"url": None}, "invalid_url"),
        (SUBMIT, {"url": 7}, "invalid_url"),
        (SUBMIT, {"url": ["http://127.0.0.1/"]}, "invalid_url"),
        (SUBMIT, {"url": "http://127.0.0.1/", "file": "x"}, "unknown_field"),
        (SUBMIT, {"urls": ["http://127.0.0.1/"]}, "unknown_field"),
        (SUBMIT, {"url": "http://127.0.0.1/", "cache": "false"}, "invalid_cache"),
        (SUBMIT, {"url": "http://127.0.0.1/", "cache": 0}, "invalid_cache"),
        (SUBMIT, {"url": "http://127.0.0.1/", "priority": "5"}, "invalid_priority"),
        (SUBMIT, {"url": "http://127.0.0.1/", "priority": True}, "invalid_priority"),
        (SUBMIT, {"url": "http://127.0.0.1/", "priority": 11}, "invalid_priority"),
        (SUBMIT, {"url": "http://127.0.0.1/", "pages": 2}, "invalid_pages"),
        (SUBMIT, {"url": "http://127.0.0.1/", "schema": "{}"}, "invalid_schema"),
        (BATCH, {}, "invalid_urls"),
        (BATCH, {"urls": []}, "invalid_urls"),
        (BATCH, {"urls": "http://127.0.0.1/"}, "invalid_urls"),
        (BATCH, {"urls": ["http://127.0.0.1/"] * 101}, "invalid_urls"),
        (BATCH, {"urls": [7]}, "invalid_urls"),
    ],
)
def test_what_is_wrong_with_a_body_is_named(
    anna: Caller, nothing_is_kept: Callable[[], None], path: str, body: dict[str, Any], code: str
) -> None:
    answer = anna.post(path, json=body)

    assert (answer.status_code, answer.get_json()["code"]) == (400, code), answer.text
    nothing_is_kept()


@pytest.mark.parametrize("body", [b"[]", b"{", b'"http://127.0.0.1/"', b"\xff"])
def test_a_body_that_is_no_object_is_malformed(anna: Caller, body: bytes) -> None:
    answer = anna.post(SUBMIT, data=body, content_type="application/json")

    assert (answer.status_code, answer.get_json()["code"]) == (400, "malformed_request")


def test_a_body_of_many_long_addresses_is_taken(anna: Caller) -> None:
    urls = [f"http://127.0.0.1/{number}?{'a' * 8000}" for number in range(100)]

    assert anna.post(BATCH, json={"urls": urls}).status_code == 202


@pytest.mark.parametrize(
    ("answered", "status", "code"),
    [
        (reply(b"\x7fELF" + bytes(100)), 415, "unsupported_type"),
        (reply(bytes(MAX_FILE_BYTES + 1)), 413, "file_too_large"),
        (reply(b""), 422, "empty_file"),
        (reply(b"", "404 Not Found"), 422, "url_unavailable"),
        (reply(b"", "302 Found", Location=ELSEWHERE), 422, "url_not_allowed"),
    ],
)
def test_a_conversion_says_what_the_address_gave(
    anna: Caller, worker: InTestWorker, answered: bytes, status: int, code: str
) -> None:
    with serving(answered) as server, worker.running():
        answer = anna.post(CONVERT, json={"url": server.url("/x?secret-of-a-url")})

    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert "secret" not in answer.text
    assert status_of(anna, problem["id"])["errorCode"] == code


def test_a_batch_of_the_provider_takes_no_addresses(
    make_app: Callable[..., Any], api_settings: Settings
) -> None:
    update = {"ocr_engine": "mistral"}
    app = make_app(api_settings.model_copy(update=update))
    caller = Caller(app.test_client(), "key-of-anna")

    answer = caller.post(BATCH, json={"urls": ["http://127.0.0.1/"], "useMistralBatch": True})

    problem = answer.get_json()
    assert answer.status_code == 400, problem
    assert [one["code"] for one in problem["errors"]] == ["option_unavailable"]


def test_a_document_that_is_not_here_yet_has_no_original(anna: Caller) -> None:
    document_id = anna.post(SUBMIT, json={"url": "http://127.0.0.1:1/"}).get_json()["id"]

    answer = anna.get(f"/api/documents/{document_id}/original")

    assert (answer.status_code, answer.get_json()["code"]) == (409, "document_not_ready")


def test_an_address_is_shown_to_nobody(anna: Caller, bert: Caller, database: Database) -> None:
    url = "http://127.0.0.1:1/report.pdf?secret-of-a-url"
    document_id = anna.post(SUBMIT, json={"url": url}).get_json()["id"]

    assert bert.get(f"/api/documents/status/{document_id}").status_code == 404
    assert "secret" not in json.dumps(status_of(anna, document_id))


def test_an_address_of_a_pdf_may_become_one_that_can_be_searched(
    anna: Caller, worker: InTestWorker
) -> None:
    with serving(reply(TEXT)) as server, worker.running():
        answer = anna.post(CONVERT, json={"url": server.url("/a.txt"), "format": "pdf"})

    assert (answer.status_code, answer.get_json()["code"]) == (422, "option_unavailable")


@pytest.mark.parametrize("path", [SUBMIT, BATCH])
def test_what_is_sent_again_with_its_key_is_answered_as_before_it_was_fetched(
    anna: Caller, worker: InTestWorker, path: str
) -> None:
    named = reply(TEXT, Content_Disposition='attachment; filename="theirs.txt"')
    with serving(named) as server:

        def send(name: str) -> TestResponse:
            url = server.url(f"/{name}?secret-of-a-url")
            body = {"urls": [url]} if path == BATCH else {"url": url}
            return anna.post(path, json=body, headers=HEADER)

        first = send("a.txt")
        worker.work()
        again, other = send("a.txt"), send("b.txt")
        worker.work()
        fetched = len(server.requests)

    assert (first.status_code, again.status_code) == (202, 202)
    assert (again.data, again.headers["Location"]) == (first.data, first.headers["Location"])
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    assert fetched == 1
    (listed,) = anna.get("/api/documents").get_json()["documents"]
    assert (listed["fileName"], listed["fileSize"]) == ("theirs.txt", len(TEXT))


def test_a_conversion_that_is_sent_again_with_its_key_is_fetched_once(
    anna: Caller, worker: InTestWorker
) -> None:
    with serving(reply(TEXT)) as server, worker.running():
        body = {"url": server.url("/a.txt"), "cache": False}
        first, again = (anna.post(CONVERT, json=body, headers=HEADER) for _ in range(2))
        fetched = len(server.requests)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.data == first.data
    assert again.headers["X-Document-Id"] == first.headers["X-Document-Id"]
    assert fetched == 1


def test_a_fetch_that_failed_is_not_kept_where_that_is_the_answer(
    anna: Caller, worker: InTestWorker
) -> None:
    statuses = iter(("404 Not Found", "200 OK"))
    with (
        serving(lambda connection, _: connection.sendall(reply(TEXT, next(statuses)))) as server,
        worker.running(),
    ):
        body = {"url": server.url("/a.txt")}
        first, again = (anna.post(CONVERT, json=body, headers=HEADER) for _ in range(2))

    assert (first.status_code, first.get_json()["code"]) == (422, "url_unavailable")
    assert again.status_code == 200, again.text
    assert again.headers["X-Document-Id"] != first.get_json()["id"]


def test_a_forbidden_address_leaves_the_key_free(anna: Caller) -> None:
    refused = anna.post(SUBMIT, json={"url": ELSEWHERE}, headers=HEADER)
    accepted = anna.post(SUBMIT, json={"url": "http://127.0.0.1:1/"}, headers=HEADER)

    assert (refused.status_code, accepted.status_code) == (422, 202)
