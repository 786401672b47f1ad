"""What waits in the queue, and how much of it: questions that change nothing and take no lock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from ilios.db.models import CANCELLED, PENDING, PROCESSING, Job, JobStatus
from ilios.queue import jobs

OPEN: Final = (JobStatus.PENDING, JobStatus.PROCESSING)

# Prepared once: asked at every turn of the supervisor.
_READY = (
    select(Job.id, Job.created_at)
    .where(Job.lane == bindparam("in_lane"), Job.status == PENDING, Job.scheduled_at.is_(None))
    .order_by(Job.rank, Job.id)
    .limit(1)
)
_LET_GO = select(Job.id).where(
    Job.status == CANCELLED,
    Job.worker.is_not(None),
    Job.worker.between(bindparam("first"), bindparam("last")),
)
_DUE = select(Job.id).where(Job.status == PENDING, Job.scheduled_at <= bindparam("moment")).limit(1)


_DEPTHS = {
    "ready": (Job.status == PENDING, Job.scheduled_at.is_(None)),
    "delayed": (Job.status == PENDING, Job.scheduled_at.is_not(None)),
    "running": (Job.status == PROCESSING,),
}
_DEPTH = {
    state: select(func.count()).select_from(Job).where(*which) for state, which in _DEPTHS.items()
}


def depths(session: Session) -> dict[str, int]:
    """How many jobs are ready, delayed until later, and running; takes no lock."""
    connection = session.connection()
    return {state: connection.execute(count).scalar_one() for state, count in _DEPTH.items()}


def anything_ready(session: Session, lanes: Iterable[str]) -> bool:
    """Whether a claim in one of these lanes would find a job; takes no lock."""
    connection = session.connection()
    return any(connection.execute(_READY, {"in_lane": lane}).first() for lane in lanes)


def anything_due(session: Session, now: datetime) -> bool:
    """Whether a delayed job's time has come; takes no lock."""
    return session.connection().execute(_DUE, {"moment": now}).first() is not None


def cancelled_under(session: Session, node: str) -> list[str]:
    """Cancelled jobs that workers of this node may still be at; takes no lock."""
    bounds = {"first": f"{node}/", "last": f"{node}0"}  # `0` comes after `/`
    return list(session.connection().execute(_LET_GO, bounds).scalars())


def anything_expired(session: Session, now: datetime) -> bool:
    """Whether a lease has run out; takes no lock."""
    late = select(Job.id).where(Job.status == PROCESSING, Job.lease_until < now).limit(1)
    return session.scalar(late) is not None


def open_jobs(session: Session, document_id: str) -> int:
    """How many jobs of a document have not ended."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Job)
            .where(Job.document_id == document_id, Job.status.in_(OPEN))
        )
        or 0
    )


def position(session: Session, job: Job) -> int:
    """How many jobs of the owner's own documents wait and go before this one."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Job)
            .where(
                Job.status == PENDING,
                Job.owner == job.owner,
                Job.priority.between(jobs.MIN_PRIORITY, jobs.MAX_PRIORITY),
                Job.rank < job.rank,
                Job.document_id.is_not(None),  # a provider's batch waits for the provider
            )
        )
        or 0
    )


def oldest_ready(session: Session, lanes: Iterable[str]) -> datetime | None:
    """When the first of the jobs that go next was enqueued; None when nothing is ready."""
    connection = session.connection()
    heads = [connection.execute(_READY, {"in_lane": lane}).first() for lane in lanes]
    return min((head.created_at for head in heads if head is not None), default=None)
