"""Queries of clients on their documents, batches and costs. Read only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from ilios.accounts import ledger
from ilios.core.conversion_errors import ObjectMissing, PagesOutOfRange
from ilios.core.request_errors import (
    BatchNotFinished,
    DocumentCancelled,
    DocumentFailed,
    DocumentNotReady,
    ImageNotFound,
    OriginalMissing,
)
from ilios.db.database import Database
from ilios.db.models import Batch, Document, DocumentStatus, statuses
from ilios.documents import repository, result_pages, snapshots
from ilios.documents.result_pages import ResultPage
from ilios.documents.snapshots import DocumentReport, Snapshot
from ilios.documents.waiting import Waiter
from ilios.engines.page_selection import PageSelection
from ilios.storage.base import ObjectStore

LINK_LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Result:
    """A completed document; iterate `pages` once, in order."""

    document: Snapshot
    totals: Callable[[], ledger.Totals]  #: what it has cost; asked for when it is shown
    pages: Iterator[ResultPage]
    page_total: int
    etag: str


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The key of an object, and the type that it is served as."""

    key: str
    media_type: str


@dataclass(frozen=True, slots=True)
class BatchReport:
    """A batch, how many of its documents are in which status, and when the last one ended."""

    batch: Batch
    progress: dict[DocumentStatus, int]
    documents: list[Document]
    provider_job_id: str | None = None  #: of the provider's batch lane, when it is used
    provider_status: str | None = None

    def count(self, *which: DocumentStatus) -> int:
        return sum(self.progress.get(status, 0) for status in which)

    @property
    def status(self) -> str:
        """`pending`, `processing`, `completed`, or `failed` when no document was completed."""
        if self.count(*statuses.OPEN):
            begun = self.count(*DocumentStatus) > self.count(DocumentStatus.PENDING)
            return "processing" if begun else "pending"
        if self.count(*statuses.READABLE):
            return "completed"
        # How deleted documents had ended is not known any more.
        return next((status for status in statuses.RETRYABLE if self.count(status)), "completed")

    @property
    def completed_at(self) -> datetime | None:
        ends = [document.processed_at for document in self.documents]
        return None if None in ends else max((end for end in ends if end), default=None)


class DocumentReader:
    """Reads what the API answers GET requests with."""

    def __init__(self, database: Database, store: ObjectStore, waiter: Waiter) -> None:
        self._database = database
        self._store = store
        self._waiter = waiter

    def document(self, document_id: str, *, owner: str, wait_seconds: float = 0) -> DocumentReport:
        """Return a document's progress, after its end if asked to wait. Raises DocumentNotFound."""
        report = self._document(document_id, owner)
        if wait_seconds and report.document.status in statuses.OPEN:
            self._waiter.until_ended(document_id, wait_seconds)
            report = self._document(document_id, owner)
        return report

    def result(self, document_id: str, *, owner: str, pages: PageSelection | None = None) -> Result:
        """Return the result of a completed document, or some of its pages.

        Raises DocumentNotFound, DocumentNotReady, DocumentFailed, PagesOutOfRange.
        """
        with self._database.watching() as watch:
            document = snapshots.present_document(watch, document_id, owner)
            _require_completed(document)
            result_id = document.result_id
            wanted = _wanted(repository.page_indexes(watch, result_id), pages)
        stamp = f"{document_id} {document.processed_at} {pages or ''}"
        return Result(
            document=document,
            totals=partial(self._cost, document_id, owner),
            pages=self._pages(result_id, wanted),
            page_total=len(wanted),
            etag=hashlib.sha256(stamp.encode()).hexdigest()[:32],
        )

    def original_url(self, document_id: str, *, owner: str) -> str:
        """Return a presigned link to the document as it was sent. Raises OriginalMissing."""
        with self._database.reading() as session:
            document = repository.present_document_of(session, document_id, owner)
        if document.status is DocumentStatus.AWAITING_UPLOAD:
            raise DocumentNotReady("The document has not been uploaded yet.")
        try:
            self._store.stat(document.storage_key)
        except ObjectMissing as error:
            raise OriginalMissing("The original of this document is no longer stored.") from error
        return self._store.presign_get(
            document.storage_key,
            expires=LINK_LIFETIME,
            file_name=document.file_name,
            media_type=document.mime_type,
        )

    def image(self, document_id: str, name: str, *, owner: str) -> StoredObject:
        """Return an image of a document's result. Raises ImageNotFound, Gone."""
        with self._database.reading() as session:
            document = repository.present_document_of(session, document_id, owner)
            images = repository.images(session, repository.result_id(document))
        for image in images:
            if image["name"] == name:
                return StoredObject(image["key"], image["mediaType"])
        raise ImageNotFound

    def batch(self, batch_id: str, *, owner: str, wait_seconds: float = 0) -> BatchReport:
        """Return a batch's progress, after its end if asked to wait. Raises BatchNotFound."""
        report = self._batch(batch_id, owner)
        if wait_seconds and report.count(*statuses.OPEN):
            self._waiter.until(
                lambda session: not _open_in(repository.batch_progress(session, batch_id)),
                wait_seconds,
            )
            report = self._batch(batch_id, owner)
        return report

    def batch_results(
        self, batch_id: str, *, owner: str
    ) -> Iterator[tuple[Document, Iterator[ResultPage]]]:
        """Return each document of a finished batch with its pages; a failed one has none.

        Raises BatchNotFound, BatchNotFinished, before the first item.
        """
        report = self._batch(batch_id, owner)
        if report.count(*statuses.OPEN):
            raise BatchNotFinished(
                f"{report.count(*statuses.OPEN)} of {report.batch.total_documents} documents "
                "are not finished yet."
            )
        return ((document, self._all_pages(document)) for document in report.documents)

    def usage(self, owner: str, period: ledger.Period) -> ledger.Totals:
        with self._database.reading() as session:
            return ledger.summary(session, owner, period)

    def usage_by(
        self, owner: str, period: ledger.Period, by: ledger.Grouping
    ) -> list[ledger.Totals]:
        with self._database.reading() as session:
            return ledger.breakdown(session, owner, period, by)

    def _cost(self, document_id: str, owner: str) -> ledger.Totals:
        with self._database.watching() as watch:
            return ledger.of_document(watch, document_id, owner)

    def _document(self, document_id: str, owner: str) -> DocumentReport:
        with self._database.watching() as watch:
            return snapshots.report(watch, document_id, owner)

    def _batch(self, batch_id: str, owner: str) -> BatchReport:
        with self._database.reading() as session:
            batch = repository.batch_of(session, batch_id, owner)
            documents = repository.documents_in_batch(session, batch_id)
            provider = repository.provider_batch_of(session, batch_id)
        progress: dict[DocumentStatus, int] = {}
        for document in documents:
            progress[document.status] = progress.get(document.status, 0) + 1
        return BatchReport(
            batch,
            progress,
            documents,
            provider_job_id=provider.provider_job_id if provider else None,
            provider_status=provider.provider_status if provider else None,
        )

    def _all_pages(self, document: Document) -> Iterator[ResultPage]:
        if document.status not in statuses.READABLE:
            return iter(())
        result_id = repository.result_id(document)
        with self._database.watching() as watch:
            return self._pages(result_id, repository.page_indexes(watch, result_id))

    def _pages(self, document_id: str, wanted: list[int]) -> Iterator[ResultPage]:
        return result_pages.of_document(self._database, document_id, wanted)


def _require_completed(document: Snapshot) -> None:
    match document.status:
        case DocumentStatus.COMPLETED | DocumentStatus.ARCHIVED:
            return
        case DocumentStatus.CANCELLED:
            raise DocumentCancelled("The conversion was cancelled. Retry it to take it up again.")
        case DocumentStatus.FAILED:
            raise DocumentFailed(f"The conversion failed ({document.error_code}): {document.error}")
        case DocumentStatus.AWAITING_UPLOAD:
            raise DocumentNotReady("The document has not been uploaded yet.")
        case _:
            raise DocumentNotReady(f"The document is {document.status.value}; follow its status.")


def _wanted(present: list[int], pages: PageSelection | None) -> list[int]:
    """Return the indexes of the pages to show; a selection counts in the original's pages."""
    if pages is None:
        return present
    known = set(present)
    wanted = pages.indexes(max(present, default=-1) + 1)
    missing = [index + 1 for index in wanted if index not in known]
    if missing:
        raise PagesOutOfRange(
            f"Page {missing[0]} was not converted; see the `pages` of the submit."
        )
    return wanted


def _open_in(progress: dict[DocumentStatus, int]) -> int:
    return sum(progress.get(status, 0) for status in statuses.OPEN)
