"""The job queue: who goes next, who holds what, what happens when it ends.

This module alone writes `job_queue`. It takes a session and never commits. Every UPDATE names the
status and the lease that it leaves; when no row changes, somebody else owns the job now.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.orm import Session

from ilios import ids, ranks
from ilios.errors import LeaseLost
from ilios.models import PENDING, PROCESSING, Job, JobStatus

MIN_PRIORITY = 1
MAX_PRIORITY = 10  #: the most urgent
DEFAULT_PRIORITY = 5
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 3
MAX_CRASHES = 2  #: parser children that one document may take with it
RETRY_BASE_SECONDS = 5
RETRY_JITTER = 0.2

# Prepared once: every submission waits for the one before it to leave the write lock.
_INSERT = insert(Job)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job: its id, and the token that was drawn for this claim."""

    job_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Released:
    """A job that went back to `pending`, or to `failed` when its attempts were used up."""

    job_id: str
    document_id: str
    status: JobStatus


def enqueue(session: Session, *, document_id: str, owner: str, priority: int, now: datetime) -> str:
    """Add a job that is ready at once; returns its id."""
    job_id = ids.new_id()
    session.connection().execute(
        _INSERT,
        {
            "id": job_id,
            "document_id": document_id,
            "owner": owner,
            "type": "convert",
            "status": JobStatus.PENDING,
            "priority": priority,
            "rank": ranks.next_rank(session, owner, priority, now),
            "attempts": 0,
            "max_attempts": MAX_ATTEMPTS,
            "crashes": 0,
            "created_at": now,
        },
    )
    return job_id


def claim(session: Session, worker: str, now: datetime) -> Lease | None:
    """Take the ready job of the lowest rank; None when nothing is ready."""
    first = (
        select(Job.id)
        .where(Job.status == PENDING, Job.scheduled_at.is_(None))
        .order_by(Job.rank, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    token = ids.new_id()
    job_id = session.scalar(
        update(Job)
        .where(Job.id == first)
        .values(
            status=JobStatus.PROCESSING,
            lease_token=token,
            lease_until=now + LEASE,
            worker=worker,
            started_at=now,
            attempts=Job.attempts + 1,
        )
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    return None if job_id is None else Lease(job_id, token)


def anything_ready(session: Session) -> bool:
    """Whether a claim would find a job; takes no lock."""
    ready = select(Job.id).where(Job.status == PENDING, Job.scheduled_at.is_(None)).limit(1)
    return session.scalar(ready) is not None


def anything_due(session: Session, now: datetime) -> bool:
    """Whether a delayed job's time has come; takes no lock."""
    due = select(Job.id).where(Job.status == PENDING, Job.scheduled_at <= now).limit(1)
    return session.scalar(due) is not None


def anything_expired(session: Session, now: datetime) -> bool:
    """Whether a lease has run out; takes no lock."""
    late = select(Job.id).where(Job.status == PROCESSING, Job.lease_until < now).limit(1)
    return session.scalar(late) is not None


def promote_due(session: Session, now: datetime) -> int:
    """Make delayed jobs ready whose time has come; returns how many."""
    promoted = session.execute(
        update(Job)
        .where(Job.status == PENDING, Job.scheduled_at <= now)
        .values(scheduled_at=None)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    return len(promoted.all())


def extend(session: Session, leases: list[Lease], now: datetime) -> None:
    """Heartbeat: push the end of these leases on. One that was lost is left alone."""
    session.execute(
        update(Job)
        .where(Job.lease_token.in_([lease.token for lease in leases]), Job.status == PROCESSING)
        .values(lease_until=now + LEASE)
        .execution_options(synchronize_session=False)
    )


def held(session: Session, lease: Lease) -> Job:
    """The job under this lease.

    Raises LeaseLost when the lease is not the job's present one.
    """
    job = session.scalar(select(Job).where(*_under(lease)))
    if job is None:
        raise LeaseLost(f"Job {lease.job_id} is no longer under this lease.")
    return job


def finish(session: Session, lease: Lease, now: datetime) -> None:
    """processing → completed. Raises LeaseLost."""
    job = held(session, lease)
    _leave(job, JobStatus.COMPLETED)
    job.completed_at = now


def fail(session: Session, lease: Lease, error: str, now: datetime) -> None:
    """processing → failed, for good. Raises LeaseLost."""
    _fail(held(session, lease), error, now)


def retry(session: Session, lease: Lease, error: str, now: datetime) -> JobStatus:
    """processing → pending after a wait; → failed when the attempts are used up.

    Returns the new status. Raises LeaseLost.
    """
    job = held(session, lease)
    if job.attempts >= job.max_attempts:
        _fail(job, error, now)
    else:
        _back_to_pending(job, now + retry_delay(job.attempts))
        job.error = error
    return job.status


def count_crash(session: Session, lease: Lease) -> int:
    """Note that a parser child died of this job; returns how many have. Raises LeaseLost."""
    job = held(session, lease)
    job.crashes += 1
    return job.crashes


def give_back(session: Session, lease: Lease) -> str | None:
    """processing → pending without costing an attempt; returns the document's id.

    For a job that was never begun, or was stopped by us. None when the lease was lost.
    """
    job = session.scalar(select(Job).where(*_under(lease)))
    if job is None:
        return None
    job.attempts -= 1
    _back_to_pending(job, None)
    return job.document_id


def release_lost(
    session: Session, lost: ColumnElement[bool], error: str, now: datetime
) -> list[Released]:
    """Give back the jobs of workers that are gone: `lost` selects them among the processing ones.

    Each lost attempt counts. The first is repeated at once, since the job need not be to blame.
    """
    released = []
    for job in session.scalars(select(Job).where(Job.status == PROCESSING, lost)):
        if job.attempts >= job.max_attempts:
            _fail(job, error, now)
        else:
            wait = None if job.attempts == 1 else now + retry_delay(job.attempts - 1)
            _back_to_pending(job, wait)
            job.error = error
        released.append(Released(job.id, job.document_id, job.status))
    return released


def of_node(node: str) -> ColumnElement[bool]:
    """Jobs that any worker of this node holds."""
    return Job.worker.startswith(f"{node}/", autoescape=True)


def under_leases(leases: list[Lease]) -> ColumnElement[bool]:
    """Jobs under one of these leases."""
    return Job.lease_token.in_([lease.token for lease in leases])


def expired(now: datetime) -> ColumnElement[bool]:
    """Jobs whose lease nobody has renewed in time."""
    return Job.lease_until < now


def position(session: Session, job: Job) -> int:
    """How many of the owner's own waiting jobs go before this one."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Job)
            .where(
                Job.status == PENDING,
                Job.owner == job.owner,
                Job.priority.between(MIN_PRIORITY, MAX_PRIORITY),
                Job.rank < job.rank,
            )
        )
        or 0
    )


def oldest_ready(session: Session) -> datetime | None:
    """When the job that goes next was enqueued; None when nothing is ready."""
    return session.scalar(
        select(Job.created_at)
        .where(Job.status == PENDING, Job.scheduled_at.is_(None))
        .order_by(Job.rank, Job.id)
        .limit(1)
    )


def retry_delay(attempts: int) -> timedelta:
    """Wait before the next attempt: 5 s, 10 s, 20 s … with ±20 % jitter.

    Raises ValueError if attempts < 1.
    """
    if attempts < 1:
        raise ValueError("attempts must be at least 1")
    jitter = random.uniform(1 - RETRY_JITTER, 1 + RETRY_JITTER)  # noqa: S311  # not a secret
    return timedelta(seconds=RETRY_BASE_SECONDS * 2 ** (attempts - 1) * jitter)


def _under(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return Job.id == lease.job_id, Job.status == PROCESSING, Job.lease_token == lease.token


def _leave(job: Job, status: JobStatus) -> None:
    job.status = status
    job.lease_token = job.lease_until = job.worker = None


def _back_to_pending(job: Job, scheduled_at: datetime | None) -> None:
    _leave(job, JobStatus.PENDING)
    job.scheduled_at = scheduled_at
    job.started_at = None


def _fail(job: Job, error: str, now: datetime) -> None:
    _leave(job, JobStatus.FAILED)
    job.error = error
    job.completed_at = now
