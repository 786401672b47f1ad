"""Webhooks as clients see them: sent with a document, listed, replayed, tested."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from ilios.accounts import webhook_secrets
from ilios.accounts.key_admin import KeyAdmin
from ilios.accounts.keys import Scope, Terms
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.webhooks import posting
from ilios.webhooks.sender import Sender
from tests.contract.problems import assert_problem
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY
from tests.support.api_working import InTestWorker
from tests.support.issuing import issue
from tests.support.receivers import Receiver, receiving
from tests.support.web_servers import reply, serving

TEST = "/api/webhooks/test"
SENT_SECONDS = 60.0
DELIVERIES = "/api/webhooks/deliveries"
SHOWN = {
    *("id", "eventId", "type", "documentId", "batchId", "url", "status", "attempts"),
    *("lastStatus", "lastError", "nextAttemptAt", "createdAt"),
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def api_settings(api_settings: Settings) -> Settings:
    """Let this machine be asked."""
    return api_settings.model_copy(update={"url_allow": "127.0.0.1"})


@pytest.fixture
def send(
    api_settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Send what is due, to receivers that a busy machine may keep waiting."""
    monkeypatch.setattr(posting, "CONNECT_SECONDS", SENT_SECONDS)
    monkeypatch.setattr(posting, "ATTEMPT_SECONDS_MAX", SENT_SECONDS)
    sender = Sender(api_settings, database)

    def send() -> None:
        with database.watching() as watch:
            while sender.send_due(watch):
                assert sender.wait_until_idle(2 * SENT_SECONDS)

    return send


@pytest.mark.parametrize("path", ["/api/documents/submit", "/v1/convert"])
def test_a_document_is_told_of_where_it_said(
    anna: Caller,
    receiver: Receiver,
    worker: InTestWorker,
    send: Callable[[], None],
    path: str,
) -> None:
    with worker.running():
        answer = anna.post(path, {"file": file(), "webhookUrl": receiver.url})
        assert answer.status_code in (200, 202), answer.text
    worker.work()
    send()

    (came,) = receiver.received
    event = came.verified()
    assert event["type"] == "document.completed"
    assert event["data"]["fileName"] == "hello.txt"
    (listed,) = anna.get(DELIVERIES).get_json()["deliveries"]
    assert set(listed) == SHOWN
    assert (listed["documentId"], listed["eventId"]) == (event["data"]["id"], came.event_id)
    assert (listed["status"], listed["attempts"], listed["lastStatus"]) == ("delivered", 1, 204)
    assert (listed["url"], listed["nextAttemptAt"]) == (receiver.url, None)


def test_a_batch_is_told_of_after_its_documents(
    anna: Caller, receiver: Receiver, worker: InTestWorker, send: Callable[[], None]
) -> None:
    form = {"files": [file(b"1"), file(b"fail: document")], "webhookUrl": receiver.url}
    batch_id = anna.post("/v1/batch/submit", form).get_json()["batchId"]
    worker.work()
    send()

    events = [came.verified() for came in receiver.received]
    assert sorted(event["type"] for event in events) == [
        "batch.completed",
        "document.completed",
        "document.failed",
    ]
    status = anna.get(f"/v1/batch/status/{batch_id}").get_json()
    (of_batch,) = [event["data"] for event in events if event["type"] == "batch.completed"]
    assert (of_batch["id"], of_batch["status"]) == (batch_id, status["status"])
    assert (of_batch["completed"], of_batch["failed"]) == (1, 1)


@pytest.mark.parametrize(
    ("content", "kind"), [(b"one", "document.completed"), (b"", "document.failed")]
)
def test_a_document_by_its_url_is_told_of_where_it_said(
    anna: Caller,
    receiver: Receiver,
    worker: InTestWorker,
    send: Callable[[], None],
    content: bytes,
    kind: str,
) -> None:
    with serving(reply(content)) as server:
        sent = {"url": server.url("/report.txt"), "webhookUrl": receiver.url}
        document_id = anna.post("/api/documents/submit", json=sent).get_json()["id"]
        worker.work()
    send()

    (came,) = receiver.received
    event = came.verified()
    assert (event["type"], event["data"]["id"]) == (kind, document_id)
    assert event["data"]["fileName"] == "report.txt"


def test_a_batch_by_urls_is_told_of(
    anna: Caller, receiver: Receiver, worker: InTestWorker, send: Callable[[], None]
) -> None:
    with serving(reply(b"one")) as server:
        urls = [server.url("/1.txt"), server.url("/2.txt")]
        sent = {"urls": urls, "webhookUrl": receiver.url}
        assert anna.post("/v1/batch/submit", json=sent).status_code == 202
        worker.work()
    send()

    kinds = sorted(came.verified()["type"] for came in receiver.received)
    assert kinds == ["batch.completed", *["document.completed"] * 2]


def test_a_request_that_is_sent_again_is_told_of_once(
    anna: Caller, receiver: Receiver, worker: InTestWorker, send: Callable[[], None]
) -> None:
    ids = set()
    for _ in range(2):
        form = {"file": file(), "webhookUrl": receiver.url}
        headers = {"Idempotency-Key": "an-idempotency-key-that-must-not-be-logged"}
        answer = anna.post("/api/documents/submit", form, headers=headers)
        ids.add(answer.get_json()["id"])
        worker.work()
        send()

    assert [came.event["data"]["id"] for came in receiver.received] == list(ids)
    elsewhere = {"file": file(), "webhookUrl": "https://example.com/"}
    answer = anna.post("/api/documents/submit", elsewhere, headers=headers)
    assert_problem(answer, 422, "idempotency_key_reused")


def test_a_replay_keeps_the_event(
    anna: Caller, receiver: Receiver, send: Callable[[], None]
) -> None:
    first = anna.post(TEST, json={"webhookUrl": receiver.url}).get_json()
    again = f"{DELIVERIES}/{first['id']}/replay"
    assert_problem(anna.post(again), 409, "delivery_under_way")
    send()

    second = anna.post(again)
    send()

    assert second.status_code == 202
    assert second.get_json()["eventId"] == first["eventId"]
    assert second.get_json()["id"] != first["id"]
    assert [came.event_id for came in receiver.received] == [first["eventId"]] * 2
    assert receiver.received[0].body == receiver.received[1].body


def test_a_test_goes_to_the_address_of_the_key(
    app: Flask, api_settings: Settings, database: Database, receiver: Receiver,
    send: Callable[[], None],
) -> None:  # fmt: skip
    terms = Terms("team", webhook_url=receiver.url)
    issued = KeyAdmin(database).create(terms, webhook_secrets.instance_key(api_settings))
    team = Caller(app.test_client(), issued.secret)

    answer = team.post(TEST)
    send()

    assert answer.status_code == 202, answer.text
    (came,) = receiver.received
    event = came.verified(issued.webhook_secret or "")
    assert event["type"] == "webhook.test"
    assert event["data"] == {"id": None, "batchId": None, "status": "ok"}


def test_without_an_address_or_a_secret_there_is_no_test(
    anna: Caller, make_app: Callable[[Settings], Flask], api_settings: Settings
) -> None:
    assert_problem(anna.post(TEST), 422, "webhook_url_missing", "--url")
    assert_problem(anna.post(TEST, json={"webhookUrl": "x"}), 422, "url_not_allowed", "scheme")
    assert_problem(anna.post(TEST, json={"webhookUrl": 7}), 400, "invalid_webhookUrl", "text")
    assert_problem(anna.post(TEST, json={"url": "x"}), 400, "unknown_field")
    sent = {"webhookUrl": "http://[::1]/"}
    assert_problem(anna.post(TEST, json=sent), 422, "url_not_allowed", "URL_ALLOW")
    without = make_app(api_settings.model_copy(update={"webhook_secret": None}))
    unsigned = Caller(without.test_client(), KEY)
    sent = {"webhookUrl": "https://example.com/"}
    refused = unsigned.post(TEST, json=sent)
    assert_problem(refused, 422, "webhook_secret_missing", "WEBHOOK_SECRET", "--secret new")
    refused = unsigned.post("/api/documents/submit", {"file": file(), **sent})
    assert_problem(refused, 422, "webhook_secret_missing")


def test_a_body_of_no_type_is_not_ignored(anna: Caller) -> None:
    assert_problem(anna.post(TEST, data=b"{}"), 400, "malformed_request", "application/json")


def test_the_list_is_followed_page_by_page(anna: Caller) -> None:
    ids = [
        anna.post(TEST, json={"webhookUrl": "https://example.com/"}).get_json()["id"]
        for _ in range(5)
    ]
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = anna.get(f"{DELIVERIES}?limit=2" + (f"&cursor={cursor}" if cursor else ""))
        found += [one["id"] for one in page.get_json()["deliveries"]]
        cursor = page.get_json()["nextCursor"]

    assert found == ids[::-1]
    for wrong in ("x", "WzBd", "bnVsbA", "WyIxIl0"):
        assert_problem(anna.get(f"{DELIVERIES}?cursor={wrong}"), 400, "invalid_cursor")


def test_a_deleted_document_is_told_of_by_its_id(
    anna: Caller, receiver: Receiver, worker: InTestWorker, send: Callable[[], None]
) -> None:
    document_id = anna.submit(name="dismissals-2027.txt", webhookUrl=receiver.url)
    worker.work()
    assert anna.call("DELETE", f"/api/documents/{document_id}").status_code == 204
    send()

    (came,) = receiver.received
    assert came.verified()["data"] == {"id": document_id, "batchId": None, "status": "completed"}


def test_a_key_that_may_only_read_sends_none(app: Flask, database: Database) -> None:
    secret = issue(database, scopes=frozenset({Scope.READ})).secret
    reader = Caller(app.test_client(), secret)

    assert reader.get(DELIVERIES).status_code == 200
    assert_problem(reader.post(TEST), 403, "insufficient_scope")
