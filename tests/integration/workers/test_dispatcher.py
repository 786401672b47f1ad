"""Jobs that the dispatcher releases, and those that it does not."""

from __future__ import annotations

import itertools

import pytest

from ilios.core import clock
from ilios.db.database import Database, Scope
from ilios.db.models import JobStatus
from ilios.db.sqlite_database import SqliteDatabase
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs, pause
from ilios.queue.jobs import Lease
from ilios.workers.dispatcher import Dispatcher, FreeSlot, Offer
from tests.support import documents

pytestmark = pytest.mark.both_databases


@pytest.fixture
def dispatcher(database: SqliteDatabase) -> Dispatcher:
    return Dispatcher(database, ambiguous_retries=2)


@pytest.fixture
def lease(database: SqliteDatabase, dispatcher: Dispatcher) -> Lease:
    """Provide the lease of a job that a worker has."""
    documents.add_document(database)
    ((_, lease),) = dispatcher.claim(Offer([FreeSlot(EMBEDDED, "node/worker-0")]))
    return lease


@pytest.fixture
def sluggish(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the process for longer than a lease between any two looks at the clock."""
    begun = clock.now()
    stops = itertools.count(1)
    monkeypatch.setattr(clock, "now", lambda: begun + next(stops) * 2 * jobs.LEASE)


@pytest.mark.usefixtures("sluggish")
def test_a_job_that_a_live_worker_holds_stays_there_however_long_the_renewal_takes(
    database: SqliteDatabase, dispatcher: Dispatcher, lease: Lease
) -> None:
    dispatcher.renew([lease])

    job = documents.job(database, lease.job_id)
    assert (job.status, job.lease_token) == (JobStatus.PROCESSING, lease.token)


@pytest.mark.usefixtures("sluggish")
def test_a_job_whose_lease_is_not_renewed_is_given_back(
    database: SqliteDatabase, dispatcher: Dispatcher, lease: Lease
) -> None:
    dispatcher.renew([])

    assert documents.job(database, lease.job_id).status is JobStatus.PENDING


def test_a_pause_that_comes_after_the_gate_was_asked_keeps_the_job_waiting(
    database: SqliteDatabase, dispatcher: Dispatcher
) -> None:
    documents.add_document(database)
    with database.writing() as session:
        pause.pause(session, clock.now())

    assert dispatcher.claim(Offer([FreeSlot(EMBEDDED, "node/worker-0")])) == []


ORDINARY = FreeSlot(EMBEDDED, "node/worker-0")
GUEST = FreeSlot(EMBEDDED, "node/worker-0", is_for_guest=True)


def owners(claimed: list[tuple[FreeSlot, Lease]]) -> list[str]:
    return [lease.owner for _, lease in claimed]


def test_one_owner_takes_no_guest_place_and_the_next_one_does(
    database: SqliteDatabase, dispatcher: Dispatcher
) -> None:
    for _ in range(10):
        documents.add_document(database, owner="a")
    assert owners(dispatcher.claim(Offer([ORDINARY, GUEST, GUEST]))) == ["a"]

    documents.add_document(database, owner="b")
    documents.add_document(database, owner="b")

    assert owners(dispatcher.claim(Offer([GUEST, GUEST], {EMBEDDED: {"a"}}))) == ["b"]
    assert owners(dispatcher.claim(Offer([GUEST], {EMBEDDED: {"a", "b"}}))) == []


def test_free_guest_places_alone_take_no_write_lock_for_the_owner_at_work(
    database: SqliteDatabase, dispatcher: Dispatcher
) -> None:
    for _ in range(3):
        documents.add_document(database, owner="a")
    dispatcher.claim(Offer([ORDINARY]))

    with database.writing():  # who would wait for it here would wait for ever
        assert dispatcher.claim(Offer([GUEST], {EMBEDDED: {"a"}})) == []


def test_places_that_became_free_during_the_wait_for_the_lock_are_filled_at_once(
    database: SqliteDatabase, dispatcher: Dispatcher
) -> None:
    for _ in range(3):
        documents.add_document(database)

    claimed = dispatcher.claim(Offer([ORDINARY]), lambda: Offer([ORDINARY, ORDINARY]))

    assert len(claimed) == 2


@pytest.mark.only_sqlite
def test_claims_alone_go_to_the_connection_that_syncs_none(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Database] = []
    writing = SqliteDatabase.writing

    def noted(self: SqliteDatabase, *scope: Scope) -> object:
        written.append(self)
        return writing(self, *scope)

    claims = SqliteDatabase(database.path, "NORMAL")
    dispatcher = Dispatcher(database, ambiguous_retries=2, claims=claims)
    documents.add_document(database)
    monkeypatch.setattr(SqliteDatabase, "writing", noted)

    ((_, lease),) = dispatcher.claim(Offer([ORDINARY]))
    dispatcher.give_back([lease])

    assert written == [claims, database]
    assert documents.job(database, lease.job_id).status is JobStatus.PENDING
    claims.close()
