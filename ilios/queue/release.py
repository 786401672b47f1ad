"""Release: jobs go back to the queue, because they were not begun or their worker is gone.

Only this package writes `job_queue`. Takes a session, never commits.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from ilios.core.telemetry.tracing import Origin
from ilios.db.models import PENDING, PROCESSING, Job, JobStatus, JobType
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
    """Move processing → pending; it costs no attempt. None when the lease was lost.

    For a job that was never begun, or that we stopped.
    """
    job = session.scalar(select(Job).where(*under(lease)).with_for_update())
    if job is None:
        return None
    job.attempts -= 1
    back_to_pending(job, None)
    return _released(job)


def release_lost(
    session: Session,
    lost: ColumnElement[bool],
    error: str,
    now: datetime,
    spared: Collection[str] = (),
) -> list[Released]:
    """Release the jobs of workers that are gone: `lost` selects them among the processing ones.

    Each lost attempt counts. The first is repeated at once: the job may not be its cause. The jobs
    in `spared` have another attempt however many were lost. One that somebody else is releasing,
    or finishing, is left to them.
    """
    released = []
    processing = select(Job).where(Job.status == PROCESSING, lost)
    for job in session.scalars(processing.with_for_update(skip_locked=True)):
        if job.attempts >= job.max_attempts and job.id not in spared:
            fail_job(job, error, now)
        else:
            wait = None if job.attempts == 1 else now + retry_delay(job.attempts - 1)
            back_to_pending(job, wait)
            job.error = error
        released.append(_released(job))
    return released


def refund_attempt(session: Session, job_id: str) -> None:
    """Undo the count of a pending job's last attempt."""
    session.execute(
        update(Job)
        .where(Job.id == job_id, Job.status == PENDING, Job.attempts > 0)
        .values(attempts=Job.attempts - 1)
        .execution_options(synchronize_session=False)
    )


def end_leases(session: Session, now: datetime) -> None:
    """Expire every lease: their holders cannot reach this database any more."""
    session.execute(
        update(Job)
        .where(Job.status == PROCESSING)
        .values(lease_until=now)
        .execution_options(synchronize_session=False)
    )


def of_node(node: str) -> ColumnElement[bool]:
    """Select the jobs that any worker of this node holds."""
    return Job.worker.startswith(f"{node}/", autoescape=True)


def under_leases(leases: list[Lease]) -> ColumnElement[bool]:
    """Select the jobs under one of these leases."""
    return Job.lease_token.in_([lease.token for lease in leases])


def expired(now: datetime) -> ColumnElement[bool]:
    """Select the jobs whose lease was not renewed in time."""
    return Job.lease_until < now


def _released(job: Job) -> Released:
    origin = Origin(job.request_id, job.traceparent)
    return Released(job.id, job.document_id, job.type, job.status, origin)
