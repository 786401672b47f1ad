"""Expiry: which documents have reached the end of their retention, and how they are archived.

Takes a session, never commits. A document's retention begins with its submission.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select, text, update
from sqlalchemy.orm import Session

from ilios.db.models import AWAITING_UPLOAD, DELETED, ApiKey, Document, DocumentStatus, Instance
from ilios.db.models.statuses import READABLE, RETRYABLE

_ENDED = (*READABLE, *RETRYABLE)
# The partial index's own words, else SQLite cannot prove that it applies.
_TO_EXPIRE = and_(
    Document.archived_at.is_(None), text("status IN ('completed', 'failed', 'cancelled')")
)
_IN_ARCHIVE = Document.archived_at.is_not(None)


def is_over(document: Document, now: datetime) -> bool:
    """Return whether a document has ended, and its retention is over."""
    age = now - document.created_at
    return document.status in _ENDED and age >= timedelta(days=document.retention_days)


def expired(session: Session, now: datetime, limit: int | None = None) -> list[str]:
    """Return the documents that have ended, whose retention is over, outside of the archive."""
    return _expired(session, _TO_EXPIRE, now, limit)


def expired_in_archive(session: Session, now: datetime, limit: int | None = None) -> list[str]:
    """Return the documents in the archive whose retention is over, that is, all of them."""
    return _expired(session, _IN_ARCHIVE, now, limit)


def never_uploaded(session: Session, before: datetime, limit: int | None = None) -> list[str]:
    """Return the documents whose upload link was issued before then, and never used."""
    return list(
        session.scalars(
            select(Document.id)
            .where(Document.status == AWAITING_UPLOAD, Document.created_at < before)
            .order_by(Document.created_at)
            .limit(limit)
        )
    )


def not_to_be_uploaded(session: Session, limit: int | None = None) -> list[str]:
    """Return the documents that wait for an upload, and whose key was revoked."""
    revoked = select(ApiKey.owner).where(ApiKey.revoked_at.is_not(None))
    return list(
        session.scalars(
            select(Document.id)
            .where(Document.status == AWAITING_UPLOAD, Document.owner.in_(revoked))
            .order_by(Document.created_at)
            .limit(limit)
        )
    )


def anything_deleted_since_sweep(session: Session) -> bool:
    """Return whether a document was deleted since the last sweep of orphaned objects."""
    swept_at = select(func.coalesce(Instance.swept_at, Instance.created_at)).scalar_subquery()
    gone = select(Document.id).where(Document.status == DELETED, Document.deleted_at >= swept_at)
    return session.scalar(gone.limit(1)) is not None


def archive(session: Session, document: Document, key: str, now: datetime) -> bool:
    """Move completed → archived; of a document without a result, only the key of its original.

    Returns False when the document has changed since its original was copied to `key`.
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
    """Yield the different retentions in days, each found by one look at the index: they are few."""
    days: int | None = 0
    while True:
        longer = select(func.min(Document.retention_days)).where(
            where, Document.retention_days > days
        )
        days = session.scalar(longer)
        if days is None:
            return
        yield days
