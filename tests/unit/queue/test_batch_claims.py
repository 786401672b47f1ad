"""Several jobs are claimed by one statement as they would be one by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from ilios.db.database import Database, Scope
from ilios.db.models import Job, JobStatus
from ilios.engines.registry import EMBEDDED
from ilios.queue import batch_claims, jobs
from ilios.queue.jobs import Lease
from tests.support import documents

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def claim(database: Database, at_most: int) -> list[Lease]:
    with database.writing(Scope.ROWS) as session:
        return batch_claims.claim(session, EMBEDDED, "node/worker-0", NOON, at_most)


def add(database: Database, *, priority: int = 5, seconds: int = 0, owner: str = "a") -> str:
    now = NOON + timedelta(seconds=seconds)
    return documents.add_document(database, owner=owner, priority=priority, now=now)[1]


def test_the_lowest_ranks_go_first_and_no_more_than_asked_for(database: Database) -> None:
    last, first = add(database, seconds=1), add(database, priority=9, seconds=2)
    add(database, priority=1, seconds=3)

    assert [lease.job_id for lease in claim(database, 2)] == [first, last]
    assert len(claim(database, 2)) == 1
    assert claim(database, 2) == []


def test_each_job_is_under_a_lease_of_its_own(database: Database) -> None:
    for _ in range(3):
        add(database)

    leases = claim(database, 3)

    assert len({lease.token for lease in leases}) == 3
    for lease in leases:
        job = documents.job(database, lease.job_id)
        assert (job.status, job.attempts) == (JobStatus.PROCESSING, 1)
        assert (job.worker, job.lease_token) == ("node/worker-0", lease.token)
        assert (job.started_at, job.lease_until) == (NOON, NOON + jobs.LEASE)
    with database.writing() as session:
        jobs.finish(session, leases[1], NOON)
    assert [documents.job(database, lease.job_id).status for lease in leases] == [
        JobStatus.PROCESSING,
        JobStatus.COMPLETED,
        JobStatus.PROCESSING,
    ]


def test_a_delayed_job_waits(database: Database) -> None:
    job_id = add(database)
    with database.writing() as session:
        session.execute(update(Job).values(scheduled_at=NOON + timedelta(seconds=1)))
    assert claim(database, 1) == []

    with database.writing() as session:
        jobs.promote_due(session, NOON + timedelta(seconds=1))

    assert [lease.job_id for lease in claim(database, 1)] == [job_id]


def test_many_at_once_take_every_job_exactly_once(database: Database) -> None:
    added = {add(database, owner=f"owner-{number % 7}") for number in range(60)}

    def claim_all(_: int) -> list[str]:
        taken: list[str] = []
        while found := claim(database, 4):
            taken += [lease.job_id for lease in found]
        return taken

    with ThreadPoolExecutor(4) as threads:
        taken = [job_id for some in threads.map(claim_all, range(4)) for job_id in some]

    assert len(taken) == 60
    assert set(taken) == added
