"""Removal: cancels and deletes documents. Takes a session, never commits.

Other documents may have joined a document (`result_of`). When it is deleted, they stay: its row
becomes a tombstone, its job goes on as long as one of them waits, and its pages stay as long as one
of them shows them. Pages are deleted in portions, after the tombstone: a page of 500 words takes
0.5 ms, most of it for its words in the full-text index, and a document may have thousands.
"""

from __future__ import annotations

import time
from datetime import datetime
from functools import reduce
from operator import add
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from ilios.db.models import (
    AWAITING_UPLOAD,
    DELETED,
    Document,
    DocumentStatus,
    Instance,
    Job,
    JobStatus,
    PagePiece,
    PageRow,
    PageWords,
)
from ilios.db.models.statuses import OPEN, READABLE
from ilios.db.prepared import Prepared, Runner
from ilios.db.zeroing import zeroed_if_room
from ilios.documents import extractions, job_outcome, repository, url_sources
from ilios.documents.admission import OPERATION_FILE
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
_FORGOTTEN: Final[dict[str, Any]] = {
    "options": {},
    "warnings": [],
    "info": None,
    "failed_pages": None,
}
"""Kept as long as a job of it runs for others, then cleared."""

_THIS: Final = Document.id == bindparam("of_document")
_ANSWERS_OTHERS: Final = repository.is_joined((*OPEN, *READABLE))
PORTION_SECONDS: Final = 0.05
"""For which a transaction deletes pages, give or take a row; other writers wait meanwhile."""
PORTION_BYTES: Final = 4 * 1024 * 1024  #: of a transaction, give or take a row


def _bytes_in(*columns: InstrumentedAttribute[Any]) -> ColumnElement[int]:
    """Return how many bytes a row has in some of its columns."""
    sizes = (func.coalesce(func.octet_length(column), 0) for column in columns)
    of_row: ColumnElement[int] = reduce(add, sizes)
    return of_row


def _of_page(
    row: type[PageRow | PagePiece | PageWords],
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return row.document_id == bindparam("of_document"), row.index == bindparam("of_index")


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
_DELETE_FILE = Prepared(
    update(Document)
    .where(
        _THIS,
        Document.owner == bindparam("of_owner"),
        Document.operation == OPERATION_FILE,
        Document.status == AWAITING_UPLOAD,
    )
    .values(
        **_TOMBSTONE | _FORGOTTEN | _ERASED,
        processed_at=bindparam("moment"),
        deleted_at=bindparam("moment"),
    )
)
_FORGET = Prepared(
    update(Document)
    .where(_THIS, Document.status == DELETED, ~_ANSWERS_OTHERS)
    .values(**_FORGOTTEN, to_erase=True)
)
_HAS_PAGES: Final = exists().where(PageRow.document_id == Document.id)
_TO_EMPTY: Final = (Document.status == DELETED, _HAS_PAGES, ~_ANSWERS_OTHERS)
_HAS_PAGES_TO_DELETE = Prepared(select(Document.id).where(_THIS, *_TO_EMPTY))
_WITH_PAGES_TO_DELETE = Prepared(
    select(Document.id)
    .where(text("documents.to_erase"), *_TO_EMPTY)  # as the partial index says it
    .order_by(Document.deleted_at)
    .limit(1)
)
_LAST_PAGE = Prepared(
    select(PageRow.index, _bytes_in(PageRow.markdown, PageRow.details, PageRow.layout))
    .where(PageRow.document_id == bindparam("of_document"))
    .order_by(PageRow.index.desc())
    .limit(1)
)
_LAST_PIECE = Prepared(
    select(PagePiece.number, _bytes_in(PagePiece.markdown, PagePiece.layout))
    .where(*_of_page(PagePiece))
    .order_by(PagePiece.number.desc())
    .limit(1)
)
_WORD_BYTES = Prepared(
    select(func.coalesce(func.sum(_bytes_in(PageWords.words)), 0)).where(*_of_page(PageWords))
)
_DELETE_PAGE = Prepared(delete(PageRow).where(*_of_page(PageRow)))
_DELETE_PIECE = Prepared(
    delete(PagePiece).where(*_of_page(PagePiece), PagePiece.number == bindparam("numbered"))
)
_AT_REST: Final = (_THIS, Document.to_erase, ~_is_worked_on())
_CLOSE = Prepared(
    update(Document)
    .where(
        *_AT_REST,
        ~_ANSWERS_OTHERS,
        ~_HAS_PAGES,
    )
    .values(**_FORGOTTEN, **_ERASED)
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
    url_sources.forget(session, document_id)
    job_outcome.cancel_unless_awaited(session, root_id, now)
    forget_result(session, root_id)
    return True


def tombstone_of_file(session: Session, document_id: str, owner: str, now: datetime) -> bool:
    """Move a kept file awaiting_upload → deleted, once its object is gone: it has nothing else.

    Returns False when it was deleted before.
    """
    return bool(_DELETE_FILE.run(session, of_document=document_id, of_owner=owner, moment=now))


def forget_result(session: Session, document_id: str) -> None:
    """Forget what a deleted document was asked for and found, unless others show or await it.

    Its pages are left to `delete_pages`.
    """
    if _FORGET.run(session, of_document=document_id):
        extractions.forget(session, document_id)


def has_pages_to_delete(on: Runner, document_id: str) -> bool:
    """Return whether a document is deleted and has pages that no others show or await."""
    return _HAS_PAGES_TO_DELETE.first(on, of_document=document_id) is not None


def next_with_pages_to_delete(on: Runner) -> str | None:
    """Return one of the documents for which `has_pages_to_delete` is true; None without any."""
    found = _WITH_PAGES_TO_DELETE.first(on)
    return found[0] if found else None


def delete_pages(session: Session, document_id: str) -> bool:
    """Delete the last pages of a deleted document, unless others show or await them.

    Returns whether there may be more: a transaction deletes one portion.
    """
    if not has_pages_to_delete(session, document_id):
        return False
    until = time.monotonic() + PORTION_SECONDS
    freed = 0
    while size_bytes := _delete_last_row(session, document_id):
        freed += size_bytes
        if freed > PORTION_BYTES or time.monotonic() > until:
            return True
    return False


def close(session: Session, document_id: str, *, keeps_images: bool) -> bool:
    """Note that no objects of a deleted document are left, except images that others show.

    Returns False while a job may still store some, or when `keeps_images` has changed since.
    """
    statement = _CLOSE_WITH_IMAGES if keeps_images else _CLOSE
    return bool(statement.run(session, of_document=document_id))


def _delete_last_row(session: Session, document_id: str) -> int:
    """Delete the last piece of the last page, or that page; return its bytes, 0 when none is left.

    A long page is not deleted at once.
    """
    page = _LAST_PAGE.first(session, of_document=document_id)
    if page is None:
        return 0
    index, size_bytes = page
    of_page = {"of_document": document_id, "of_index": index}
    if (piece := _LAST_PIECE.first(session, **of_page)) is not None:
        number, size_bytes = piece
        with zeroed_if_room(session, size_bytes):
            _DELETE_PIECE.run(session, **of_page, numbered=number)
    else:
        ((of_words,),) = _WORD_BYTES.all(session, **of_page)
        size_bytes += of_words
        with zeroed_if_room(session, size_bytes):
            _DELETE_PAGE.run(session, **of_page)
    return 1 + int(size_bytes)


def answers_others(on: Runner, document_id: str) -> bool:
    """Return whether documents that have joined this one show its pages, or wait for them."""
    return _DOES_ANSWER_OTHERS.first(on, of_document=document_id) is not None


def remains(on: Runner, document_id: str) -> Remains:
    """Return what is left of a document."""
    return Remains(*_REMAINS.all(on, of_document=document_id)[0])
