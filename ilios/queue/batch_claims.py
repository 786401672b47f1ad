"""Claims of several jobs by one statement, for a database that is a network away.

Takes a session, never commits.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from ilios.core import ids
from ilios.core.telemetry.tracing import Origin
from ilios.db.dialects import is_among
from ilios.db.models import PENDING, Job
from ilios.db.prepared import Asked, Prepared
from ilios.queue import jobs
from ilios.queue.jobs import CLAIMED, OF_CLAIMED, Lease

TOKEN_LETTERS: Final = 12  #: that are drawn for a claim; the rest is of the job
_ID_END: Final = 13  #: from this letter on, the rest of an id tells one job from another
_READY = (
    select(Job.id)
    .where(Job.lane == bindparam("in_lane"), Job.status == PENDING, Job.scheduled_at.is_(None))
    .order_by(Job.rank, Job.id)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_TOKEN = bindparam("new_token", type_=Job.id.type) + func.substr(Job.id, _ID_END)
_CLAIM = Prepared(
    update(Job)
    .where(is_among(Job.id, _READY))
    .values(CLAIMED | {"lease_token": _TOKEN})
    .returning(*OF_CLAIMED, Job.lease_token, Job.rank)
)


def claim(session: Session, lane: str, worker: str, now: datetime, at_most: int) -> list[Lease]:
    """Take so many ready jobs of a lane, those of the lowest ranks first.

    Jobs that others are about to claim are passed over.
    """
    return claimed(asked(lane, worker, now, at_most).all(session), now)


def asked(lane: str, worker: str, now: datetime, at_most: int) -> Asked:
    """Return what takes them, and is answered by rows for `claimed`."""
    return Asked(
        _CLAIM,
        {
            "in_lane": lane,
            "at_most": at_most,
            "new_token": ids.new_id()[:TOKEN_LETTERS],
            "until": now + jobs.LEASE,
            "by": worker,
            "moment": now,
        },
    )


def claimed(rows: Iterable[tuple[Any, ...]], now: datetime) -> list[Lease]:
    """Return the leases of jobs that were taken, in the order of their ranks."""
    return [
        Lease(job_id, token, job_type, Origin(*origin), owner, now.timestamp())
        for job_id, job_type, owner, *origin, token, _ in sorted(
            rows, key=lambda row: (row[-1], row[0])
        )
    ]
