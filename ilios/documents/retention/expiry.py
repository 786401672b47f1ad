"""Documents whose time is over: which they are, and their way into the archive.

Takes a session, never commits. A document's retention begins with its submission.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select, text, update
from sqlalchemy.orm import Session

from ilios.db.models import AWAITING_UPLOAD, DELETED, Document, DocumentStatus, Instance
from ilios.db.models.statuses import READABLE, RETRYABLE

_ENDED = (*READABLE, *RETRYABLE)
# The partial index's own words, else SQLite cannot prove that it applies.
_TO_EXPIRE = and_(
    Document.archived_at.is_(None), text("status IN ('completed', 'failed', 'cancelled')")
)
_IN_ARCHIVE = Document.archived_at.is_not(None)


def is_over(document: Document, now: datetime) -> bool:
    """Whether a document that has ended has been here as long as it was to be."""
    age = now - document.created_at
    return document.status in _ENDED and age >= timedelta(days=document.retention_days)


def expired(session: Session, now: datetime, limit: int | None = None) -> list[str]:
    """Documents that have ended, whose retention is over, and that are not in the archive."""
    return _expired(session, _TO_EXPIRE, now, limit)


def expired_in_archive(session: Session, now: datetime, limit: int | None = None) -> list[str]:
    """Documents in the archive whose retention is over, that is, all of them."""
    return _expired(session, _IN_ARCHIVE, now, limit)


def never_uploaded(session: Session, before: datetime, limit: int | None = None) -> list[str]:
    """Documents whose link was given out before then, and that were not completed since."""
    return list(
        session.scalars(
            select(Document.id)
            .where(Document.status == AWAITING_UPLOAD, Document.created_at < before)
            .order_by(Document.created_at)
            .limit(limit)
        )
    )


def anything_deleted_since_sweep(session: Session) -> bool:
    """Whether a document was deleted since orphaned objects were last looked for."""
    swept_at = select(func.coalesce(Instance.swept_at, Instance.created_at)).scalar_subquery()
    gone = select(Document.id).where(Document.status == DELETED, Document.deleted_at >= swept_at)
    return session.scalar(gone.limit(1)) is not None


def archive(session: Session, document: Document, key: str, now: datetime) -> bool:
    """completed → archived, or merely its original moved when there is no result to be read.

    False when the document is not what it was when its original was copied to `key`.
    """
    is_readable = document.status in READABLE
    moved = session.execute(
        update(Document)
        .where(
            Document.id == document.id,
            Document.status == document.status,
            Document.storage_key == document.storage_key,
        )
        .values(
            status=DocumentStatus.ARCHIVED if is_readable else document.status,
            storage_key=key,
            archived_at=now,
        )
        .returning(Document.id)
        .execution_options(synchronize_session=False)
    )
    return moved.first() is not None


def _expired(
    session: Session, where: ColumnElement[bool], now: datetime, limit: int | None
) -> list[str]:
    found: list[str] = []
    for days in _retentions(session, where):
        ended = Document.created_at <= now - timedelta(days=days)
        due = select(Document.id).where(where, Document.retention_days == days, ended)
        found += session.scalars(due.order_by(Document.created_at).limit(limit))
        if limit is not None and len(found) >= limit:
            break
    return found


def _retentions(session: Session, where: ColumnElement[bool]) -> Iterator[int]:
    """The different retentions, each found by one look at the index: they are few."""
    days: int | None = 0
    while True:
        longer = select(func.min(Document.retention_days)).where(
            where, Document.retention_days > days
        )
        days = session.scalar(longer)
        if days is None:
            return
        yield days
