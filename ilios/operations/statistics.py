"""Counts, ids and codes across all owners, for operators. Takes a session, changes nothing.

Only this module reads across owners for a page that a key may open. So it names its columns, and
none of them holds content of a document: no file name, no Markdown, no sentence of an error, since
a provider's may quote what it was sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Executable, Row, bindparam, func, or_, select
from sqlalchemy.orm import Session

from ilios.db.dialects import unindexed
from ilios.db.models import (
    PENDING,
    PROCESSING,
    RESERVING,
    ApiKey,
    DailyUsage,
    Document,
    DocumentStatus,
    Job,
    OwnerTotals,
    WebhookDelivery,
    statuses,
)
from ilios.engines import registry
from ilios.queue import queries
from ilios.queue.jobs import FETCH_LANE

LANES: Final = (*registry.LANES, FETCH_LANE)  #: in which jobs wait

# Prepared once: see ilios.queue.jobs.
_READY = select(func.count()).where(  # a count for each lane takes half as long as a GROUP BY
    Job.lane == bindparam("in_lane"), Job.status == PENDING, Job.scheduled_at.is_(None)
)
_DELAYED = (
    select(Job.lane, func.count(), func.count(Job.error))
    .where(Job.status == PENDING, Job.scheduled_at.is_not(None))
    .group_by(Job.lane)
)
_RUNNING = select(Job.lane, func.count()).where(Job.status == PROCESSING).group_by(Job.lane)
_ENDED_SINCE = (
    select(Document.status, func.count(), func.sum(Document.page_count))
    .where(
        Document.status.in_((DocumentStatus.COMPLETED, *statuses.RETRYABLE)),
        Document.processed_at >= bindparam("since"),
    )
    .group_by(Document.status)
)
_JOB: Final = (
    Job.document_id,
    Job.owner,
    Job.type,
    Job.lane,
    Job.worker,
    Job.attempts,
    Job.max_attempts,
    Job.first_page,
    Job.last_page,
    Job.scheduled_at,
    Job.started_at,
    Document.mime_type,
    Document.file_size,
    Document.pages_done,
    Document.page_count,
)
_JOBS = select(*_JOB).outerjoin(Document, Document.id == Job.document_id)
_RUNNING_JOBS = _JOBS.where(Job.status == PROCESSING).order_by(Job.started_at).limit(bindparam("n"))
_RETRIES = (
    _JOBS.where(Job.status == PENDING, Job.scheduled_at.is_not(None), Job.error.is_not(None))
    .order_by(Job.scheduled_at)
    .limit(bindparam("n"))
)
_FAILURES = (
    select(
        Document.id,
        Document.owner,
        Document.processed_at,
        Document.error_code,
        Document.engine_fault,
        Document.mime_type,
        Document.file_size,
        Document.page_count,
    )
    .where(Document.status == DocumentStatus.FAILED, Document.processed_at.is_not(None))
    .order_by(Document.processed_at.desc())
    .limit(bindparam("n"))
)
_USED = (
    select(
        DailyUsage.owner,
        DailyUsage.day,
        func.sum(DailyUsage.pages),
        func.sum(DailyUsage.cost_micros),
    )
    .where(DailyUsage.day >= bindparam("since"))
    .group_by(unindexed(DailyUsage.owner), DailyUsage.day)  # the index of days has fewer
)
_UNREVOKED_KEYS = select(ApiKey).where(ApiKey.revoked_at.is_(None)).order_by(ApiKey.name)
_REVOKED_KEYS = select(ApiKey).where(
    ApiKey.owner.in_(bindparam("owners", expanding=True)), ApiKey.revoked_at.is_not(None)
)
_RESERVED = (
    select(Document.owner, func.sum(Document.reserved_pages), func.sum(Document.reserved_micros))
    .where(RESERVING)
    .group_by(Document.owner)
)

_STORED = func.sum(OwnerTotals.stored_bytes)
_WAITING = func.sum(OwnerTotals.waiting_documents)
_HELD = (
    select(OwnerTotals.owner, _STORED, _WAITING)
    .group_by(OwnerTotals.owner)
    .having(or_(_STORED > 0, _WAITING > 0))
)
_UNDELIVERED = select(func.count(), func.min(WebhookDelivery.created_at)).where(
    WebhookDelivery.ended_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class Depth:
    """The jobs of one lane. `retries` are those of the delayed jobs that have failed before.

    `oldest_at` is when the job that goes next was enqueued.
    """

    lane: str
    ready: int
    delayed: int
    retries: int
    running: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ended:
    """How many documents ended in a period, and the pages of those that were completed."""

    completed: int
    failed: int
    cancelled: int
    pages: int


def depths(session: Session, lanes: Iterable[str]) -> list[Depth]:
    """Count the jobs of each lane."""
    connection = session.connection()
    running: dict[str, int] = dict(connection.execute(_RUNNING).all())
    waiting = {lane: (delayed, retries) for lane, delayed, retries in connection.execute(_DELAYED)}
    return [
        Depth(
            lane,
            ready=connection.execute(_READY, {"in_lane": lane}).scalar_one(),
            delayed=waiting.get(lane, (0, 0))[0],
            retries=waiting.get(lane, (0, 0))[1],
            running=running.get(lane, 0),
            oldest_at=queries.oldest_ready(session, [lane]),
        )
        for lane in lanes
    ]


def ended_since(session: Session, since: datetime) -> Ended:
    rows = session.connection().execute(_ENDED_SINCE, {"since": since})
    found = {status: (documents, pages or 0) for status, documents, pages in rows}
    completed, pages = found.get(DocumentStatus.COMPLETED, (0, 0))
    failed, cancelled = (found.get(status, (0, 0))[0] for status in statuses.RETRYABLE)
    return Ended(completed, failed, cancelled, pages)


def running(session: Session, limit: int) -> Sequence[Row[Any]]:
    """Read claimed jobs with what may be shown of their documents, the longest running first."""
    return _rows(session, _RUNNING_JOBS, limit)


def retries(session: Session, limit: int) -> Sequence[Row[Any]]:
    """Read jobs that wait for another attempt, in the order in which they are due."""
    return _rows(session, _RETRIES, limit)


def failures(session: Session, limit: int) -> Sequence[Row[Any]]:
    """Read documents that have failed, the most recent first."""
    return _rows(session, _FAILURES, limit)


def used(session: Session, since: date) -> dict[str, dict[date, tuple[int, int]]]:
    """Return pages and micro-dollars by owner and UTC day."""
    found: dict[str, dict[date, tuple[int, int]]] = defaultdict(dict)
    for owner, day, pages, micros in session.connection().execute(_USED, {"since": since}).all():
        found[owner][day] = (pages, micros)
    return found


def reserved(session: Session) -> dict[str, tuple[int, int]]:
    """Return the pages and micro-dollars that open documents reserve, by owner."""
    rows = session.connection().execute(_RESERVED)
    return {owner: (pages, micros) for owner, pages, micros in rows}


def held(session: Session) -> dict[str, tuple[int, int]]:
    """Return the bytes stored and the documents that wait, by owner."""
    rows = session.connection().execute(_HELD)
    return {owner: (stored, waiting) for owner, stored, waiting in rows}


def undelivered(session: Session) -> tuple[int, datetime | None]:
    """Count the events that are neither delivered nor given up; return since when one waits."""
    count, oldest = session.connection().execute(_UNDELIVERED).one()
    return count, oldest


def keys_of(session: Session, owners: Iterable[str]) -> list[ApiKey]:
    """Return all keys that are not revoked, and the revoked keys of these owners."""
    revoked = session.scalars(_REVOKED_KEYS, {"owners": list(owners)})
    return [*session.scalars(_UNREVOKED_KEYS), *revoked]


def _rows(session: Session, query: Executable, limit: int) -> Sequence[Row[Any]]:
    return session.connection().execute(query, {"n": limit}).all()
