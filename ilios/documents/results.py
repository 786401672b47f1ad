"""The progress, pages and result of a document. Takes a session, never commits.

Only this module, ilios.documents.admission, ilios.documents.removal and
ilios.documents.retention.expiry write `documents.status`.

A cancelled or deleted document may have to be converted for others that have joined it: see
ilios.documents.removal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, func, insert, or_, select, update
from sqlalchemy.orm import Session

from ilios.core.conversion_errors import ConversionError
from ilios.db.models import Document, DocumentStatus, Job, PagePiece, PageRow
from ilios.db.models.statuses import OPEN, READABLE, RETRYABLE
from ilios.db.prepared import Prepared
from ilios.documents import repository
from ilios.engines.base import Conversion, ConversionWarning, Page

# Prepared once: see ilios.queue.jobs.
SHARED_RESULT = ("status", "model", "page_count", "pages_done", "warnings", "processed_at")
"""Columns that a document takes over from the one whose result it shows."""
_INSERT_PAGE = Prepared(insert(PageRow))
_INSERT_PIECE = Prepared(insert(PagePiece))
PAGES_PER_INSERT = 50  #: of at most a piece each; more are not held in memory
_BEGIN = Prepared(
    update(Document)
    .where(
        Document.id
        == select(Job.document_id).where(Job.id == bindparam("of_job")).scalar_subquery(),
        Document.status == DocumentStatus.PENDING,
    )
    .values(status=DocumentStatus.PROCESSING, started_at=bindparam("moment"))
)
_STATE = Prepared(
    select(
        Document.status,
        Document.warnings,
        exists().where(PageRow.document_id == Document.id),
        repository.is_joined(OPEN),
    ).where(Document.id == bindparam("of_document"))
)
_TAKES_PAGES = (*OPEN, *RETRYABLE)
"""A retry of a failed or cancelled document finds its pages."""
_CHECKPOINT = Prepared(
    update(Document)
    .where(Document.id == bindparam("of_document"))
    .values(
        model=bindparam("resolved"),
        pages_done=bindparam("stored"),
        warnings=bindparam("noted"),
    )
)
_COMPLETE = Prepared(
    update(Document)
    .where(Document.id == bindparam("of_document"), Document.status.in_(OPEN))
    .values(
        status=DocumentStatus.COMPLETED,
        processed_at=bindparam("moment"),
        page_count=select(func.count()).where(PageRow.document_id == Document.id).scalar_subquery(),
        error=None,
        error_code=None,
        part_bytes=0,
    )
)
_RESULT = Prepared(
    select(
        Document.model,
        Document.warnings,
        Document.started_at,
        select(func.count()).where(PageRow.document_id == Document.id).scalar_subquery(),
    ).where(Document.id == bindparam("of_document"), repository.is_joined(OPEN))
)
_COMPLETE_DUPLICATES = Prepared(
    update(Document)
    .where(Document.result_of == bindparam("of_document"), Document.status.in_(OPEN))
    .values(
        status=DocumentStatus.COMPLETED,
        processed_at=bindparam("moment"),
        model=bindparam("resolved"),
        page_count=bindparam("stored"),
        pages_done=bindparam("stored"),
        warnings=bindparam("noted"),
        started_at=bindparam("begun"),
    )
)


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image of a page, as kept in the object store."""

    name: str
    key: str
    media_type: str
    size_bytes: int
    bbox: tuple[float, float, float, float] | None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "key": self.key,
            "mediaType": self.media_type,
            "bbox": self.bbox,
        }


Images = Mapping[int, list[StoredImage]]
"""The images of a result, by page index."""


def begin(session: Session, job_id: str, now: datetime) -> None:
    """Move pending → processing, together with the claim of a job of the document."""
    _BEGIN.run(session, of_job=job_id, moment=now)


def begin_in_batch_lane(session: Session, provider_batch_id: str, now: datetime) -> None:
    """Move pending → processing the documents of a batch that the provider has."""
    session.execute(
        update(Document)
        .where(
            Document.provider_batch_id == provider_batch_id,
            Document.status == DocumentStatus.PENDING,
        )
        .values(status=DocumentStatus.PROCESSING, started_at=now)
        .execution_options(synchronize_session=False)
    )


def is_whole(session: Session, document_id: str) -> bool:
    """Return whether a document has all of its pages; at least one if the number is not known."""
    pages = len(repository.page_indexes(session, document_id))
    expected = session.scalar(select(Document.page_count).where(Document.id == document_id))
    return pages >= (expected or 1)


def note_page_count(session: Session, document_id: str, page_count: int) -> None:
    """Note how many pages the result of a document will have, unless it is readable already."""
    session.execute(
        update(Document)
        .where(Document.id == document_id, Document.status.not_in(READABLE))
        .values(page_count=page_count)
        .execution_options(synchronize_session=False)
    )


def wait_again(session: Session, document_id: str) -> None:
    """Move processing → pending: its job will be tried again. Pages that are stored stay."""
    stored = select(func.count()).where(PageRow.document_id == document_id).scalar_subquery()
    session.execute(
        update(Document)
        .where(Document.id == document_id, Document.status == DocumentStatus.PROCESSING)
        .values(status=DocumentStatus.PENDING, started_at=None, pages_done=stored)
        .execution_options(synchronize_session=False)
    )


def note_progress(session: Session, document_id: str, done: int, total: int) -> None:
    """Note the progress of a running conversion, in pages."""
    session.execute(
        update(Document)
        .where(Document.id == document_id, Document.status == DocumentStatus.PROCESSING)
        .values(pages_done=done, page_count=total)
        .execution_options(synchronize_session=False)
    )


def note_parts(session: Session, document_id: str, size_bytes: int) -> None:
    """Note what the files of a document's page ranges take, until it is completed or deleted."""
    session.execute(
        update(Document)
        .where(Document.id == document_id)
        .values(part_bytes=size_bytes)
        .execution_options(synchronize_session=False)
    )


def checkpoint(
    session: Session,
    document_id: str,
    conversion: Conversion,
    images: Images,
) -> None:
    """Store the pages that the document does not have yet, with their warnings.

    A page that is stored stays. A document that does not take pages is not
    changed.
    """
    state = _state(session, document_id)
    if state is None or not state.takes_pages:
        return
    present = set(repository.page_indexes(session, document_id)) if state.has_pages else set()
    new = [page for page in conversion.pages if page.index not in present]
    if not new:
        return
    for start in range(0, len(new), PAGES_PER_INSERT):
        _insert(session, document_id, new[start : start + PAGES_PER_INSERT], images)
    warnings = [
        *state.warnings,
        *(_warning(warning) for warning in conversion.warnings),
        *(_warning(warning) for page in new for warning in page.warnings),
    ]
    _CHECKPOINT.run(
        session,
        of_document=document_id,
        resolved=conversion.usage.model,
        stored=len(present) + len(new),
        noted=sorted(warnings, key=lambda warning: warning["page"] or 0),
    )


def takes_pages(session: Session, document_id: str) -> bool:
    """Return whether a document takes pages: it is neither completed, deleted nor unknown."""
    state = _state(session, document_id)
    return state is not None and state.takes_pages


def complete(session: Session, document_id: str, now: datetime) -> None:
    """Move processing → completed a document with all of its pages, and those that joined it.

    A document that has ended, such as by the failure of another of its jobs, is not changed.
    """
    _COMPLETE.run(session, of_document=document_id, moment=now)
    result = _RESULT.first(session, of_document=document_id)
    if result is None:
        return  # nobody has joined it
    model, warnings, started_at, page_count = result
    _COMPLETE_DUPLICATES.run(
        session,
        of_document=document_id,
        moment=now,
        resolved=model,
        stored=page_count,
        noted=warnings,
        begun=started_at,
    )


def fail(session: Session, document_id: str, error: ConversionError, now: datetime) -> None:
    """Move processing → failed a document and those that joined it, with sentence and code."""
    session.execute(
        update(Document)
        .where(
            or_(Document.id == document_id, Document.result_of == document_id),
            Document.status.in_(OPEN),
        )
        .values(
            status=DocumentStatus.FAILED,
            processed_at=now,
            error=error.detail,
            error_code=error.code,
            engine_fault=error.engine_fault,
        )
        .execution_options(synchronize_session=False)
    )


class _State(NamedTuple):
    """What decides about the pages of a document."""

    status: DocumentStatus
    warnings: list[dict[str, Any]]
    has_pages: bool
    is_awaited_by_others: bool

    @property
    def takes_pages(self) -> bool:
        return self.status in _TAKES_PAGES or self.is_awaited_by_others


def _state(session: Session, document_id: str) -> _State | None:
    row = _STATE.first(session, of_document=document_id)
    return None if row is None else _State(*row)


def _insert(session: Session, document_id: str, pages: Sequence[Page], images: Images) -> None:
    """Insert pages with their first pieces, then what long ones have beyond them."""
    further = [(page.index, page.pieces()) for page in pages]
    rows = [
        _page_columns(document_id, page, next(pieces), images.get(page.index, []))
        for page, (_, pieces) in zip(pages, further, strict=True)
    ]
    _INSERT_PAGE.run_many(session, rows)
    for index, pieces in further:
        for number, piece in enumerate(pieces, start=1):
            _INSERT_PIECE.run(
                session, document_id=document_id, index=index, number=number, markdown=piece
            )


def _page_columns(
    document_id: str, page: Page, first_piece: str, images: list[StoredImage]
) -> dict[str, Any]:
    return {
        "document_id": document_id,
        "index": page.index,
        "markdown": first_piece,
        "width": page.width,
        "height": page.height,
        "dpi": page.dpi,
        "images": [image.as_json() for image in images],
        "image_bytes": sum(image.size_bytes for image in images),
    }


def _warning(warning: ConversionWarning) -> dict[str, Any]:
    return {"code": warning.code, "message": warning.message, "page": warning.page}
