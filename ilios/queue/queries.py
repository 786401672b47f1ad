"""Read-only queries on the queue, which take no lock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import ScalarSelect, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from ilios.db.models import CANCELLED, PENDING, PROCESSING, Job, JobStatus
from ilios.db.prepared import Asked, Prepared, Runner
from ilios.queue import jobs

OPEN: Final = (JobStatus.PENDING, JobStatus.PROCESSING)

# Prepared once: executed in every cycle of the supervisor.
_READY = Prepared(
    select(Job.id, Job.created_at)
    .where(Job.lane == bindparam("in_lane"), Job.status == PENDING, Job.scheduled_at.is_(None))
    .order_by(Job.rank, Job.id)
    .limit(1)
)
_CANCELLED_UNDER = Prepared(
    select(Job.id).where(
        Job.status == CANCELLED,
        Job.worker.is_not(None),
        Job.worker.between(bindparam("first"), bindparam("last")),
    )
)
_DUE = Prepared(
    select(Job.id).where(Job.status == PENDING, Job.scheduled_at <= bindparam("moment")).limit(1)
)
_EXPIRED = Prepared(
    select(Job.id).where(Job.status == PROCESSING, Job.lease_until < bindparam("moment")).limit(1)
)
_RUNNING = Prepared(select(Job.id).where(Job.status == PROCESSING).limit(1))
_OUTSIDE = Prepared(
    select(Job.id).where(Job.status == PENDING, Job.lane != bindparam("the_lane")).limit(1)
)


_DEPTHS = {
    "ready": (Job.status == PENDING, Job.scheduled_at.is_(None)),
    "delayed": (Job.status == PENDING, Job.scheduled_at.is_not(None)),
    "running": (Job.status == PROCESSING,),
}
_DEPTH = {
    state: select(func.count()).select_from(Job).where(*which) for state, which in _DEPTHS.items()
}


def depths(session: Session) -> dict[str, int]:
    """Return how many jobs are `ready`, `delayed` and `running`."""
    connection = session.connection()
    return {state: connection.execute(count).scalar_one() for state, count in _DEPTH.items()}


def anything_ready(on: Runner, lanes: Iterable[str]) -> bool:
    """Return whether a claim in one of these lanes would find a job."""
    return any(_READY.first(on, in_lane=lane) for lane in lanes)


def asked_for_ready(lane: str) -> Asked:
    """Return the question that is answered by a row when a claim in the lane would find a job."""
    return Asked(_READY, {"in_lane": lane})


def asked_for_due(now: datetime) -> Asked:
    """Return the question that is answered by a row when a delayed job's time has come."""
    return Asked(_DUE, {"moment": now})


def anything_due(on: Runner, now: datetime) -> bool:
    """Return whether a delayed job's time has come."""
    return _DUE.first(on, moment=now) is not None


def cancelled_under(on: Runner, node: str) -> list[str]:
    """Return the cancelled jobs that workers of this node may still run."""
    return [job_id for (job_id,) in asked_for_cancelled(node).all(on)]


def asked_for_cancelled(node: str) -> Asked:
    """Return the question for what `cancelled_under` returns, by rows of an id each."""
    return Asked(_CANCELLED_UNDER, {"first": f"{node}/", "last": f"{node}0"})  # `0` is after `/`


def anything_expired(on: Runner, now: datetime) -> bool:
    """Return whether a lease has expired."""
    return _EXPIRED.first(on, moment=now) is not None


def anything_running(on: Runner) -> bool:
    """Return whether a worker of any node holds a job."""
    return _RUNNING.first(on) is not None


def anything_outside(on: Runner, lane: str) -> bool:
    """Return whether a job waits in another lane than this."""
    return _OUTSIDE.first(on, the_lane=lane) is not None


def open_jobs(session: Session, document_id: str) -> int:
    """Return how many jobs of a document have not ended."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Job)
            .where(Job.document_id == document_id, Job.status.in_(OPEN))
        )
        or 0
    )


def failed_jobs(session: Session, document_id: str) -> int:
    """Return how many of a document's present jobs have failed."""
    failed = select(func.count()).where(
        Job.document_id == document_id, Job.status == JobStatus.FAILED
    )
    return session.scalar(failed) or 0


def ahead_of(job: type[Job]) -> ScalarSelect[int]:
    """Return the count of the owner's waiting jobs that go before a job of the query around it."""
    other = aliased(Job)
    return (
        select(func.count())
        .select_from(other)
        .where(
            other.status == PENDING,
            other.owner == job.owner,
            other.priority.between(jobs.MIN_PRIORITY, jobs.MAX_PRIORITY),
            other.rank < job.rank,
            other.document_id.is_not(None),  # a provider's batch waits for the provider
        )
        .scalar_subquery()
    )


def next_of(lane: str) -> ScalarSelect[datetime]:
    """Return when the job that goes next in a lane was enqueued."""
    ready = (Job.lane == lane, Job.status == PENDING, Job.scheduled_at.is_(None))
    first = select(Job.created_at).where(*ready).order_by(Job.rank, Job.id).limit(1)
    return first.scalar_subquery()


def oldest_ready(on: Runner, lanes: Iterable[str]) -> datetime | None:
    """Return when the oldest of the lanes' next jobs was enqueued; None when none is ready."""
    heads = [_READY.first(on, in_lane=lane) for lane in lanes]
    return min((head[1] for head in heads if head is not None), default=None)
