"""The order of jobs, their leases and their ends, on a real database file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ilios.core.errors import LeaseLost
from ilios.core.telemetry import tracing
from ilios.core.telemetry.tracing import Origin
from ilios.db.database import Database
from ilios.db.models import JobStatus
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs, queries, release
from ilios.queue.jobs import Lease
from tests.support import documents

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def claim(database: Database, now: datetime = NOON) -> Lease:
    with database.writing() as session:
        lease = jobs.claim(session, EMBEDDED, "node/worker-0", now)
    assert lease is not None
    return lease


def claim_order(database: Database) -> list[str]:
    order = []
    with database.writing() as session:
        while lease := jobs.claim(session, EMBEDDED, "node/worker-0", NOON):
            order.append(lease.job_id)
    return order


def add(
    database: Database, *, owner: str = "a", priority: int = 5, after: timedelta = timedelta()
) -> str:
    return documents.add_document(database, owner=owner, priority=priority, now=NOON + after)[1]


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_a_claim_takes_the_oldest_job_and_marks_it(database: Database) -> None:
    first = add(database)
    add(database, after=minutes(1))

    lease = claim(database)

    job = documents.job(database, first)
    assert lease.job_id == first
    assert (job.status, job.attempts, job.worker) == (JobStatus.PROCESSING, 1, "node/worker-0")
    assert (job.lease_token, job.lease_until) == (lease.token, NOON + jobs.LEASE)


def test_a_job_and_its_ranges_keep_the_request_that_they_go_back_to(database: Database) -> None:
    origin = Origin("request", tracing.continue_trace(None))
    document_id, _ = documents.add_document(database, owner="a", now=NOON)
    claim(database)
    with database.writing() as session:
        jobs.enqueue(
            session,
            document_id=document_id,
            owner="a",
            lane=EMBEDDED,
            priority=5,
            now=NOON,
            origin=origin,
        )
    whole = claim(database)
    with database.writing() as session:
        jobs.enqueue_ranges(session, jobs.held(session, whole), [(0, 1)], NOON)

    assert [whole.origin, claim(database).origin] == [origin, origin]


def test_an_empty_queue_gives_nothing(database: Database) -> None:
    with database.writing() as session:
        assert jobs.claim(session, EMBEDDED, "node/worker-0", NOON) is None


def test_a_delayed_job_is_claimed_only_after_its_time(database: Database) -> None:
    job_id = add(database)
    lease = claim(database)
    with database.writing() as session:
        jobs.retry(session, lease, "again", NOON)
    due = documents.job(database, job_id).scheduled_at
    assert due is not None

    with database.writing() as session:
        assert jobs.claim(session, EMBEDDED, "node/worker-0", NOON) is None
        assert jobs.promote_due(session, due - timedelta(seconds=1)) == 0
        assert jobs.promote_due(session, due) == 1
        assert jobs.claim(session, EMBEDDED, "node/worker-0", NOON) is not None


def test_a_more_urgent_job_goes_first(database: Database) -> None:
    later = add(database, priority=5)
    sooner = add(database, priority=10, after=minutes(1))

    assert claim_order(database) == [sooner, later]


def test_urgency_ages_ten_minutes_a_step(database: Database) -> None:
    humble = add(database, owner="a", priority=4)
    urgent = add(database, owner="b", priority=5, after=minutes(9))
    too_late = add(database, owner="c", priority=5, after=minutes(21))

    assert claim_order(database) == [urgent, humble, too_late]


def test_owners_take_turns_however_much_one_of_them_enqueues(database: Database) -> None:
    greedy = [add(database, owner="greedy") for _ in range(50)]
    for _ in range(20):
        claim(database)
    modest = add(database, owner="modest", after=minutes(1))

    assert claim_order(database).index(modest) <= 1
    assert len(greedy) == 50


def test_an_urgent_job_overtakes_its_owners_own_backlog(database: Database) -> None:
    for _ in range(30):
        add(database, priority=5)
    urgent = add(database, priority=10)

    assert claim_order(database)[0] == urgent


def test_a_step_of_priority_is_worth_ten_jobs_of_the_same_owner(database: Database) -> None:
    many = [add(database, owner="many", priority=6) for _ in range(30)]
    humble = add(database, owner="humble", priority=5)

    assert claim_order(database).index(humble) in range(10, 13)
    assert len(many) == 30


def test_finishing_needs_the_present_lease(database: Database) -> None:
    job_id = add(database)
    stale = claim(database)
    with database.writing() as session:
        release.give_back(session, stale)
    present = claim(database)

    with pytest.raises(LeaseLost), database.writing() as session:
        jobs.finish(session, stale, NOON)
    with database.writing() as session:
        jobs.finish(session, present, NOON)

    assert documents.job(database, job_id).status is JobStatus.COMPLETED


def test_giving_back_costs_no_attempt(database: Database) -> None:
    job_id = add(database)
    lease = claim(database)

    with database.writing() as session:
        release.give_back(session, lease)

    job = documents.job(database, job_id)
    assert (job.status, job.attempts, job.lease_token) == (JobStatus.PENDING, 0, None)


def test_giving_back_a_lost_lease_changes_nothing(database: Database) -> None:
    job_id = add(database)
    lease = claim(database)

    with database.writing() as session:
        assert release.give_back(session, Lease(lease.job_id, "x" * 24)) is None

    assert documents.job(database, job_id).status is JobStatus.PROCESSING


def test_the_third_failure_is_final(database: Database) -> None:
    job_id = add(database)
    outcomes = []
    for attempt in range(3):
        now = NOON + minutes(attempt)
        with database.writing() as session:
            jobs.promote_due(session, now)
        lease = claim(database, now)
        with database.writing() as session:
            outcomes.append(jobs.retry(session, lease, "broken", now))

    assert outcomes == [JobStatus.PENDING, JobStatus.PENDING, JobStatus.FAILED]
    assert documents.job(database, job_id).error == "broken"


def test_a_lost_job_is_ready_at_once_and_keeps_its_attempt(database: Database) -> None:
    job_id = add(database)
    lease = claim(database)

    with database.writing() as session:
        (released,) = release.release_lost(session, release.under_leases([lease]), "lost", NOON)

    job = documents.job(database, job_id)
    assert released.status is JobStatus.PENDING
    assert (job.status, job.attempts, job.scheduled_at) == (JobStatus.PENDING, 1, None)


def test_a_job_that_is_lost_three_times_fails(database: Database) -> None:
    job_id = add(database)
    for attempt in range(3):
        now = NOON + minutes(attempt)
        with database.writing() as session:
            jobs.promote_due(session, now)
        lease = claim(database, now)
        with database.writing() as session:
            release.release_lost(session, release.under_leases([lease]), "lost", now)

    assert documents.job(database, job_id).status is JobStatus.FAILED


def test_only_the_jobs_of_the_node_are_released(database: Database) -> None:
    mine, others = add(database), add(database)
    with database.writing() as session:
        jobs.claim(session, EMBEDDED, "mine/worker-0", NOON)
        jobs.claim(session, EMBEDDED, "mine-too/worker-0", NOON)
        release.release_lost(session, release.of_node("mine"), "lost", NOON)

    assert documents.job(database, mine).status is JobStatus.PENDING
    assert documents.job(database, others).status is JobStatus.PROCESSING


def test_a_lease_that_is_extended_does_not_expire(database: Database) -> None:
    add(database)
    lease = claim(database)
    later = NOON + jobs.LEASE

    with database.writing() as session:
        jobs.extend(session, [lease], NOON + timedelta(seconds=30))
        assert not queries.anything_expired(session, later + timedelta(seconds=1))
        assert queries.anything_expired(session, later + timedelta(seconds=31))


def test_the_position_counts_only_the_owners_own_jobs(database: Database) -> None:
    for _ in range(3):
        add(database, owner="other")
    add(database, owner="me")
    job_id = add(database, owner="me")

    assert documents.position(database, job_id) == 1
