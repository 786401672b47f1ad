"""What happens at once on PostgreSQL, and cannot on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import pytest

from ilios.core import clock
from ilios.core.errors import LeaseLost
from ilios.db.database import Scope
from ilios.db.models import JobStatus
from ilios.db.postgres.database import PostgresDatabase
from ilios.engines.registry import EMBEDDED
from ilios.queue import batch_claims, jobs, release
from tests.postgres_server.process import PostgresServer
from tests.support import documents

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NODE = "node/worker-0"


@pytest.fixture
def database(postgres_server: PostgresServer, postgres_template: str) -> Iterator[PostgresDatabase]:
    with (
        postgres_server.database(postgres_template) as name,
        closing(PostgresDatabase(postgres_server.url(name))) as database,
    ):
        yield database
    clock.follow(None)


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
