"""Removal: cancels and deletes documents. Takes a session, never commits.

Other documents may have joined a document (`result_of`). When it is deleted, they stay: its row
becomes a tombstone, its job goes on as long as one of them waits, and its pages stay as long as one
of them shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from ilios.core import clock
from ilios.db.models import Document, DocumentStatus, Job, JobStatus, PageRow
from ilios.db.models.statuses import OPEN, READABLE
from ilios.db.zeroing import zeroed_if_room
from ilios.documents import job_outcome, repository
from ilios.queue import cancellation, queries

_TOMBSTONE: Final[dict[str, Any]] = {
    "status": DocumentStatus.DELETED,
    "file_name": "",
    "sha256": None,
    "fingerprint": None,
    "error": None,
    "error_code": None,
    "archived_at": None,
    "to_erase": True,
}
"""Kept of a deleted document: its id, owner, dates, size and batch."""
_ERASED: Final[dict[str, Any]] = {"storage_key": "", "to_erase": False}
_FORGOTTEN: Final[dict[str, Any]] = {"options": {}, "warnings": []}
"""Kept as long as a job of it runs for others, then cleared."""


@dataclass(frozen=True, slots=True)
class DeleteDocument:
    """A unit of work: make a document of an owner a tombstone. Raises DocumentNotFound."""

    document_id: str
    owner: str

    def __call__(self, session: Session) -> Document | None:
        """Return the document; None when it was deleted before."""
        document = repository.document_of(session, self.document_id, self.owner)
        return document if tombstone(session, document, clock.now()) else None


@dataclass(frozen=True, slots=True)
class CloseErased:
    """A unit of work: forget the result of a document whose objects are gone; see `close`."""

    document_id: str
    keeps_images: bool

    def __call__(self, session: Session) -> bool:
        forget_result(session, self.document_id)
        return close(session, self.document_id, keeps_images=self.keeps_images)


def cancel(session: Session, document: Document, now: datetime) -> bool:
    """Move pending | processing → cancelled; return False when it has ended meanwhile."""
    values = {"status": DocumentStatus.CANCELLED, "processed_at": now}
    if not _change(session, document.id, Document.status.in_(OPEN), values):
        return False
    job_outcome.cancel_unless_awaited(session, repository.result_id(document), now)
    return True


def tombstone(session: Session, document: Document, now: datetime) -> bool:
    """Move any status → deleted; return False when it was before. Erase its objects afterwards."""
    values = {**_TOMBSTONE, "processed_at": document.processed_at or now, "deleted_at": now}
    if not _change(session, document.id, Document.status != DocumentStatus.DELETED, values):
        return False
    cancellation.forget_errors(session, document.id)
    root_id = repository.result_id(document)
    job_outcome.cancel_unless_awaited(session, root_id, now)
    forget_result(session, root_id)
    return True


def forget_result(session: Session, document_id: str) -> None:
    """Delete the pages of a deleted document, unless others show or await them."""
    unused = (Document.status == DocumentStatus.DELETED) & ~_answers_others()
    if _change(session, document_id, unused, {**_FORGOTTEN, "to_erase": True}):
        pages = PageRow.document_id == document_id
        size = select(func.coalesce(func.sum(func.octet_length(PageRow.markdown)), 0)).where(pages)
        with zeroed_if_room(session, session.scalars(size).one()):
            session.execute(delete(PageRow).where(pages))


def close(session: Session, document_id: str, *, keeps_images: bool) -> bool:
    """Note that no objects of a deleted document are left, except images that others show.

    Returns False while a job may still store some, or when `keeps_images` has changed since.
    """
    answers_others = _answers_others() if keeps_images else ~_answers_others()
    at_rest = Document.to_erase & ~_is_worked_on() & answers_others
    forgotten = {} if keeps_images else _FORGOTTEN
    return _change(session, document_id, at_rest, {**forgotten, **_ERASED})


def answers_others(session: Session, document_id: str) -> bool:
    """Return whether documents that have joined this one show its pages, or wait for them."""
    found = select(Document.id).where(Document.id == document_id, _answers_others())
    return session.scalar(found) is not None


def _answers_others() -> ColumnElement[bool]:
    return repository.is_joined((*OPEN, *READABLE))


def _is_worked_on() -> ColumnElement[bool]:
    may_write = or_(
        Job.status.in_(queries.OPEN),
        (Job.status == JobStatus.CANCELLED) & Job.worker.is_not(None),
    )
    return exists().where(Job.document_id == Document.id, may_write)


def _change(
    session: Session, document_id: str, left: ColumnElement[bool], values: dict[str, Any]
) -> bool:
    """Change a document under a condition; return False when it does not hold any more."""
    changed = session.execute(
        update(Document)
        .where(Document.id == document_id, left)
        .values(values)
        .returning(Document.id)
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None
