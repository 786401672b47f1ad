"""Guest places: which job goes next of owners that have none running.

Takes a session, never commits.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import closing
from datetime import datetime

from sqlalchemy import ColumnElement, String, bindparam, func, not_, select
from sqlalchemy.orm import Session, aliased

from ilios.db.dialects import is_in, is_postgres
from ilios.db.models import PENDING, Job
from ilios.db.prepared import Prepared, Runner
from ilios.queue import jobs
from ilios.queue.jobs import Lease

_Next = aliased(Job)


def _ready(job: type[Job]) -> tuple[ColumnElement[bool], ...]:
    return job.lane == bindparam("in_lane"), job.status == PENDING, job.scheduled_at.is_(None)


# Jumps from owner to owner in the index, past the ten thousand jobs that one of them may have.
_FIRST_OWNER = (
    select(func.min(Job.owner).label("owner")).where(*_ready(Job)).cte("owners", recursive=True)
)
_OWNERS = _FIRST_OWNER.union_all(
    select(
        select(func.min(_Next.owner))
        .where(*_ready(_Next), _Next.owner > _FIRST_OWNER.c.owner)
        .scalar_subquery()
    ).where(_FIRST_OWNER.c.owner.is_not(None))
)
_FIRST_OF_OWNER = select(Job).where(*_ready(Job), Job.owner == _OWNERS.c.owner)
_RANK = _FIRST_OF_OWNER.with_only_columns(func.min(Job.rank)).scalar_subquery()
_FIRST = _FIRST_OF_OWNER.with_only_columns(Job.id).order_by(Job.rank, Job.id).limit(1)
# Prepared once: see ilios.queue.jobs.
_FIRST_OF_EACH = Prepared(
    select(_FIRST.scalar_subquery(), _OWNERS.c.owner)
    .where(_OWNERS.c.owner.is_not(None))
    .order_by(_RANK, _OWNERS.c.owner)
)
_FIRST_OF_OTHERS = Prepared(
    select(_FIRST.scalar_subquery())
    .where(
        _OWNERS.c.owner.is_not(None),
        not_(is_in(_OWNERS.c.owner, bindparam("not_of", type_=String))),
    )
    .order_by(_RANK, _OWNERS.c.owner)
    .limit(1)
)


def first_ready(on: Runner, lane: str, owners: Collection[str]) -> str | None:
    """Return the ready job of the lowest rank in a lane that belongs to none of these owners."""
    if is_postgres(on):  # a cursor of the server takes several ways there and back
        row = _FIRST_OF_OTHERS.first(on, in_lane=lane, not_of=json.dumps(list(owners)))
        return None if row is None else row[0]
    with closing(_FIRST_OF_EACH.each(on, in_lane=lane)) as found:
        return next((job_id for job_id, owner in found if owner not in owners), None)


def claim(
    session: Session, lane: str, worker: str, now: datetime, owners: Collection[str]
) -> Lease | None:
    """Take that job; None when none of other owners is ready."""
    job_id = first_ready(session, lane, owners)
    return None if job_id is None else jobs.claim_one(session, job_id, worker, now)
