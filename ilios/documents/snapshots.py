"""Documents as their owner sees them: each question is one prepared statement.

What is polled costs little: no session, and no transaction that is longer than the statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import ScalarSelect, bindparam, case, func, select
from sqlalchemy.orm import aliased

from ilios.core.request_errors import DocumentNotFound, Gone
from ilios.db.models import PENDING, Document, DocumentStatus, Job, statuses
from ilios.db.prepared import Prepared, Runner
from ilios.documents.failed_pages import FailedPages
from ilios.documents.repository import GONE
from ilios.queue import queries


class Snapshot(NamedTuple):
    """The columns of a document that its owner sees; a tuple, for a list makes hundreds of them."""

    id: str
    status: DocumentStatus
    file_name: str
    file_size: int
    mime_type: str
    batch_id: str | None
    result_of: str | None
    model: str | None
    error: str | None
    error_code: str | None
    engine_fault: bool
    warnings: list[dict[str, Any]]
    page_count: int | None
    retention_days: int
    created_at: datetime
    started_at: datetime | None
    processed_at: datetime | None
    failed_pages: FailedPages | None

    @property
    def result_id(self) -> str:
        """The id of the document whose pages answer this one."""
        return self.result_of or self.id


Shown = Document | Snapshot  #: what answers are made of
_OF_ROW: Final = itemgetter(*Snapshot._fields)
COLUMNS: Final = tuple(getattr(Document, name) for name in Snapshot._fields)


@dataclass(frozen=True, slots=True)
class DocumentReport:
    """A document and its progress; `queue_position` counts the owner's own jobs before it.

    For a document that has joined another, pages and attempts are those of the other.
    """

    document: Snapshot
    pages_done: int
    pages_total: int | None
    attempts: int
    queue_position: int | None

    @property
    def progress_percent(self) -> int:
        if self.document.status in statuses.READABLE:
            return 100
        if not self.pages_total:
            return 0
        return min(99, 100 * self.pages_done // self.pages_total)


_converted = aliased(Document)
_waiting = aliased(Job)  #: the latest job of a document that waits


def _attempts() -> ScalarSelect[Any]:
    """Return how often the conversion was begun; in ranges, for the range that needed most."""
    most = select(func.coalesce(func.max(Job.attempts), 0))
    return most.where(Job.document_id == _converted.id).scalar_subquery()


def _latest_job() -> ScalarSelect[Any]:
    jobs = select(Job.id).where(Job.document_id == _converted.id)
    return jobs.order_by(Job.created_at.desc()).limit(1).scalar_subquery()


_OWNED = (Document.id == bindparam("wanted"), Document.owner == bindparam("of_owner"))
_DOCUMENT = Prepared(select(*COLUMNS).where(*_OWNED))
_REPORT = Prepared(
    select(
        *COLUMNS,
        _converted.pages_done,
        _converted.page_count,
        _attempts(),
        case((_waiting.id.is_not(None), queries.ahead_of(_waiting))),
    )
    .join(_converted, _converted.id == func.coalesce(Document.result_of, Document.id))
    .outerjoin(_waiting, (_converted.status == PENDING) & (_waiting.id == _latest_job()))
    .where(*_OWNED)
)


def of_row(row: Mapping[str, Any]) -> Snapshot:
    """Return a document whose columns were just inserted."""
    return Snapshot._make(_OF_ROW(row))


def of_document(document: Document) -> Snapshot:
    """Return a document that a session has read."""
    return Snapshot._make(getattr(document, name) for name in Snapshot._fields)


def report(on: Runner, document_id: str, owner: str) -> DocumentReport:
    """Return a document and its progress. Raises DocumentNotFound, also for another owner's."""
    row = _REPORT.first(on, wanted=document_id, of_owner=owner)
    if row is None:
        raise DocumentNotFound
    return DocumentReport(Snapshot._make(row[: len(COLUMNS)]), *row[len(COLUMNS) :])


def present_document(on: Runner, document_id: str, owner: str) -> Snapshot:
    """Return a document. Raises DocumentNotFound, and Gone for one that was deleted."""
    row = _DOCUMENT.first(on, wanted=document_id, of_owner=owner)
    if row is None:
        raise DocumentNotFound
    found = Snapshot._make(row)
    if found.status is DocumentStatus.DELETED:
        raise Gone(GONE)
    return found
