"""Claims, leases and results at once on PostgreSQL, where SQLite has one writer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from ilios.core.errors import LeaseLost
from ilios.db.database import Scope
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Job, JobStatus
from ilios.db.postgres.database import PostgresDatabase
from ilios.documents import repository
from ilios.engines.registry import EMBEDDED
from ilios.queue import batch_claims, jobs, queries, release
from tests.support import documents
from tests.support.racing import TIMEOUT_S

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NODE = "node/worker-0"


def test_a_claim_passes_over_what_another_is_about_to_claim(database: PostgresDatabase) -> None:
    first, second, third = (documents.add_document(database, now=NOON)[1] for _ in range(3))

    with database.writing(Scope.ROWS) as one, database.writing(Scope.ROWS) as other:
        (a,) = batch_claims.claim(one, EMBEDDED, NODE, NOON, 1)
        (b,) = batch_claims.claim(other, EMBEDDED, NODE, NOON, 1)
        c = jobs.claim(one, EMBEDDED, NODE, NOON)
        assert batch_claims.claim(other, EMBEDDED, NODE, NOON, 9) == []

    assert c is not None
    assert [a.job_id, b.job_id, c.job_id] == [first, second, third]


def test_a_claim_that_is_rolled_back_leaves_the_job_to_the_next(database: PostgresDatabase) -> None:
    job_id = documents.add_document(database, now=NOON)[1]

    with suppress(ZeroDivisionError), database.writing(Scope.ROWS) as session:
        batch_claims.claim(session, EMBEDDED, NODE, NOON, 1)
        raise ZeroDivisionError

    with database.writing(Scope.ROWS) as session:
        (lease,) = batch_claims.claim(session, EMBEDDED, NODE, NOON, 1)
    assert lease.job_id == job_id


def test_a_job_that_is_being_finished_is_not_released_as_lost(database: PostgresDatabase) -> None:
    documents.add_document(database, now=NOON)
    with database.writing() as session:
        lease = jobs.claim(session, EMBEDDED, NODE, NOON)
    assert lease is not None
    later = NOON + 2 * jobs.LEASE

    with database.writing(Scope.ROWS) as finishing:
        jobs.require_held(finishing, lease)
        with database.writing(Scope.ROWS) as other:
            lost = release.release_lost(other, release.expired(later), "gone", later)
        jobs.finish(finishing, lease, later)

    assert lost == []
    assert documents.job(database, lease.job_id).status is JobStatus.COMPLETED


def test_a_result_under_a_lease_that_was_released_is_fenced(database: PostgresDatabase) -> None:
    documents.add_document(database, now=NOON)
    with database.writing() as session:
        lease = jobs.claim(session, EMBEDDED, NODE, NOON)
    assert lease is not None
    later = NOON + jobs.LEASE + timedelta(seconds=1)
    with database.writing(Scope.ROWS) as session:
        (released,) = release.release_lost(session, release.expired(later), "gone", later)

    with pytest.raises(LeaseLost), database.writing(Scope.ROWS) as session:
        jobs.require_held(session, lease)

    assert released.job_id == lease.job_id
    assert documents.job(database, lease.job_id).status is JobStatus.PENDING


def test_a_heartbeat_waits_for_no_job_that_is_being_finished(database: PostgresDatabase) -> None:
    for _ in range(2):
        documents.add_document(database, now=NOON)
    with database.writing() as session:
        leases = batch_claims.claim(session, EMBEDDED, NODE, NOON, 2)
    later = NOON + timedelta(seconds=20)

    with database.writing(Scope.ROWS) as finishing:
        jobs.finish(finishing, leases[0], later)
        with database.writing(Scope.ROWS) as heartbeat:  # holds the lease of the other one
            jobs.extend(heartbeat, leases, later)
        jobs.finish(finishing, leases[1], later)

    with database.reading() as session:
        assert queries.depths(session)["running"] == 0


def test_a_heartbeat_extends_all_other_leases(database: PostgresDatabase) -> None:
    for _ in range(2):
        documents.add_document(database, now=NOON)
    with database.writing() as session:
        leases = batch_claims.claim(session, EMBEDDED, NODE, NOON, 2)
    later = NOON + timedelta(seconds=20)

    with database.writing(Scope.ROWS) as session:
        jobs.extend(session, leases[:1], later)

    untils = [documents.job(database, lease.job_id).lease_until for lease in leases]
    assert untils == [later + jobs.LEASE, NOON + jobs.LEASE]


def test_delayed_jobs_that_another_makes_ready_are_left_to_it(database: PostgresDatabase) -> None:
    documents.add_document(database, now=NOON)
    with database.writing() as session:
        session.execute(update(Job).values(scheduled_at=NOON))

    with database.writing(Scope.ROWS) as one, database.writing(Scope.ROWS) as other:
        assert jobs.promote_due(one, NOON) == 1
        assert jobs.promote_due(other, NOON) == 0


def test_units_that_wait_for_each_other_are_both_written(
    database: PostgresDatabase, thread: ThreadPoolExecutor
) -> None:
    one, other = (documents.add_document(database, now=NOON)[0] for _ in range(2))
    meet = threading.Barrier(2)
    runs: list[str] = []

    def locks(first: str, second: str) -> Callable[[Session], None]:
        def unit(session: Session) -> None:
            runs.append(first)
            repository._LOCK.run(session, of_document=first)
            if len(runs) <= 2:
                meet.wait(30)
            repository._LOCK.run(session, of_document=second)

        return unit

    written = thread.submit(GroupCommit(database).write, locks(other, one), scope=Scope.ROWS)
    GroupCommit(database).write(locks(one, other), scope=Scope.ROWS)
    written.result(TIMEOUT_S)

    assert len(runs) == 3
