"""Jobs of several documents by one statement, for a database that is a network away.

Takes a session, never commits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import String, bindparam, func, literal_column
from sqlalchemy.orm import Session

from ilios.core import ids
from ilios.core.telemetry.tracing import Origin
from ilios.db.dialects import is_in
from ilios.db.models import PROCESSING, Document, Job, JobType
from ilios.db.prepared import Asked, Prepared, Runner
from ilios.queue import jobs
from ilios.queue.jobs import Lease
from ilios.queue.priority import Place

_OF_JOBS: Final = bindparam("of_jobs", type_=String)
_UNDER_TOKENS: Final = bindparam("under_tokens", type_=String)
_UNDER_LEASES: Final = (
    is_in(Job.id, _OF_JOBS),
    # In other words than those of an index, which would be gone through: it has all nodes' jobs.
    func.coalesce(Job.status, literal_column("''")) == PROCESSING,
    is_in(Job.lease_token, _UNDER_TOKENS),  # each is of one claim of one job
)
_FINISH = Prepared(jobs.FINISHED.where(*_UNDER_LEASES).returning(Job.id))


_HELD = Prepared(jobs.HELD_WITH_DOCUMENT.where(*_UNDER_LEASES))


class New(NamedTuple):
    """A job for a document, ready at once."""

    document_id: str
    place: Place
    rank: int
    origin: Origin


def enqueue(session: Session, new: Iterable[New], now: datetime) -> None:
    """Add jobs that convert documents."""
    jobs.INSERT.run_many(
        session,
        [
            job.place._asdict()
            | {
                "id": ids.new_id(),
                "document_id": job.document_id,
                "provider_batch_id": None,
                "type": JobType.CONVERT,
                "max_attempts": jobs.MAX_ATTEMPTS,
                "rank": job.rank,
                "created_at": now,
                "request_id": job.origin.request_id,
                "traceparent": job.origin.traceparent,
            }
            for job in new
        ],
    )


def asked_to_finish(leases: Sequence[Lease], now: datetime) -> Asked:
    """Return what moves processing → completed, and gives back the ids of those it has moved.

    A job that is not under its lease any more is none of them.
    """
    return Asked(_FINISH, {**_named(leases), "moment": now})


def held_with_documents(on: Runner, leases: Sequence[Lease]) -> list[tuple[Job, Document] | None]:
    """Return the job under each lease and its document, both detached; None of a lost one."""
    found = map(jobs.detached, _HELD.all(on, **_named(leases)))
    held = {job.id: (job, document) for job, document in found}
    return [held.get(lease.job_id) for lease in leases]


def _named(leases: Sequence[Lease]) -> dict[str, str]:
    return {
        "of_jobs": json.dumps([lease.job_id for lease in leases]),
        "under_tokens": json.dumps([lease.token for lease in leases]),
    }
