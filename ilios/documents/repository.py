"""The repository of documents, their pages, and batches. Takes a session, never commits.

What a client may read is looked up with its owner: another owner's document is not found.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Float,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    null,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from ilios.core.request_errors import BatchNotFound, DocumentNotFound, Gone
from ilios.db.dialects import is_postgres
from ilios.db.models import Batch, Document, DocumentStatus, Job, PageRow, ProviderBatch
from ilios.db.models.statuses import OPEN, READABLE
from ilios.db.prepared import Prepared, Runner
from ilios.engines.base import DocumentInfo

GONE = (
    "This document was deleted, by its owner or because its retention had ended. Send it again if "
    "its result is needed."
)

_COLUMNS: Final = tuple(Document.__table__.columns)
_SUBMITTED: Final = frozenset(
    (
        *("id", "owner", "file_name", "mime_type", "file_size", "sha256", "storage_key"),
        *("fingerprint", "operation", "options", "retention_days", "created_at"),
        *("status", "result_of", "batch_id", "provider_batch_id"),
        *("reserved_pages", "reserved_micros", "webhook_url"),
    )
)
"""The columns of a document that was submitted, and has no result."""
_INSERT = Prepared(insert(Document))
INSERT_SUBMITTED = Prepared(insert(Document).values(warnings=[]), _SUBMITTED)
_INSERT_BATCH = Prepared(insert(Batch))
_NEW: Final = {
    **{column.key: column.default and column.default.arg for column in _COLUMNS},
    "warnings": [],
}
_STATE_OF = Prepared(
    select(Document.status, func.coalesce(Document.result_of, Document.id)).where(
        Document.id == bindparam("wanted"), Document.owner == bindparam("of_owner")
    )
)
_AWAITED = Prepared(
    select(Document.id)
    .where(
        or_(
            Document.id == bindparam("of_document"), Document.result_of == bindparam("of_document")
        ),
        Document.status.in_(OPEN),
    )
    .limit(1)
)
_BATCH_STATUSES = Prepared(
    select(Document.status).where(Document.batch_id == bindparam("of_batch")).distinct()
)
# Prepared once: see ilios.queue.jobs.
_PAGE_SPAN = Prepared(
    select(func.min(PageRow.index), func.max(PageRow.index), func.count()).where(
        PageRow.document_id == bindparam("of_document")
    )
)
_PAGE_INDEXES = Prepared(
    select(PageRow.index)
    .where(PageRow.document_id == bindparam("of_document"))
    .order_by(PageRow.index)
)
_SOURCE = Prepared(
    select(Document.model, Document.warnings, Document.info, Document.options).where(
        Document.id == bindparam("of_document")
    )
)
# Of PostgreSQL alone: nothing that refers to the row has to wait for it.
_LOCK = Prepared(
    select(Document.id)
    .where(Document.id == bindparam("of_document"))
    .with_for_update(key_share=True)
)
_DOCUMENT_OF = select(Document).where(
    Document.id == bindparam("wanted"), Document.owner == bindparam("of_owner")
)
_DUPLICATE = (
    select(*_COLUMNS)
    .where(
        Document.owner == bindparam("of_owner"),
        Document.fingerprint == bindparam("of_fingerprint"),
        Document.fingerprint.is_not(None),  # as the partial index says it
        Document.result_of.is_(None),
        Document.status.in_((*OPEN, *READABLE)),
        or_(
            # One that lacks pages has to be retried, so that nobody gets less without knowing.
            and_(Document.status.in_(READABLE), Document.failed_pages.is_(null())),
            # What is open may still fail for maxCostUsd, or be completed without pages.
            and_(
                Document.status.in_(OPEN),
                Document.options["max_cost_micros"].as_integer().is_(None),
                func.coalesce(Document.options["allow_partial"].as_float(), 0)
                == bindparam("of_allow_partial", type_=Float),
            ),
        ),
        or_(
            bindparam("with_or_without_blocks", type_=Boolean),
            Document.status.in_(OPEN),
            exists().where(PageRow.document_id == Document.id, PageRow.layout.is_not(None)),
        ),
    )
    .order_by(case((Document.status.in_(READABLE), 0), else_=1), Document.created_at.desc())
    .limit(1)
    # One that ends meanwhile is waited for; from then on its end finds what has joined it.
    .with_for_update(read=True, of=Document)
)
_DUPLICATE_IN_BATCH_LANE = Prepared(_DUPLICATE)
_DUPLICATE_NOT_IN_BATCH_LANE = Prepared(
    _DUPLICATE.where(or_(Document.provider_batch_id.is_(None), Document.status.in_(READABLE)))
)


class Source(NamedTuple):
    """Where the pages of a document come from, which others may show too."""

    model: str | None
    warnings: list[dict[str, Any]]
    info: DocumentInfo | None  #: None when nobody has looked
    has_words: bool  #: whether its pages were asked for words
    is_extracted: bool  #: whether it was asked for fields by a schema


def is_awaited(session: Session, document_id: str) -> bool:
    """Return whether the document, or one that has joined it, waits for its result."""
    return _AWAITED.first(session, of_document=document_id) is not None


def lock(session: Session, document_id: str) -> None:
    """Keep other transactions from changing a document, before what is then decided is read.

    On SQLite the writer is alone.
    """
    if is_postgres(session):
        _LOCK.send(session, of_document=document_id)


def state_of(on: Runner, document_id: str, owner: str) -> tuple[DocumentStatus, str]:
    """Return a document's status, and the id of the one whose pages answer it.

    Raises DocumentNotFound, also for another owner's.
    """
    state = _STATE_OF.first(on, wanted=document_id, of_owner=owner)
    if state is None:
        raise DocumentNotFound
    return state


def is_awaited_here() -> ColumnElement[bool]:
    """Return the condition that a document, or one that has joined it, waits for its result."""
    return Document.status.in_(OPEN) | is_joined(OPEN)


def add(session: Session, **columns: Any) -> dict[str, Any]:
    """Insert a document, and return its row; other columns have their defaults, or nothing."""
    row = whole(columns)
    if columns.keys() == _SUBMITTED:
        INSERT_SUBMITTED.send(session, **columns)
    else:
        _INSERT.send(session, **row)
    return row


def whole(columns: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a document, where the columns that are not given have their defaults."""
    return _NEW | columns


def add_batch(session: Session, **columns: Any) -> None:
    """Insert a batch."""
    _INSERT_BATCH.send(session, **columns)


def document_of(session: Session, document_id: str, owner: str) -> Document:
    """Return a document. Raises DocumentNotFound, also for another owner's."""
    document = session.scalar(_DOCUMENT_OF, {"wanted": document_id, "of_owner": owner})
    if document is None:
        raise DocumentNotFound
    return document


def present_document_of(session: Session, document_id: str, owner: str) -> Document:
    """Return a document. Raises DocumentNotFound, and Gone for one that was deleted."""
    document = document_of(session, document_id, owner)
    if document.status is DocumentStatus.DELETED:
        raise Gone(GONE)
    return document


def owner_awaiting(session: Session, incoming_key: str) -> str | None:
    """Return the owner of the document that waits for the upload of an object."""
    waiting = select(Document.owner).where(
        Document.id == incoming_key.rpartition("/")[2],
        Document.storage_key == incoming_key,
        Document.status == DocumentStatus.AWAITING_UPLOAD,
    )
    return session.scalar(waiting)


def result_id(document: Document) -> str:
    """Return the id of the document whose pages answer this one."""
    return document.result_of or document.id


@cache  # to make it takes half a millisecond, and writers wait for the one that does
def is_joined(statuses: tuple[DocumentStatus, ...]) -> ColumnElement[bool]:
    """Return the condition that documents in one of these statuses have joined a document."""
    duplicate = aliased(Document)
    return exists().where(duplicate.result_of == Document.id, duplicate.status.in_(statuses))


def batch_of(session: Session, batch_id: str, owner: str) -> Batch:
    """Return a batch. Raises BatchNotFound, also for another owner's."""
    batch = session.scalar(select(Batch).where(Batch.id == batch_id, Batch.owner == owner))
    if batch is None:
        raise BatchNotFound
    return batch


def latest_job(session: Session, document_id: str) -> Job | None:
    return session.scalar(
        select(Job).where(Job.document_id == document_id).order_by(Job.created_at.desc()).limit(1)
    )


def documents_in_batch(session: Session, batch_id: str) -> list[Document]:
    """Return the documents of a batch in the order of submission."""
    return list(
        session.scalars(
            select(Document)
            .where(Document.batch_id == batch_id)
            .order_by(Document.created_at, Document.id)
        )
    )


def statuses_in_batch(session: Session, batch_id: str) -> set[DocumentStatus]:
    """Return the statuses that documents of a batch have."""
    return {status for (status,) in _BATCH_STATUSES.all(session, of_batch=batch_id)}


def provider_batch_of(session: Session, batch_id: str) -> ProviderBatch | None:
    return session.scalar(select(ProviderBatch).where(ProviderBatch.batch_id == batch_id))


def open_in_batch_lane(session: Session, provider_batch_id: str) -> list[Document]:
    """Return what the provider's batch lane is still to convert, in the order of submission.

    A cancelled or deleted document is among it as long as others that joined it wait for it.
    """
    return list(
        session.scalars(
            select(Document)
            .where(
                Document.provider_batch_id == provider_batch_id,
                or_(Document.status.in_(OPEN), is_joined(OPEN)),
            )
            .order_by(Document.created_at, Document.id)
        )
    )


def batch_progress(session: Session, batch_id: str) -> dict[DocumentStatus, int]:
    rows = session.execute(
        select(Document.status, func.count().label("documents"))
        .where(Document.batch_id == batch_id)
        .group_by(Document.status)
    )
    return {row.status: row.documents for row in rows}


def page_indexes(on: Runner, document_id: str) -> list[int]:
    """Return the indexes of the pages that a document has, in order."""
    ((first, last, count),) = _PAGE_SPAN.all(on, of_document=document_id)
    if not count:
        return []
    if count == last - first + 1:  # none is missing: thousands are not read one by one
        return list(range(first, last + 1))
    return [index for (index,) in _PAGE_INDEXES.all(on, of_document=document_id)]


def source(on: Runner, document_id: str) -> Source:
    """Return where the pages of a document come from. Raises DocumentNotFound."""
    row = _SOURCE.first(on, of_document=document_id)
    if row is None:
        raise DocumentNotFound
    model, warnings, info, options = row
    return Source(
        model,
        warnings,
        None if info is None else DocumentInfo(**info),
        has_words=options.get("confidence") == "word",
        is_extracted=options.get("extraction", {}).get("of_document", False),
    )


def images(session: Session, document_id: str) -> list[dict[str, Any]]:
    """Return the images of all pages of a document, as `StoredImage.as_json` wrote them."""
    rows = session.scalars(select(PageRow.images).where(PageRow.document_id == document_id))
    return [image for row in rows for image in row]


def duplicate(
    session: Session,
    owner: str,
    fingerprint: str,
    *,
    in_batch_lane: bool,
    needs_blocks: bool = False,
    allow_partial: float | None = None,
) -> Document | None:
    """Return an open or whole document with this fingerprint, detached; None without one.

    With `needs_blocks` no result is returned that was stored before there were blocks.
    Only a document of the provider's batch lane joins one that waits in that lane, and an open one
    is joined only by those that may lack as many pages.
    """
    statement = _DUPLICATE_IN_BATCH_LANE if in_batch_lane else _DUPLICATE_NOT_IN_BATCH_LANE
    row = statement.first(
        session,
        of_owner=owner,
        of_fingerprint=fingerprint,
        with_or_without_blocks=not needs_blocks,
        of_allow_partial=allow_partial or 0,
    )
    if row is None:
        return None
    return Document.detached({column.key: v for column, v in zip(_COLUMNS, row, strict=True)})
