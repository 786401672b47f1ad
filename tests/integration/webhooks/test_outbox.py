"""An event is written with what it tells of, by whichever statement, and goes with its document."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from ilios.core import clock
from ilios.core.conversion_errors import EncryptedDocument
from ilios.core.settings import Settings
from ilios.db import webhook_triggers
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Batch, DocumentStatus, WebhookDelivery
from ilios.documents import removal, results
from ilios.documents.admission import Order
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.queue.notify import Notifier
from ilios.storage.base import ObjectStore
from ilios.webhooks import outbox
from tests.integration.webhooks.conftest import Ending
from tests.support import documents
from tests.support.api_working import InTestWorker
from tests.support.issuing import MovableClock, issue

pytestmark = pytest.mark.both_databases

URL = "https://example.com/hooks?a=1"
Deliveries = Callable[[], list[WebhookDelivery]]
Receive = Callable[..., Received]


@pytest.fixture
def actions(
    settings: Settings, database: Database, store: ObjectStore, notifier: Notifier
) -> DocumentActions:
    return DocumentActions(settings, database, store, notifier, GroupCommit(database))


@pytest.fixture
def worker(settings: Settings, database: Database) -> InTestWorker:
    return InTestWorker(settings, database)


def kinds(found: list[WebhookDelivery]) -> list[tuple[str, str | None]]:
    return [(one.type, one.document_id) for one in found]


def details(one: WebhookDelivery) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(one.details or "{}")
    return told


def test_a_result_is_an_event_in_its_transaction(
    database: Database, ending: Ending, deliveries: Deliveries
) -> None:
    document_id = ending.add(URL)

    def undo(session: Session) -> None:
        results.complete(session, document_id, clock.now())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), database.writing() as session:
        undo(session)
    assert deliveries() == []

    with database.writing() as session:
        results.complete(session, document_id, clock.now())

    (one,) = deliveries()
    assert kinds([one]) == [("document.completed", document_id)]
    assert (one.url, one.receiver) == (URL, "https://example.com/")
    assert details(one)["fileName"] == "hello.txt"
    assert details(one)["partial"] is False
    assert one.occurred_at == documents.document(database, document_id).processed_at


def test_moments_are_those_of_the_status(
    database: Database, ending: Ending, deliveries: Deliveries, moved: MovableClock
) -> None:
    moved.set(datetime(2026, 11, 30, 15, 0, 4, 229_700, tzinfo=UTC))
    document_id = ending.add(URL)

    ending.end(document_id)

    (one,) = deliveries()
    told = details(one)
    assert told["createdAt"] == told["processedAt"] == "2026-11-30T15:00:04.229Z"
    assert told["startedAt"] is None
    assert clock.iso(one.occurred_at) == told["processedAt"]


def test_a_failure_says_why(database: Database, ending: Ending, deliveries: Deliveries) -> None:
    document_id = ending.add(URL)

    with database.writing() as session:
        results.fail(session, document_id, EncryptedDocument("It is encrypted."), clock.now())

    (one,) = deliveries()
    assert one.type == "document.failed"
    assert details(one)["errorCode"] == "encrypted_document"
    assert details(one)["error"] == "It is encrypted."


def test_without_an_address_there_is_no_event(ending: Ending, deliveries: Deliveries) -> None:
    ending.end(ending.add())

    assert deliveries() == []


def test_every_way_in_which_a_document_ends_is_told_of(
    submissions: Submissions,
    receive: Receive,
    actions: DocumentActions,
    worker: InTestWorker,
    deliveries: Deliveries,
) -> None:
    order = Order(owner="a", webhook_url=URL)
    first = submissions.submit(receive(b"one"), order).id
    joined = submissions.submit(receive(b"one"), order).id
    failing = submissions.submit(receive(b"fail: document"), order).id
    cancelled = submissions.submit(receive(b"two"), order).id
    actions.cancel(cancelled, owner="a")
    worker.work()
    cached = submissions.submit(receive(b"one"), order).id
    actions.retry(cancelled, owner="a")
    worker.work()

    found = kinds(deliveries())
    assert sorted(found) == sorted(
        [
            ("document.cancelled", cancelled),
            ("document.completed", first),
            ("document.completed", joined),
            ("document.failed", failing),
            ("document.completed", cached),
            ("document.completed", cancelled),
        ]
    )


@pytest.mark.parametrize("is_cached", [False, True])
def test_a_batch_is_told_of_once_after_its_documents(
    submissions: Submissions,
    receive: Receive,
    worker: InTestWorker,
    deliveries: Deliveries,
    is_cached: bool,
) -> None:
    if is_cached:
        for content in (b"one", b"two"):
            submissions.submit(receive(content), Order(owner="a"))
        worker.work()
    order = Order(owner="a", webhook_url=URL)

    batch, _ = submissions.submit_batch([receive(b"one"), receive(b"two")], order)
    worker.work()

    found = deliveries()
    assert [one.type for one in found] == [*["document.completed"] * 2, "batch.completed"]
    assert {one.batch_id for one in found} == {batch.id}
    assert details(found[-1]) == {
        "status": "completed",
        "total": 2,
        "completed": 2,
        "failed": 0,
        "cancelled": 0,
        "deleted": 0,
    }


def test_a_batch_that_is_cancelled_or_deleted_has_one_end(
    submissions: Submissions, receive: Receive, actions: DocumentActions, deliveries: Deliveries
) -> None:
    order = Order(owner="a", webhook_url=URL)
    cancelled, _ = submissions.submit_batch([receive(b"1"), receive(b"2")], order)
    actions.cancel_batch(cancelled.id, owner="a")
    deleted, inside = submissions.submit_batch([receive(b"3"), receive(b"4")], order)
    for document in inside:
        actions.delete(document.id, owner="a")

    ends = [one for one in deliveries() if one.type == "batch.completed"]
    assert [one.batch_id for one in ends] == [cancelled.id, deleted.id]
    assert [details(one)["status"] for one in ends] == ["cancelled", "completed"]
    assert details(ends[1])["deleted"] == 2


def test_the_address_of_a_key_is_for_what_names_none(
    database: Database, ending: Ending, deliveries: Deliveries
) -> None:
    key = issue(database, webhook_url=URL).key
    ending.end(ending.add(owner=key.owner))
    ending.end(ending.add("https://other.example/", owner=key.owner))
    ending.end(ending.add(owner="another"))

    assert [one.url for one in deliveries()] == [URL, "https://other.example/"]


def test_the_second_event_of_a_document_waits_for_the_first(
    database: Database, ending: Ending, deliveries: Deliveries
) -> None:
    document_id, other = ending.add(URL), ending.add(URL)
    ending.end(document_id, DocumentStatus.FAILED)
    ending.reopen(document_id)
    ending.end(document_id)
    ending.end(other)

    assert [one.next_attempt_at is None for one in deliveries()] == [False, True, False]


def test_a_deletion_leaves_ids_alone(
    database: Database, ending: Ending, deliveries: Deliveries
) -> None:
    document_id = ending.add(URL)
    ending.end(document_id)

    with database.writing() as session:
        removal.tombstone(session, document_id, document_id, clock.now())

    (one,) = deliveries()
    assert (one.details, one.document_id) == (None, document_id)
    assert documents.document(database, document_id).webhook_url is None


@pytest.mark.only_sqlite
def test_an_owner_has_so_many_deliveries_at_most(
    database: Database, ending: Ending, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_triggers, "DELIVERIES_MAX", 3)
    with database.writing() as session:
        webhook_triggers.install(driver_of(session))
    document_id = ending.add(URL)
    for _ in range(5):
        ending.end(document_id)
        ending.reopen(document_id)
    ending.end(ending.add(URL, owner="another"))

    found = deliveries()
    assert sorted(one.number for one in found if one.owner == "anonymous") == [3, 4, 5]
    with database.writing() as session:  # what the first of them was to be followed by
        assert outbox.resume(session, clock.now()) == 1


def driver_of(session: Session) -> Any:
    return session.connection().connection.driver_connection


@pytest.mark.only_sqlite
def test_triggers_that_are_missing_are_made(database: Database) -> None:
    with database.writing() as session:
        driver = driver_of(session)
        assert webhook_triggers.are_installed(driver)
        driver.execute("DROP TRIGGER webhooks_document_changed")
        assert not webhook_triggers.are_installed(driver)
        webhook_triggers.install(driver)
        assert webhook_triggers.are_installed(driver)


def test_numbers_count_for_each_owner(ending: Ending, deliveries: Deliveries) -> None:
    for owner in ("a", "b", "a"):
        ending.end(ending.add(URL, owner=owner))

    assert sorted((one.owner, one.number) for one in deliveries()) == [("a", 1), ("a", 2), ("b", 1)]


def test_a_batch_without_its_own_address_has_that_of_its_key(
    database: Database, submissions: Submissions, receive: Receive, worker: InTestWorker,
    deliveries: Deliveries,
) -> None:  # fmt: skip
    key = issue(database, webhook_url=URL).key
    submissions.submit_batch([receive(b"1")], Order(owner=key.owner))
    worker.work()

    assert [one.type for one in deliveries()] == ["document.completed", "batch.completed"]
    with database.reading() as session:
        assert session.query(Batch).one().webhook_url is None
