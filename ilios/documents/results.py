"""The progress, pages and result of a document. Takes a session, never commits.

Only this module, ilios.documents.admission, ilios.documents.removal and
ilios.documents.retention.expiry write `documents.status`.

A cancelled or deleted document may have to be converted for others that have joined it: see
ilios.documents.removal.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import String, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from ilios.core.conversion_errors import ConversionError
from ilios.db.dialects import is_among, is_in
from ilios.db.models import Document, DocumentStatus, Job, PageRow
from ilios.db.models.statuses import OPEN, READABLE
from ilios.db.prepared import Prepared
from ilios.documents import (
    extractions,
    failed_pages,
    indexing,
    page_states,
    repository,
    stored_pages,
)
from ilios.documents.failed_pages import FailedPages
from ilios.documents.page_states import PageState
from ilios.documents.snapshots import Shown
from ilios.documents.stored_pages import Images
from ilios.engines.base import Conversion, DocumentInfo, Page

# Prepared once: see ilios.queue.jobs.
SHARED_RESULT = (
    *("status", "model", "page_count", "pages_done", "warnings", "processed_at"),
    "failed_pages",
)
"""Columns that a document takes over from the one whose result it shows."""
INFO_MAX_CHARACTERS: Final = 1_000  #: of each thing that a file says of itself; cut beyond
_INFO: Final = tuple(field.name for field in fields(DocumentInfo))
_BEGIN = Prepared(
    update(Document)
    .where(
        Document.id
        == select(Job.document_id).where(Job.id == bindparam("of_job")).scalar_subquery(),
        Document.status == DocumentStatus.PENDING,
    )
    .values(status=DocumentStatus.PROCESSING, started_at=bindparam("moment"))
)
_OF_JOBS = is_in(Job.id, bindparam("of_jobs", type_=String))
_BEGIN_ALL = Prepared(
    update(Document)
    .where(
        is_among(Document.id, select(Job.document_id).where(_OF_JOBS).scalar_subquery()),
        Document.status == DocumentStatus.PENDING,
    )
    .values(status=DocumentStatus.PROCESSING, started_at=bindparam("moment"))
)
_STORE = (
    update(Document)
    .where(Document.id == bindparam("of_document"))
    .values(
        model=bindparam("resolved"),
        pages_done=bindparam("stored"),
        warnings=bindparam("noted"),
        failed_pages=bindparam("failed", type_=Document.failed_pages.type),
        # Parts may know less of the file than the first that told of it.
        info=func.coalesce(Document.info, bindparam("told", type_=Document.info.type)),
    )
)
_COMPLETED: Final[dict[str, Any]] = {
    "status": DocumentStatus.COMPLETED,
    "processed_at": bindparam("moment"),
    "error": None,
    "error_code": None,
    "part_bytes": 0,
}
_CHECKPOINT = Prepared(_STORE)
CHECKPOINT_AND_COMPLETE = Prepared(_STORE.values(**_COMPLETED, page_count=bindparam("stored")))
_COMPLETE = Prepared(
    update(Document)
    .where(Document.id == bindparam("of_document"), Document.status.in_(OPEN))
    .values(
        **_COMPLETED,
        page_count=select(func.count()).where(PageRow.document_id == Document.id).scalar_subquery(),
        failed_pages=bindparam("failed", type_=Document.failed_pages.type),
    )
)
_RESULT = Prepared(
    select(
        Document.model,
        Document.warnings,
        Document.failed_pages,
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
        failed_pages=bindparam("failed", type_=Document.failed_pages.type),
        started_at=bindparam("begun"),
    )
)


def begin(session: Session, job_id: str, now: datetime) -> None:
    """Move pending → processing, together with the claim of a job of the document."""
    _BEGIN.run(session, of_job=job_id, moment=now)


def begin_all(session: Session, job_ids: Collection[str], now: datetime) -> None:
    """Do as `begin` for many jobs, by one statement."""
    _BEGIN_ALL.send(session, of_jobs=json.dumps(list(job_ids)), moment=now)


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


def is_partial(document: Shown) -> bool:
    """Return whether a document has a result that lacks pages, because they failed."""
    return document.status in READABLE and document.failed_pages is not None


def is_whole(session: Session, document_id: str) -> bool:
    """Return whether all pages of a document are stored or have failed.

    At least one if their number is not known.
    """
    pages = len(repository.page_indexes(session, document_id))
    of_document = select(Document.page_count, Document.failed_pages)
    expected, failed = session.execute(of_document.where(Document.id == document_id)).one()
    return pages + failed_pages.count(failed) >= (expected or 1)


def note_plan(
    session: Session, document_id: str, page_count: int | None, info: DocumentInfo | None = None
) -> None:
    """Note the pages of a result to come, and its file's info; a readable one stays as it is."""
    told = bindparam(None, info and _info(info), type_=Document.info.type)
    session.execute(
        update(Document)
        .where(Document.id == document_id, Document.status.not_in(READABLE))
        .values(
            page_count=func.coalesce(page_count, Document.page_count),
            info=func.coalesce(Document.info, told),
        )
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


def add_parts(session: Session, document_id: str, size_bytes: int) -> None:
    """Add to what the files of a document's page ranges take."""
    session.execute(
        update(Document)
        .where(Document.id == document_id)
        .values(part_bytes=Document.part_bytes + size_bytes)
        .execution_options(synchronize_session=False)
    )


def checkpoint(
    session: Session,
    document_id: str,
    conversion: Conversion,
    images: Images,
    ends_at: datetime | None = None,
) -> bool:
    """Store the pages that the document does not have yet, with their warnings.

    A page that is stored stays. A document that does not take pages is not changed. One that
    `ends_at` a moment with these is completed by the same statement, if it is open and nobody has
    joined it; return whether it was.
    """
    repository.lock(session, document_id)  # another range of it may be stored at this moment
    state = page_states.of(session, document_id)
    if state is None or not state.takes_pages:
        return False
    present = set(repository.page_indexes(session, document_id)) if state.has_pages else set()
    new = [page for page in conversion.pages if page.index not in present]
    if not new:
        return False
    stored_pages.insert(session, document_id, new, images)
    indexing.add(session, document_id, new)
    if conversion.extraction is not None:
        extractions.keep(session, document_id, conversion.extraction)
    values = stored_values(document_id, state, conversion, new, len(present))
    if ends_at is not None and state.may_end_alone:
        CHECKPOINT_AND_COMPLETE.send(session, **values, moment=ends_at)
        return True
    _CHECKPOINT.send(session, **values)
    if state.failed_pages is not None:
        failed_pages.renew(session, document_id)
    return False


def stored_values(
    document_id: str, state: PageState, conversion: Conversion, new: Sequence[Page], present: int
) -> dict[str, object]:
    """Return the parameters of a checkpoint for pages that are stored beside those present."""
    warnings = [
        *state.warnings,
        *map(asdict, conversion.warnings),
        *(asdict(warning) for page in new for warning in page.warnings),
    ]
    return {
        "of_document": document_id,
        "resolved": conversion.usage.model,
        "stored": present + len(new),
        "noted": sorted(warnings, key=lambda warning: warning["page"] or 0),
        "failed": failed_pages.without(state.failed_pages, {page.index for page in new}),
        "told": conversion.info and _info(conversion.info),
    }


def takes_pages(session: Session, document_id: str) -> bool:
    """Return whether a document takes pages: it is neither whole, deleted nor unknown."""
    state = page_states.of(session, document_id)
    return state is not None and state.takes_pages


def complete(
    session: Session, document_id: str, now: datetime, failed: FailedPages | None = None
) -> None:
    """Move processing → completed a document with all pages but those that `failed`.

    Those that joined it go with it. A document that has ended, such as by the failure of another of
    its jobs, is not changed.
    """
    _COMPLETE.send(session, of_document=document_id, moment=now, failed=failed)
    result = _RESULT.first(session, of_document=document_id)
    if result is None:
        return  # nobody has joined it
    model, warnings, failed, started_at, page_count = result
    _COMPLETE_DUPLICATES.send(
        session,
        of_document=document_id,
        moment=now,
        resolved=model,
        stored=page_count,
        noted=warnings,
        failed=failed,
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


def _info(info: DocumentInfo) -> dict[str, Any]:
    """Return what is known of a file, as `DocumentInfo` is made of."""
    known = ((name, getattr(info, name)) for name in _INFO)  # asdict copies each value
    return {
        name: value[:INFO_MAX_CHARACTERS] if isinstance(value, str) else value
        for name, value in known
        if value is not None
    }
