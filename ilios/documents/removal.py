"""Removal: cancels and deletes documents. Takes a session, never commits.

Other documents may have joined a document (`result_of`). When it is deleted, they stay: its row
becomes a tombstone, its job goes on as long as one of them waits, and its pages stay as long as one
of them shows them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, bindparam, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from ilios.db.models import DELETED, Document, DocumentStatus, Instance, Job, JobStatus, PageRow
from ilios.db.models.statuses import OPEN, READABLE
from ilios.db.prepared import Prepared, Runner
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

_THIS: Final = Document.id == bindparam("of_document")
_PAGES_OF_THIS: Final = PageRow.document_id == bindparam("of_document")
_ANSWERS_OTHERS: Final = repository.is_joined((*OPEN, *READABLE))


def _is_worked_on() -> ColumnElement[bool]:
    may_write = or_(
        Job.status.in_(queries.OPEN),
        (Job.status == JobStatus.CANCELLED) & Job.worker.is_not(None),
    )
    return exists().where(Job.document_id == Document.id, may_write)


_CANCEL = Prepared(
    update(Document)
    .where(_THIS, Document.status.in_(OPEN))
    .values(status=DocumentStatus.CANCELLED, processed_at=bindparam("moment"))
)
_CANCEL_BATCH = Prepared(
    update(Document)
    .where(Document.batch_id == bindparam("of_batch"), Document.status.in_(OPEN))
    .values(status=DocumentStatus.CANCELLED, processed_at=bindparam("moment"))
    .returning(func.coalesce(Document.result_of, Document.id))
)
_DELETE = Prepared(
    update(Document)
    .where(_THIS, Document.status != DELETED)
    .values(
        **_TOMBSTONE,
        processed_at=func.coalesce(Document.processed_at, bindparam("moment")),
        deleted_at=bindparam("moment"),
    )
)
_FORGET = Prepared(
    update(Document)
    .where(_THIS, Document.status == DELETED, ~_ANSWERS_OTHERS)
    .values(**_FORGOTTEN, to_erase=True)
)
_PAGE_BYTES = Prepared(
    select(func.coalesce(func.sum(func.octet_length(PageRow.markdown)), 0)).where(_PAGES_OF_THIS)
)
_DELETE_PAGES = Prepared(delete(PageRow).where(_PAGES_OF_THIS))
_AT_REST: Final = (_THIS, Document.to_erase, ~_is_worked_on())
_CLOSE = Prepared(
    update(Document).where(*_AT_REST, ~_ANSWERS_OTHERS).values(**_FORGOTTEN, **_ERASED)
)
_CLOSE_WITH_IMAGES = Prepared(update(Document).where(*_AT_REST, _ANSWERS_OTHERS).values(**_ERASED))
_DOES_ANSWER_OTHERS = Prepared(select(Document.id).where(_THIS, _ANSWERS_OTHERS))
_REMAINS = Prepared(
    select(
        Document.status,
        Document.owner,
        Document.storage_key,
        repository.is_awaited_here(),
        _ANSWERS_OTHERS,
        select(Instance.id).scalar_subquery(),
    ).where(_THIS)
)


class Remains(NamedTuple):
    """What is to be known of a document whose objects are to be erased."""

    status: DocumentStatus
    owner: str
    storage_key: str
    is_awaited: bool  #: also by others that joined it
    answers_others: bool
    instance_id: str


def cancel(session: Session, document_id: str, root_id: str, now: datetime) -> bool:
    """Move pending | processing → cancelled; return False when it has ended meanwhile.

    `root_id` is the document whose pages answer it, here and below.
    """
    if not _CANCEL.run(session, of_document=document_id, moment=now):
        return False
    job_outcome.cancel_unless_awaited(session, root_id, now)
    return True


def cancel_batch(session: Session, batch_id: str, now: datetime) -> None:
    """Move the pending and processing documents of a batch → cancelled."""
    roots = _CANCEL_BATCH.all(session, of_batch=batch_id, moment=now)
    for root_id in {root_id for (root_id,) in roots}:
        job_outcome.cancel_unless_awaited(session, root_id, now)


def tombstone(session: Session, document_id: str, root_id: str, now: datetime) -> bool:
    """Move any status → deleted; return False when it was before. Erase its objects afterwards."""
    if not _DELETE.run(session, of_document=document_id, moment=now):
        return False
    cancellation.forget_errors(session, document_id)
    job_outcome.cancel_unless_awaited(session, root_id, now)
    forget_result(session, root_id)
    return True


def forget_result(session: Session, document_id: str) -> None:
    """Delete the pages of a deleted document, unless others show or await them."""
    if not _FORGET.run(session, of_document=document_id):
        return
    ((size_bytes,),) = _PAGE_BYTES.all(session, of_document=document_id)
    with zeroed_if_room(session, size_bytes):
        _DELETE_PAGES.run(session, of_document=document_id)


def close(session: Session, document_id: str, *, keeps_images: bool) -> bool:
    """Note that no objects of a deleted document are left, except images that others show.

    Returns False while a job may still store some, or when `keeps_images` has changed since.
    """
    statement = _CLOSE_WITH_IMAGES if keeps_images else _CLOSE
    return bool(statement.run(session, of_document=document_id))


def answers_others(on: Runner, document_id: str) -> bool:
    """Return whether documents that have joined this one show its pages, or wait for them."""
    return _DOES_ANSWER_OTHERS.first(on, of_document=document_id) is not None


def remains(on: Runner, document_id: str) -> Remains:
    """Return what is left of a document."""
    return Remains(*_REMAINS.all(on, of_document=document_id)[0])
