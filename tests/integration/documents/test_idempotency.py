"""What a request with an idempotency key creates, at the services themselves."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ilios.core import clock
from ilios.core.idempotency_errors import IdempotencyKeyReused
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import IdempotencyKey
from ilios.documents import idempotency
from ilios.documents.admission import Order
from ilios.documents.idempotency import Repeatable
from ilios.documents.retention import service
from ilios.documents.retention.service import Retention
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.storage.base import ObjectStore
from tests.support import documents
from tests.support.waiting import wait_until

pytestmark = pytest.mark.both_databases

ME = "me"
Receive = Callable[..., Received]


def order(key: str = "one", content: str = "a", *, owner: str = ME) -> Order:
    return Order(owner=owner, repeatable=Repeatable(idempotency.key_of(owner, key), owner, content))


def keys(database: Database) -> set[str]:
    with database.reading() as session:
        return {row.id for row in session.query(IdempotencyKey)}


@pytest.fixture
def retention(settings: Settings, database: Database, store: ObjectStore) -> Retention:
    return Retention(settings, database, store)


@pytest.mark.parametrize("together", [False, True], ids=["alone", "batch"])
def test_of_the_same_requests_at_once_one_creates_and_the_others_keep_no_file(
    submissions: Submissions,
    receive: Receive,
    database: Database,
    stored_files: Callable[[], list[Path]],
    together: bool,
) -> None:
    def send() -> str:
        if together:
            batch, _ = submissions.submit_batch([receive(b"one")], order())
            return batch.id
        return submissions.submit(receive(b"one"), order()).id

    with ThreadPoolExecutor(3) as senders:
        with database.writing():  # all of them have looked, and stored, before one may write
            sent = [senders.submit(send) for _ in range(3)]
            wait_until(lambda: _stored(stored_files) == 3, timeout_s=25)
        created = {one.result() for one in sent}

    assert len(created) == 1
    assert len(documents.documents(database)) == len(documents.jobs(database)) == 1
    assert _stored(stored_files) == 1


def _stored(stored_files: Callable[[], list[Path]]) -> int:
    return sum("objects" in path.parts for path in stored_files())


def test_what_the_transaction_refuses_is_not_noted(
    submissions: Submissions, receive: Receive, database: Database, settings: Settings
) -> None:
    submissions.submit(receive(b"one"), order())

    with pytest.raises(IdempotencyKeyReused):
        submissions.submit(receive(b"two"), order(content="b"))
    later = submissions.submit(receive(b"two"), order("two", content="b"))

    assert {one.id for one in documents.documents(database)} > {later.id}
    assert len(keys(database)) == 2


def test_a_unit_of_work_without_a_key_is_run_as_it_is() -> None:
    def unit(_session: object) -> str:
        return "done"

    assert idempotency.once(None, unit) is unit


def test_an_owner_has_so_many_keys_and_the_oldest_are_forgotten_first(
    submissions: Submissions,
    receive: Receive,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idempotency, "KEYS_MAX", 2)
    submissions.submit(receive(b"other"), order("zero", owner="somebody else"))

    for key in ("one", "two", "three"):
        submissions.submit(receive(key.encode()), order(key))

    kept = [(ME, "two"), (ME, "three"), ("somebody else", "zero")]
    assert keys(database) == {idempotency.key_of(*one) for one in kept}


def test_keys_are_swept_after_a_day_in_portions(
    submissions: Submissions,
    receive: Receive,
    database: Database,
    retention: Retention,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "IDEMPOTENCY_KEYS_CHUNK", 2)
    for number in range(5):
        submissions.submit(receive(b"one"), order(str(number)))
    with database.writing() as session:
        newest = session.get_one(IdempotencyKey, idempotency.key_of(ME, "4"))
        newest.created_at += timedelta(hours=2)
    now = clock.now() + timedelta(hours=25)

    assert retention.preview(now).idempotency_keys == 4
    assert retention.run(now).idempotency_keys == 4
    assert keys(database) == {idempotency.key_of(ME, "4")}
    assert len(documents.documents(database)) == 5


def test_documents_of_one_request_are_all_created_or_none(
    submissions: Submissions, receive: Receive, database: Database
) -> None:
    wanted = order()
    files = [(receive(b"one"), wanted), (receive(b"\x7fELF" + bytes(100)), replace(wanted))]

    with pytest.raises(Exception, match="type"):
        submissions.submit_all(files)

    assert documents.documents(database) == []
    assert keys(database) == set()
