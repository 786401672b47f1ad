"""What goes back to the queue when workers or supervisors end, and what that costs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from ilios.core import data_folder
from ilios.core.errors import DatabaseBusy
from ilios.core.settings import Settings
from ilios.db.database import Database, LockTimeout
from ilios.db.driver import sqlite
from ilios.db.models import JobStatus
from ilios.db.sqlite_database import SqliteDatabase
from ilios.engines.registry import EMBEDDED
from ilios.queue.jobs import Lease
from ilios.workers.dispatcher import Dispatcher, FreeSlot, Offer
from ilios.workers.releases import PendingReleases
from tests.support import documents
from tests.support.reopening import reopened

pytestmark = pytest.mark.both_databases

NODE = "node"
AT_ONCE = LockTimeout(turn_seconds=0.1, busy_ms=10, retries=0)


@pytest.fixture
def dispatcher(database: Database) -> Iterator[Dispatcher]:
    with contextlib.closing(reopened(database, AT_ONCE)) as hasty:
        yield Dispatcher(hasty, ambiguous_retries=2)


@pytest.fixture
def claim(database: Database, dispatcher: Dispatcher) -> Callable[[], Lease]:
    def claim() -> Lease:
        documents.add_document(database)
        ((_, lease),) = dispatcher.claim(Offer([FreeSlot(EMBEDDED, f"{NODE}/worker-0")]))
        return lease

    return claim


@contextlib.contextmanager
def locked(database: Database) -> Iterator[None]:
    """Have another program write to SQLite, or another process of ours to PostgreSQL."""
    if not isinstance(database, SqliteDatabase):
        with database.writing():
            yield
        return
    with contextlib.closing(
        sqlite.connect(str(database.path), isolation_level=None)
    ) as other_program:
        other_program.execute("BEGIN IMMEDIATE")
        yield


def test_a_job_that_was_begun_costs_an_attempt_and_one_that_was_not_costs_none(
    settings: Settings, database: Database, dispatcher: Dispatcher, claim: Callable[[], Lease]
) -> None:
    releases = PendingReleases(settings, NODE, dispatcher)
    releases.release()
    begun, not_begun = claim(), claim()

    releases.add_lost([begun])
    releases.add_unharmed([not_begun])
    releases.release()

    assert documents.job(database, begun.job_id).attempts == 1
    assert documents.job(database, not_begun.job_id).attempts == 0
    assert {job.status for job in documents.jobs(database)} == {JobStatus.PENDING}


def test_what_a_locked_database_does_not_take_is_kept_for_the_next_supervisor(
    settings: Settings, database: Database, dispatcher: Dispatcher, claim: Callable[[], Lease]
) -> None:
    releases = PendingReleases(settings, NODE, dispatcher)
    releases.release()
    lease = claim()
    releases.add_unharmed([lease])

    with locked(database):
        with pytest.raises(DatabaseBusy):
            releases.release()
        releases.keep()
    PendingReleases(settings, NODE, dispatcher).release()

    job = documents.job(database, lease.job_id)
    assert (job.status, job.attempts) == (JobStatus.PENDING, 0)
    assert not data_folder.interrupted(settings).exists()
