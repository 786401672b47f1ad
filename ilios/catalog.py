"""Documents, their pages, and batches. Takes a session, never commits.

This module alone writes `documents.status`. Whatever a client may read is looked up with its owner:
somebody else's document does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from ilios.conversion_errors import ConversionError
from ilios.engines.base import Conversion, ConversionWarning
from ilios.errors import BatchNotFound, DocumentNotFound
from ilios.models import Batch, Document, DocumentStatus, Instance, Job, PageRow

_INSERT = insert(Document)  # prepared once: see ilios.queue
OPEN = (DocumentStatus.PENDING, DocumentStatus.PROCESSING)
TERMINAL = (DocumentStatus.COMPLETED, DocumentStatus.FAILED)


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image of a page, as kept in the object store."""

    name: str
    key: str
    media_type: str
    bbox: tuple[float, float, float, float] | None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "key": self.key,
            "mediaType": self.media_type,
            "bbox": self.bbox,
        }


def instance_id(session: Session) -> str:
    """The id of this database, part of every object key."""
    return session.scalars(select(Instance.id)).one()


def add(session: Session, **columns: Any) -> Document:
    """Insert a document; the one that is returned belongs to no session."""
    session.connection().execute(_INSERT, columns)
    return Document(**columns)


def document_of(session: Session, document_id: str, owner: str) -> Document:
    """Raises DocumentNotFound for an unknown id and for another owner's alike."""
    document = session.scalar(
        select(Document).where(Document.id == document_id, Document.owner == owner)
    )
    if document is None:
        raise DocumentNotFound
    return document


def batch_of(session: Session, batch_id: str, owner: str) -> Batch:
    """Raises BatchNotFound for an unknown id and for another owner's alike."""
    batch = session.scalar(select(Batch).where(Batch.id == batch_id, Batch.owner == owner))
    if batch is None:
        raise BatchNotFound
    return batch


def document_of_job(session: Session, job_id: str) -> Document:
    return session.scalars(
        select(Document).join(Job, Job.document_id == Document.id).where(Job.id == job_id)
    ).one()


def latest_job(session: Session, document_id: str) -> Job | None:
    return session.scalar(
        select(Job).where(Job.document_id == document_id).order_by(Job.created_at.desc()).limit(1)
    )


def documents_in_batch(session: Session, batch_id: str) -> list[Document]:
    """In the order of submission."""
    return list(
        session.scalars(
            select(Document)
            .where(Document.batch_id == batch_id)
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


def statuses(session: Session, document_ids: Iterable[str]) -> dict[str, DocumentStatus]:
    rows = session.execute(
        select(Document.id, Document.status).where(Document.id.in_(list(document_ids)))
    )
    return {row.id: row.status for row in rows}


def page_indexes(session: Session, document_id: str) -> list[int]:
    """Indexes of the pages that a document has, in order."""
    return list(
        session.scalars(
            select(PageRow.index).where(PageRow.document_id == document_id).order_by(PageRow.index)
        )
    )


def pages(session: Session, document_id: str, indexes: list[int]) -> list[PageRow]:
    """The pages with these indexes, in order."""
    return list(
        session.scalars(
            select(PageRow)
            .where(PageRow.document_id == document_id, PageRow.index.in_(indexes))
            .order_by(PageRow.index)
        )
    )


def images(session: Session, document_id: str) -> list[dict[str, Any]]:
    """What is known of all images of a document's result."""
    rows = session.scalars(select(PageRow.images).where(PageRow.document_id == document_id))
    return [image for row in rows for image in row]


def begin(session: Session, job_id: str, now: datetime) -> None:
    """pending → processing, together with the claim of its job."""
    _of_job(
        session, job_id, DocumentStatus.PENDING, status=DocumentStatus.PROCESSING, started_at=now
    )


def wait_again(session: Session, document_id: str) -> None:
    """processing → pending: its job will be tried again."""
    session.execute(
        update(Document)
        .where(Document.id == document_id, Document.status == DocumentStatus.PROCESSING)
        .values(status=DocumentStatus.PENDING, started_at=None, pages_done=0)
        .execution_options(synchronize_session=False)
    )


def upload_arrived(document: Document, *, mime_type: str, sha256: str, storage_key: str) -> None:
    """awaiting_upload → pending. The document is of an open session."""
    document.mime_type = mime_type
    document.sha256 = sha256
    document.storage_key = storage_key
    document.status = DocumentStatus.PENDING


def note_progress(session: Session, document_id: str, done: int, total: int) -> None:
    """Show how far a running conversion has come."""
    session.execute(
        update(Document)
        .where(Document.id == document_id, Document.status == DocumentStatus.PROCESSING)
        .values(pages_done=done, page_count=total)
        .execution_options(synchronize_session=False)
    )


def store_result(
    session: Session,
    document: Document,
    conversion: Conversion,
    images: dict[int, list[StoredImage]],
    now: datetime,
) -> None:
    """processing → completed, with its pages; `images` by page index."""
    session.add_all(
        PageRow(
            document_id=document.id,
            index=page.index,
            markdown=page.markdown,
            width=page.width,
            height=page.height,
            dpi=page.dpi,
            images=[image.as_json() for image in images.get(page.index, [])],
        )
        for page in conversion.pages
    )
    document.status = DocumentStatus.COMPLETED
    document.processed_at = now
    document.model = conversion.usage.model
    document.page_count = document.pages_done = len(conversion.pages)
    document.warnings = [_warning(warning) for warning in _all_warnings(conversion)]
    document.error = document.error_code = None


def fail(session: Session, document_id: str, error: ConversionError, now: datetime) -> None:
    """processing → failed, with a sentence and a code."""
    session.execute(
        update(Document)
        .where(Document.id == document_id, Document.status.in_(OPEN))
        .values(
            status=DocumentStatus.FAILED,
            processed_at=now,
            error=error.detail,
            error_code=error.code,
            engine_fault=error.engine_fault,
        )
        .execution_options(synchronize_session=False)
    )


def _of_job(session: Session, job_id: str, leaving: DocumentStatus, **values: object) -> None:
    document_id = select(Job.document_id).where(Job.id == job_id).scalar_subquery()
    session.execute(
        update(Document)
        .where(Document.id == document_id, Document.status == leaving)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _all_warnings(conversion: Conversion) -> list[ConversionWarning]:
    return [
        *conversion.warnings,
        *(warning for page in conversion.pages for warning in page.warnings),
    ]


def _warning(warning: ConversionWarning) -> dict[str, Any]:
    return {"code": warning.code, "message": warning.message, "page": warning.page}
