"""Priority: the rank that orders jobs, fixed when they are enqueued.

A rank is a virtual time (start-time fair queueing, Goyal et al. 1996, with ageing): the wall clock,
or the head of the queue if that is later; plus SPACING_MS for each job that the owner has waiting
at the same priority; minus STEP_MS for each step of priority. So owners take turns however much one
of them enqueues, and a step of priority is worth ten jobs, or ten minutes of waiting.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, select, update
from sqlalchemy.orm import Session

from ilios.core import clock
from ilios.db.models import PENDING, Job, JobType, ProviderBatch
from ilios.db.prepared import Asked, Prepared

SPACING_MS = 60_000
STEP_MS = 600_000

_HEAD_AND_TAIL = Prepared(
    select(
        select(Job.rank + Job.priority * STEP_MS)
        .where(Job.lane == bindparam("lane"), Job.status == PENDING, Job.scheduled_at.is_(None))
        .order_by(Job.rank, Job.id)
        .limit(1)
        .scalar_subquery(),
        select(func.max(Job.rank))
        .where(
            Job.status == PENDING,
            Job.owner == bindparam("owner"),
            Job.priority == bindparam("priority"),
        )
        .scalar_subquery(),
    )
)

_SCHEDULE_NOW = Prepared(
    update(Job)
    .where(
        Job.provider_batch_id.in_(
            select(ProviderBatch.id).where(ProviderBatch.batch_id == bindparam("of_batch"))
        ),
        Job.status == PENDING,
        Job.scheduled_at.is_not(None),  # as the partial index says it
    )
    .values(scheduled_at=None)
)


class Place(NamedTuple):
    """Jobs that come one behind the other."""

    lane: str
    owner: str
    priority: int


def next_rank(session: Session, lane: str, owner: str, priority: int, now: datetime) -> int:
    """Return the rank of a job that is enqueued now."""
    ((head, tail),) = _HEAD_AND_TAIL.all(session, lane=lane, owner=owner, priority=priority)
    return rank(head, tail, priority, now)


def asked(place: Place) -> Asked:
    """Return the question for what `rank` takes: the head of the queue, and the owner's tail."""
    return Asked(_HEAD_AND_TAIL, place._asdict())


def rank(head: int | None, tail: int | None, priority: int, now: datetime) -> int:
    """Return the rank of a job that comes behind the owner's `tail`, itself a rank."""
    start = clock.milliseconds(now)
    if head is not None:
        start = max(start, head)
    if tail is not None:
        start = max(start, tail + priority * STEP_MS + SPACING_MS)
    return start - priority * STEP_MS


def schedule_batch_now(session: Session, batch_id: str) -> None:
    """Make the waiting step of a batch ready at once."""
    _SCHEDULE_NOW.run(session, of_batch=batch_id)


def raise_priority(session: Session, document_id: str, priority: int, now: datetime) -> None:
    """Raise waiting jobs of a document to this priority, unless they have it or a higher one.

    One that is being claimed waits no more.
    """
    waiting = session.scalars(
        select(Job)
        .where(Job.document_id == document_id, Job.status == PENDING, Job.priority < priority)
        .with_for_update(skip_locked=True)
    )
    for job in waiting:
        job.rank = min(job.rank, next_rank(session, job.lane, job.owner, priority, now))
        job.priority = priority


def move_to_lane(session: Session, lane: str, others: ColumnElement[bool]) -> int:
    """Move the waiting jobs that `others` selects to the lane; return how many."""
    moved = session.execute(
        update(Job)
        .where(Job.status == PENDING, Job.lane != lane, Job.type == JobType.CONVERT, others)
        .values(lane=lane)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    return len(moved.all())
