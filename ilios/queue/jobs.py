"""The life of a job under its lease: enqueue, claim, extend, finish, fail, retry, postpone.

Only this package writes `job_queue`. Takes a session, never commits. Every UPDATE names the status
and the lease that it leaves; when no row changes, the job is another's now.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, insert, select, update
from sqlalchemy.orm import Session

from ilios.core import ids
from ilios.core.conversion_limits import MAX_CRASHES as MAX_CRASHES
from ilios.core.errors import LeaseLost
from ilios.core.telemetry.tracing import NO_ORIGIN, Origin
from ilios.db.models import PENDING, PROCESSING, Document, Job, JobStatus, JobType
from ilios.db.prepared import Prepared, Runner
from ilios.queue.backoff import retry_delay
from ilios.queue.priority import SPACING_MS, next_rank

FETCH_LANE = "fetch"  #: of jobs that fetch an address; the others are of engines
MIN_PRIORITY = 1
MAX_PRIORITY = 10  #: the most urgent
DEFAULT_PRIORITY = 5
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 3
MAX_STEP_ATTEMPTS = 1000  #: of one step of a provider's batch, which itself gives up long before

_NEW = insert(Job).values(status=JobStatus.PENDING, attempts=0, crashes=0)
_GIVEN = (
    *("id", "document_id", "owner", "type", "lane", "priority", "rank", "max_attempts"),
    *("created_at", "request_id", "traceparent"),
)
INSERT = Prepared(_NEW, (*_GIVEN, "provider_batch_id"))
_INSERT_RANGE = Prepared(_NEW, (*_GIVEN, "first_page", "last_page"))
# Prepared once: writers queue for the write lock, and to build a statement takes longer than to
# execute it.
_FIRST_READY = (
    select(Job.id)
    .where(Job.lane == bindparam("in_lane"), Job.status == PENDING, Job.scheduled_at.is_(None))
    .order_by(Job.rank, Job.id)
    .limit(1)
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
CLAIMED = {
    "status": JobStatus.PROCESSING,
    "lease_token": bindparam("new_token"),
    "lease_until": bindparam("until"),
    "worker": bindparam("by"),
    "started_at": bindparam("moment"),
    "attempts": Job.attempts + 1,
}
OF_CLAIMED = (Job.id, Job.type, Job.owner, Job.request_id, Job.traceparent)
_CLAIM = Prepared(update(Job).where(Job.id == _FIRST_READY).values(CLAIMED).returning(*OF_CLAIMED))
_CLAIM_ONE = Prepared(
    update(Job)
    .where(Job.id == bindparam("of_job"), Job.status == PENDING)
    .values(CLAIMED)
    .returning(*OF_CLAIMED)
)
_UNDER_LEASE = (
    Job.id == bindparam("of_job"),
    Job.status == PROCESSING,
    Job.lease_token == bindparam("under_token"),
)
_OF_JOB = Job.__mapper__.column_attrs.keys()
_OF_DOCUMENT = Document.__mapper__.column_attrs.keys()
HELD_WITH_DOCUMENT = select(
    *(getattr(Job, name) for name in _OF_JOB),
    *(getattr(Document, name) for name in _OF_DOCUMENT),
).join(Document, Job.document_id == Document.id)
_HELD_WITH_DOCUMENT = Prepared(HELD_WITH_DOCUMENT.where(*_UNDER_LEASE))
_HOLDS = Prepared(select(Job.id).where(*_UNDER_LEASE))
_HOLDS_LOCKED = Prepared(select(Job.id).where(*_UNDER_LEASE).with_for_update())
FINISHED = update(Job).values(
    status=JobStatus.COMPLETED,
    lease_token=None,
    lease_until=None,
    worker=None,
    completed_at=bindparam("moment"),
)
_FINISH = Prepared(FINISHED.where(*_UNDER_LEASE))


class Lease(NamedTuple):
    """The right to work on a job: its id, and the token that was drawn for this claim."""

    job_id: str
    token: str
    type: JobType = JobType.CONVERT
    origin: Origin = NO_ORIGIN  #: for our log and the provider's
    owner: str = ""  #: for whom it takes a place
    claimed_at: float | None = None  #: in seconds since 1970


def enqueue(
    session: Session,
    *,
    owner: str,
    lane: str,
    priority: int,
    now: datetime,
    document_id: str | None = None,
    provider_batch_id: str | None = None,
    origin: Origin = NO_ORIGIN,
) -> str:
    """Add a job that is ready at once, for a document or a provider's batch; return its id.

    In FETCH_LANE it fetches the document.
    """
    job_id = ids.new_id()
    INSERT.send(
        session,
        id=job_id,
        document_id=document_id,
        provider_batch_id=provider_batch_id,
        owner=owner,
        type=_type(lane, provider_batch_id),
        max_attempts=MAX_STEP_ATTEMPTS if provider_batch_id else MAX_ATTEMPTS,
        lane=lane,
        priority=priority,
        rank=next_rank(session, lane, owner, priority, now),
        created_at=now,
        request_id=origin.request_id,
        traceparent=origin.traceparent,
    )
    return job_id


def _type(lane: str, provider_batch_id: str | None) -> JobType:
    if provider_batch_id:
        return JobType.PROVIDER_BATCH
    return JobType.FETCH if lane == FETCH_LANE else JobType.CONVERT


def enqueue_ranges(
    session: Session, parent: Job, ranges: Iterable[tuple[int, int]], now: datetime
) -> None:
    """Add a job for each range of pages (from 0, inclusive) of the document of `parent`.

    They begin at the parent's rank, SPACING_MS apart, so that a long document does not delay the
    jobs of other owners.
    """
    rows: list[dict[str, object]] = [
        {
            "id": ids.new_id(),
            "document_id": parent.document_id,
            "owner": parent.owner,
            "type": JobType.RANGE,
            "max_attempts": MAX_ATTEMPTS,
            "lane": parent.lane,
            "first_page": first,
            "last_page": last,
            "priority": parent.priority,
            "rank": parent.rank + number * SPACING_MS,
            "created_at": now,
            "request_id": parent.request_id,
            "traceparent": parent.traceparent,
        }
        for number, (first, last) in enumerate(ranges)
    ]
    _INSERT_RANGE.run_many(session, rows)


def claim(session: Session, lane: str, worker: str, now: datetime) -> Lease | None:
    """Take the ready job of the lowest rank in a lane; None when nothing is ready."""
    return _claim(session, _CLAIM, {"in_lane": lane}, worker, now)


def claim_one(session: Session, job_id: str, worker: str, now: datetime) -> Lease | None:
    """Take this job; None when it does not wait any more."""
    return _claim(session, _CLAIM_ONE, {"of_job": job_id}, worker, now)


def _claim(
    session: Session, statement: Prepared, which: dict[str, str], worker: str, now: datetime
) -> Lease | None:
    token = ids.new_id()
    claimed = statement.first(
        session, **which, new_token=token, until=now + LEASE, by=worker, moment=now
    )
    if claimed is None:
        return None
    job_id, job_type, owner, *origin = claimed
    return Lease(job_id, token, job_type, Origin(*origin), owner, now.timestamp())


def promote_due(session: Session, now: datetime) -> int:
    """Make delayed jobs ready whose time has come, unless another does; return how many."""
    due = select(Job.id).where(Job.status == PENDING, Job.scheduled_at <= now)
    promoted = session.execute(
        update(Job)
        .where(Job.id.in_(due.with_for_update(skip_locked=True)))
        .values(scheduled_at=None)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    return len(promoted.all())


def extend(session: Session, leases: list[Lease], now: datetime) -> None:
    """Extend these leases, as a heartbeat. One that was lost stays lost.

    One whose job is being finished at this moment is left to that.
    """
    tokens = [lease.token for lease in leases]
    held = select(Job.id).where(Job.lease_token.in_(tokens), Job.status == PROCESSING)
    session.execute(
        update(Job)
        .where(Job.id.in_(held.with_for_update(skip_locked=True)))
        .values(lease_until=now + LEASE)
        .execution_options(synchronize_session=False)
    )


def holds(session: Session, lease: Lease) -> bool:
    """Return whether the job is still under this lease."""
    return _HOLDS.first(session, **_named(lease)) is not None


def held(session: Session, lease: Lease, *, is_read: bool = False) -> Job:
    """Return the job under this lease; until the commit it stays there, unless it is only read.

    Raises LeaseLost when the lease is not the job's present one.
    """
    found = select(Job).where(*under(lease))
    job = session.scalar(found if is_read else found.with_for_update())
    if job is None:
        raise lease_lost(lease)
    return job


def require_held(session: Session, lease: Lease) -> None:
    """Raise LeaseLost when the job is not under this lease; until the commit it stays there."""
    if _HOLDS_LOCKED.first(session, **_named(lease)) is None:
        raise lease_lost(lease)


def held_with_document(on: Runner, lease: Lease) -> tuple[Job, Document]:
    """Return the job under this lease, and its document, both detached. Raises LeaseLost."""
    row = _HELD_WITH_DOCUMENT.first(on, **_named(lease))
    if row is None:
        raise lease_lost(lease)
    return detached(row)


def detached(row: tuple[Any, ...]) -> tuple[Job, Document]:
    """Return a job and its document of HELD_WITH_DOCUMENT."""
    of_job, of_document = row[: len(_OF_JOB)], row[len(_OF_JOB) :]
    return (
        Job.detached(dict(zip(_OF_JOB, of_job, strict=True))),
        Document.detached(dict(zip(_OF_DOCUMENT, of_document, strict=True))),
    )


def finish(session: Session, lease: Lease, now: datetime) -> None:
    """Move processing → completed. Raises LeaseLost."""
    if not finish_if_held(session, lease, now):
        raise lease_lost(lease)


def finish_if_held(session: Session, lease: Lease, now: datetime) -> bool:
    """Move processing → completed; return False when the job is not under this lease."""
    return bool(_FINISH.run(session, **_named(lease), moment=now))


def fail(session: Session, lease: Lease, error: str, now: datetime) -> None:
    """Move processing → failed, finally. Raises LeaseLost."""
    fail_job(held(session, lease), error, now)


def retry(session: Session, lease: Lease, error: str, now: datetime) -> JobStatus:
    """Move processing → pending after a wait; → failed when the attempts are used up.

    Returns the new status. Raises LeaseLost.
    """
    job = held(session, lease)
    if job.attempts >= job.max_attempts:
        fail_job(job, error, now)
    else:
        back_to_pending(job, now + retry_delay(job.attempts))
        job.error = error
    return job.status


def count_crash(session: Session, lease: Lease) -> int:
    """Count a crash of the parser child by this job; return how many. Raises LeaseLost."""
    job = held(session, lease)
    job.crashes += 1
    return job.crashes


def postpone(session: Session, lease: Lease, until: datetime, reason: str) -> None:
    """Move processing → pending until a moment; it costs no attempt. Raises LeaseLost."""
    job = held(session, lease)
    job.attempts -= 1
    back_to_pending(job, until)
    job.error = reason


def next_step(session: Session, lease: Lease, until: datetime) -> None:
    """Move processing → pending until a moment: a step succeeded, and the next counts its own.

    Raises LeaseLost.
    """
    job = held(session, lease)
    job.attempts = 0
    back_to_pending(job, until)
    job.error = None


def lease_lost(lease: Lease) -> LeaseLost:
    """Return the error of a lease that is no longer the job's."""
    return LeaseLost(f"Job {lease.job_id} is no longer under this lease.")


def _named(lease: Lease) -> dict[str, str]:
    """Return the parameters of statements that name a lease."""
    return {"of_job": lease.job_id, "under_token": lease.token}


def under(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a job is under this lease."""
    return Job.id == lease.job_id, Job.status == PROCESSING, Job.lease_token == lease.token


def _leave(job: Job, status: JobStatus) -> None:
    job.status = status
    job.lease_token = job.lease_until = job.worker = None


def back_to_pending(job: Job, scheduled_at: datetime | None) -> None:
    """Move a job of the open session to pending; None as time makes it ready at once."""
    _leave(job, JobStatus.PENDING)
    job.scheduled_at = scheduled_at
    job.started_at = None


def fail_job(job: Job, error: str, now: datetime) -> None:
    """Move a job of the open session to failed."""
    _leave(job, JobStatus.FAILED)
    job.error = error
    job.completed_at = now
