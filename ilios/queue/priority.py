"""Ranks: who goes first, fixed when a job is enqueued.

Jobs go in the order of a virtual time that is fixed when they are enqueued (start-time
fair queueing, Goyal et al. 1996, with ageing). It starts at the wall clock, or at the head of the
queue if that is further on; each job that an owner has waiting at the same priority pushes it on by
SPACING_MS, and each step of priority pulls it back by STEP_MS. So owners take turns however much
one of them enqueues, and a step of priority is worth ten jobs, or ten minutes of waiting.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from ilios.core import clock
from ilios.db.models import PENDING, Job

SPACING_MS = 60_000
STEP_MS = 600_000

# Prepared once: every submission waits for the one before it to leave the write lock.
_HEAD_AND_TAIL = select(
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


def next_rank(session: Session, lane: str, owner: str, priority: int, now: datetime) -> int:
    """The rank of a job that is enqueued now."""
    parameters = {"lane": lane, "owner": owner, "priority": priority}
    head, tail = session.connection().execute(_HEAD_AND_TAIL, parameters).one()
    start = clock.milliseconds(now)
    if head is not None:
        start = max(start, head)
    if tail is not None:
        start = max(start, tail + priority * STEP_MS + SPACING_MS)
    return start - priority * STEP_MS
