"""What people do to documents: cancel and delete. Takes a session, never commits.

Others may have joined a document (`result_of`). When it goes, they stay: its row remains behind
them, its job goes on as long as one of them waits, and its pages stay as long as one shows them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from ilios.db.models import Document, DocumentStatus, Job, JobStatus, PageRow
from ilios.db.models.statuses import OPEN, READABLE
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
"""What is left of a document: that it was there, whose it was, when, how large, in which batch."""
_ERASED: Final[dict[str, Any]] = {"storage_key": "", "to_erase": False}
_FORGOTTEN: Final[dict[str, Any]] = {"options": {}, "warnings": []}
"""What its job needs as long as others wait for it, and nobody afterwards."""


def cancel(session: Session, document: Document, now: datetime) -> bool:
    """pending | processing → cancelled; False when it has ended meanwhile."""
    values = {"status": DocumentStatus.CANCELLED, "processed_at": now}
    if not _change(session, document.id, Document.status.in_(OPEN), values):
        return False
    job_outcome.cancel_unless_awaited(session, repository.result_id(document), now)
    return True


def tombstone(session: Session, document: Document, now: datetime) -> bool:
    """Any → deleted; False when it was before. Its objects are to be erased afterwards."""
    values = {**_TOMBSTONE, "processed_at": document.processed_at or now, "deleted_at": now}
    if not _change(session, document.id, Document.status != DocumentStatus.DELETED, values):
        return False
    cancellation.silence(session, document.id)
    root_id = repository.result_id(document)
    job_outcome.cancel_unless_awaited(session, root_id, now)
    forget_result(session, root_id)
    return True


def forget_result(session: Session, document_id: str) -> None:
    """Remove the pages of a deleted document, once they answer nobody any more."""
    unused = (Document.status == DocumentStatus.DELETED) & ~_answers_others()
    if _change(session, document_id, unused, {**_FORGOTTEN, "to_erase": True}):
        session.execute(delete(PageRow).where(PageRow.document_id == document_id))


def close(session: Session, document_id: str, *, keeps_images: bool) -> bool:
    """Note that nothing of a deleted document is left in the object store, its images apart.

    False while a job may still write there, or when its images are needed, or not, since then.
    """
    answers_others = _answers_others() if keeps_images else ~_answers_others()
    at_rest = Document.to_erase & ~_is_worked_on() & answers_others
    forgotten = {} if keeps_images else _FORGOTTEN
    return _change(session, document_id, at_rest, {**forgotten, **_ERASED})


def answers_others(session: Session, document_id: str) -> bool:
    """Whether documents that have joined this one show, or wait for, its pages."""
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
    """Change a document that is what it was seen to be; False when it is not any more."""
    changed = session.execute(
        update(Document)
        .where(Document.id == document_id, left)
        .values(values)
        .returning(Document.id)
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None
