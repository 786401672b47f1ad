"""Expiry: which documents have reached the end of their retention, and how they are archived.

Takes a session, never commits. A document's retention begins with its submission.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, func, select, text, update
from sqlalchemy.orm import Session

from ilios.db.models import AWAITING_UPLOAD, DELETED, ApiKey, Document, DocumentStatus, Instance
from ilios.db.models.statuses import READABLE, RETRYABLE
from ilios.db.prepared import Prepared

_ENDED = (*READABLE, *RETRYABLE)
# The partial index's own words, else SQLite cannot prove that it applies.
_TO_EXPIRE = and_(
    Document.archived_at.is_(None), text("status IN ('completed', 'failed', 'cancelled')")
)
_IN_ARCHIVE = Document.archived_at.is_not(None)
_ALL = 2**31 - 1  #: as a limit: the largest integer of four bytes
_SWEPT_AT = select(func.coalesce(Instance.swept_at, Instance.created_at)).scalar_subquery()


class _Expiring:
    """The queries for documents of one kind whose retention is over."""

    def __init__(self, which: ColumnElement[bool]) -> None:
        self.next_retention = Prepared(
            select(func.min(Document.retention_days)).where(
                which, Document.retention_days > bindparam("days")
            )
        )
        self.ended = Prepared(
            select(Document.id)
            .where(
                which,
                Document.retention_days == bindparam("days"),
                Document.created_at <= bindparam("moment"),
            )
            .order_by(Document.created_at)
            .limit(bindparam("at_most"))
        )


_OUTSIDE_ARCHIVE = _Expiring(_TO_EXPIRE)
_INSIDE_ARCHIVE = _Expiring(_IN_ARCHIVE)
_NEVER_UPLOADED = Prepared(
    select(Document.id)
    .where(
        Document.status == AWAITING_UPLOAD,
        Document.created_at < bindparam("moment"),
        Document.sha256.is_(None),  # the bytes of a kept file are here
    )
    .order_by(Document.created_at)
    .limit(bindparam("at_most"))
)
_KEPT_FILES = Prepared(
    select(Document.id)
    .where(
        Document.status == AWAITING_UPLOAD,
        Document.options["expires_at"].as_integer() <= bindparam("second"),
    )
    .order_by(Document.created_at)
    .limit(bindparam("at_most"))
)
_NOT_TO_BE_UPLOADED = Prepared(
    select(Document.id)
    .where(
        Document.status == AWAITING_UPLOAD,
        Document.owner.in_(select(ApiKey.owner).where(ApiKey.revoked_at.is_not(None))),
    )
    .order_by(Document.created_at)
    .limit(bindparam("at_most"))
)
_DELETED_SINCE_SWEEP = Prepared(
    select(Document.id).where(Document.status == DELETED, Document.deleted_at >= _SWEPT_AT).limit(1)
)


def is_over(document: Document, now: datetime) -> bool:
    """Return whether a document has ended, and its retention is over."""
    age = now - document.created_at
    return document.status in _ENDED and age >= timedelta(days=document.retention_days)


def expired(session: Session, now: datetime, limit: int | None = None) -> list[str]:
    """Return the documents that have ended, whose retention is over, outside of the archive."""
    return _expired(session, _OUTSIDE_ARCHIVE, now, limit)


def expired_in_archive(session: Session, now: datetime, limit: int | None = None) -> list[str]:
    """Return the documents in the archive whose retention is over, that is, all of them."""
    return _expired(session, _INSIDE_ARCHIVE, now, limit)


def never_uploaded(session: Session, before: datetime, limit: int | None = None) -> list[str]:
    """Return the documents whose upload link was issued before then, and never used."""
    found = _NEVER_UPLOADED.all(session, moment=before, at_most=limit or _ALL)
    return [document_id for (document_id,) in found]


def kept_files(session: Session, now: datetime, limit: int | None = None) -> list[str]:
    """Return the files that were kept for their time; see ilios.documents.kept_files."""
    found = _KEPT_FILES.all(session, second=int(now.timestamp()), at_most=limit or _ALL)
    return [document_id for (document_id,) in found]


def not_to_be_uploaded(session: Session, limit: int | None = None) -> list[str]:
    """Return the documents that wait for an upload, and whose key was revoked."""
    found = _NOT_TO_BE_UPLOADED.all(session, at_most=limit or _ALL)
    return [document_id for (document_id,) in found]


def anything_deleted_since_sweep(session: Session) -> bool:
    """Return whether a document was deleted since the last sweep of orphaned objects."""
    return _DELETED_SINCE_SWEEP.first(session) is not None


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


def _expired(session: Session, which: _Expiring, now: datetime, limit: int | None) -> list[str]:
    found: list[str] = []
    at_most = limit or _ALL
    for days in _retentions(session, which):
        moment = now - timedelta(days=days)
        ended = which.ended.all(session, days=days, moment=moment, at_most=at_most)
        found += [document_id for (document_id,) in ended]
        if len(found) >= at_most:
            break
    return found


def _retentions(session: Session, which: _Expiring) -> Iterator[int]:
    """Yield the different retentions in days, each found by one look at the index: they are few."""
    days: int | None = 0
    while True:
        ((days,),) = which.next_retention.all(session, days=days)
        if days is None:
            return
        yield days
