"""What happens to jobs without their worker's doing: given back, cancelled, hastened, moved.

Beside ilios.queue.jobs, this module alone writes `job_queue`. Takes a session, never commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from ilios.core.telemetry.tracing import Origin
from ilios.db.models import CANCELLED, PENDING, PROCESSING, Job, JobStatus, JobType, ProviderBatch
from ilios.queue import priority as ranks
from ilios.queue import queries
from ilios.queue.backoff import retry_delay
from ilios.queue.jobs import Lease, back_to_pending, fail_job, under


@dataclass(frozen=True, slots=True)
class Released:
    """A job that went back to `pending`, or to `failed` when its attempts were used up."""

    job_id: str
    document_id: str | None
    type: JobType
    status: JobStatus
    origin: Origin


def give_back(session: Session, lease: Lease) -> Released | None:
    """processing → pending without costing an attempt.

    For a job that was never begun, or was stopped by us. None when the lease was lost.
    """
    job = session.scalar(select(Job).where(*under(lease)))
    if job is None:
        return None
    job.attempts -= 1
    back_to_pending(job, None)
    return _released(job)


def release_lost(
    session: Session, lost: ColumnElement[bool], error: str, now: datetime
) -> list[Released]:
    """Give back the jobs of workers that are gone: `lost` selects them among the processing ones.

    Each lost attempt counts. The first is repeated at once, since the job need not be to blame.
    """
    released = []
    for job in session.scalars(select(Job).where(Job.status == PROCESSING, lost)):
        if job.attempts >= job.max_attempts:
            fail_job(job, error, now)
        else:
            wait = None if job.attempts == 1 else now + retry_delay(job.attempts - 1)
            back_to_pending(job, wait)
            job.error = error
        released.append(_released(job))
    return released


def forgive(session: Session, job_id: str) -> None:
    """Take back the attempt that a pending job was charged with."""
    session.execute(
        update(Job)
        .where(Job.id == job_id, Job.status == PENDING, Job.attempts > 0)
        .values(attempts=Job.attempts - 1)
        .execution_options(synchronize_session=False)
    )


def drop(session: Session, job_id: str, error: str, now: datetime) -> None:
    """pending → failed for one job."""
    _drop(session, Job.id == job_id, error, now)


def drop_waiting(session: Session, document_id: str, error: str, now: datetime) -> None:
    """pending → failed for what is left of a document that cannot be completed any more."""
    _drop(session, Job.document_id == document_id, error, now)


def cancel(session: Session, document_id: str, now: datetime) -> None:
    """pending | processing → cancelled for all jobs of a document that nobody waits for any more.

    A worker that is at one of them loses its lease; `let_go` notes when it has stopped.
    """
    session.execute(
        update(Job)
        .where(Job.document_id == document_id, Job.status.in_(queries.OPEN))
        .values(
            status=JobStatus.CANCELLED,
            lease_token=None,
            lease_until=None,
            scheduled_at=None,
            completed_at=now,
        )
        .execution_options(synchronize_session=False)
    )


def hurry_batch(session: Session, batch_id: str) -> None:
    """Let the provider's batch lane look at once at a batch that was cancelled."""
    of_batch = select(ProviderBatch.id).where(ProviderBatch.batch_id == batch_id)
    session.execute(
        update(Job)
        .where(
            Job.provider_batch_id.in_(of_batch),
            Job.status == PENDING,
            Job.scheduled_at.is_not(None),  # says what the partial index says
        )
        .values(scheduled_at=None)
        .execution_options(synchronize_session=False)
    )


def let_go(session: Session, job_ids: list[str]) -> None:
    """Note that no worker is at these cancelled jobs any more."""
    session.execute(
        update(Job)
        .where(Job.id.in_(job_ids), Job.status == CANCELLED, Job.worker.is_not(None))
        .values(worker=None)
        .execution_options(synchronize_session=False)
    )


def silence(session: Session, document_id: str) -> None:
    """Forget what went wrong with the jobs of a document: the words may quote it."""
    session.execute(
        update(Job)
        .where(Job.document_id == document_id, Job.error.is_not(None))
        .values(error=None)
        .execution_options(synchronize_session=False)
    )


def clear_away(session: Session, document_id: str) -> None:
    """Remove the jobs of a document that have ended, for new ones begin with fresh attempts."""
    session.execute(
        delete(Job).where(
            Job.document_id == document_id,
            Job.status.not_in(queries.OPEN),
            or_(Job.status != JobStatus.CANCELLED, Job.worker.is_(None)),
        )
    )


def hasten(session: Session, document_id: str, priority: int, now: datetime) -> None:
    """Let what waits for a document go as early as a job of this priority would, if not earlier."""
    waiting = session.scalars(
        select(Job).where(
            Job.document_id == document_id, Job.status == PENDING, Job.priority < priority
        )
    )
    for job in waiting:
        job.rank = min(job.rank, ranks.next_rank(session, job.lane, job.owner, priority, now))
        job.priority = priority


def move_to_lane(session: Session, lane: str, others: ColumnElement[bool]) -> int:
    """Let another engine do the waiting jobs that `others` selects; returns how many."""
    moved = session.execute(
        update(Job)
        .where(Job.status == PENDING, Job.lane != lane, Job.type == JobType.CONVERT, others)
        .values(lane=lane)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    return len(moved.all())


def end_leases(session: Session, now: datetime) -> None:
    """Let every lease end: whoever held them cannot reach this database any more."""
    session.execute(
        update(Job)
        .where(Job.status == PROCESSING)
        .values(lease_until=now)
        .execution_options(synchronize_session=False)
    )


def of_node(node: str) -> ColumnElement[bool]:
    """Jobs that any worker of this node holds."""
    return Job.worker.startswith(f"{node}/", autoescape=True)


def under_leases(leases: list[Lease]) -> ColumnElement[bool]:
    """Jobs under one of these leases."""
    return Job.lease_token.in_([lease.token for lease in leases])


def expired(now: datetime) -> ColumnElement[bool]:
    """Jobs whose lease nobody has renewed in time."""
    return Job.lease_until < now


def _drop(session: Session, which: ColumnElement[bool], error: str, now: datetime) -> None:
    session.execute(
        update(Job)
        .where(which, Job.status == PENDING)
        .values(status=JobStatus.FAILED, error=error, completed_at=now)
        .execution_options(synchronize_session=False)
    )


def _released(job: Job) -> Released:
    origin = Origin(job.request_id, job.traceparent)
    return Released(job.id, job.document_id, job.type, job.status, origin)
