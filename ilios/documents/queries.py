"""Queries of clients on their documents, batches and costs. Read only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ilios.accounts import ledger_sums
from ilios.core.conversion_errors import ObjectMissing, PagesOutOfRange
from ilios.core.page_errors import PageNotFound
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
from ilios.documents import extractions, page_rows, repository, result_pages, snapshots
from ilios.documents.page_rows import PageOutline
from ilios.documents.result_pages import ResultPage, StructuredPage
from ilios.documents.snapshots import DocumentReport, Snapshot
from ilios.documents.waiting import Waiter
from ilios.engines.page_selection import PageSelection
from ilios.storage.base import ObjectStore

LINK_LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Result:
    """A completed document, or some of its pages. What a method returns is read each time anew."""

    document: Snapshot
    etag: str
    owner: str
    indexes: list[int]  #: of the pages to show, which rise
    database: Database

    @property
    def page_total(self) -> int:
        return len(self.indexes)

    def pages(self) -> Iterator[ResultPage]:
        """Yield the pages in order."""
        return result_pages.of_document(self.database, self.document.result_id, self.indexes)

    def structured_pages(self, *, with_blocks: bool) -> Iterator[StructuredPage]:
        """Yield the pages with what is known of them beside their Markdown."""
        return result_pages.structured(
            self.database, self.document.result_id, self.indexes, with_blocks=with_blocks
        )

    def source(self) -> repository.Source:
        """Return where the pages come from, and what the document says of itself."""
        with self.database.watching() as watch:
            return repository.source(watch, self.document.result_id)

    def extraction(self) -> str | None:
        """Return what came of the document by a schema, as it came; None without anything."""
        with self.database.watching() as watch:
            return extractions.answer_of(watch, self.document.result_id)

    def totals(self) -> ledger_sums.Totals:
        """Return what the document has cost."""
        with self.database.watching() as watch:
            return ledger_sums.of_document(watch, self.document.id, self.owner)


@dataclass(frozen=True, slots=True)
class ListedPages:
    """Some pages of a document, and the number of the next one: None after the last."""

    document: Snapshot
    pages: list[PageOutline]
    source: repository.Source
    next_number: int | None


@dataclass(frozen=True, slots=True)
class Original:
    """A document as it was sent."""

    document_id: str
    owner: str
    key: str
    file_name: str
    media_type: str
    sha256: str | None


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
        if not ends or None in ends:
            return None
        # A document that shares an earlier result has its end, which was before the batch.
        return max(self.batch.created_at, *(end for end in ends if end))


class DocumentReader:
    """Reads what the API answers GET requests with."""

    def __init__(self, database: Database, store: ObjectStore, waiter: Waiter) -> None:
        self._database = database
        self._store = store
        self._waiter = waiter

    def document(self, document_id: str, *, owner: str, wait_seconds: float = 0) -> DocumentReport:
        """Return a document's progress, after its end if asked to wait. Raises DocumentNotFound."""
        if wait_seconds and self._is_open(document_id, owner):
            self._waiter.until_ended(document_id, wait_seconds)
        return self._document(document_id, owner)

    def result(self, document_id: str, *, owner: str, pages: PageSelection | None = None) -> Result:
        """Return the result of a completed document, or some of its pages.

        Raises DocumentNotFound, DocumentNotReady, DocumentFailed, PagesOutOfRange.
        """
        with self._database.watching() as watch:
            document = snapshots.present_document(watch, document_id, owner)
            _require_completed(document)
            wanted = _wanted(repository.page_indexes(watch, document.result_id), pages)
        return self._result(document, wanted, owner, str(pages or ""))

    def page(self, document_id: str, number: int, *, owner: str) -> Result:
        """Return a page of a document, by its number in the original, as soon as it is stored.

        Raises DocumentNotFound, PageNotFound, and DocumentNotReady if the page may still come.
        """
        with self._database.watching() as watch:
            document = snapshots.present_document(watch, document_id, owner)
            present = repository.page_indexes(watch, document.result_id)
        if number - 1 in present:
            return self._result(document, [number - 1], owner, f"page {number}")
        if document.status in (*statuses.OPEN, DocumentStatus.AWAITING_UPLOAD):
            _require_completed(document)
        raise PageNotFound(number, PageSelection.of_indexes(present), len(present))

    def pages(self, document_id: str, first: int, limit: int, *, owner: str) -> ListedPages:
        """Return which pages of a document are stored, from a number on, without their texts.

        Raises DocumentNotFound, Gone.
        """
        with self._database.watching() as watch:
            document = snapshots.present_document(watch, document_id, owner)
            found = page_rows.outlines(watch, document.result_id, first - 1, limit + 1)
            source = repository.source(watch, document.result_id)
        next_number = found[limit].number if len(found) > limit else None
        return ListedPages(document, found[:limit], source, next_number)

    def original(self, document_id: str, *, owner: str) -> Original:
        """Return a document as it was sent. Raises DocumentNotFound, Gone, DocumentNotReady."""
        with self._database.reading() as session:
            document = repository.present_document_of(session, document_id, owner)
        if document.status is DocumentStatus.AWAITING_UPLOAD:
            raise DocumentNotReady("The document has not been uploaded yet.")
        if not document.storage_key:
            raise DocumentNotReady("The document has not been fetched from its address yet.")
        return Original(
            document_id,
            owner,
            document.storage_key,
            document.file_name,
            document.mime_type,
            document.sha256,
        )

    def original_url(self, document_id: str, *, owner: str) -> str:
        """Return a presigned link to the document as it was sent. Raises OriginalMissing too."""
        original = self.original(document_id, owner=owner)
        try:
            self._store.stat(original.key)
        except ObjectMissing as error:
            raise OriginalMissing("The original of this document is no longer stored.") from error
        return self._store.presign_get(
            original.key,
            expires=LINK_LIFETIME,
            file_name=original.file_name,
            media_type=original.media_type,
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

    def batch_summary(self, batch_id: str, *, owner: str) -> BatchReport:
        """Return a batch's progress, without its documents. Raises BatchNotFound."""
        with self._database.reading() as session:
            batch = repository.batch_of(session, batch_id, owner)
            return BatchReport(batch, repository.batch_progress(session, batch_id), [])

    def batch_results(
        self, batch_id: str, *, owner: str
    ) -> Iterator[tuple[Snapshot, Result | None]]:
        """Return each document of a finished batch with its result; a failed one has none.

        Raises BatchNotFound, BatchNotFinished, before the first item.
        """
        report = self._batch(batch_id, owner)
        if report.count(*statuses.OPEN):
            raise BatchNotFinished(
                f"{report.count(*statuses.OPEN)} of {report.batch.total_documents} documents "
                "are not finished yet."
            )
        found = map(snapshots.of_document, report.documents)
        return ((document, self._all_pages(document, owner)) for document in found)

    def usage(self, owner: str, period: ledger_sums.Period) -> ledger_sums.Totals:
        with self._database.reading() as session:
            return ledger_sums.summary(session, owner, period)

    def usage_by(
        self, owner: str, period: ledger_sums.Period, by: ledger_sums.Grouping
    ) -> list[ledger_sums.Totals]:
        with self._database.reading() as session:
            return ledger_sums.breakdown(session, owner, period, by)

    def _result(self, document: Snapshot, indexes: list[int], owner: str, which: str) -> Result:
        lacking = document.failed_pages or ""  # of which some may come later
        stamp = f"{document.id} {document.processed_at} {which}{lacking}"
        etag = hashlib.sha256(stamp.encode()).hexdigest()[:32]
        return Result(document, etag, owner, indexes, self._database)

    def _is_open(self, document_id: str, owner: str) -> bool:
        """Return whether a document waits or is converted: a report would count its queue, too."""
        with self._database.watching() as watch:
            status, _ = repository.state_of(watch, document_id, owner)
        return status in statuses.OPEN

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

    def _all_pages(self, document: Snapshot, owner: str) -> Result | None:
        if document.status not in statuses.READABLE:
            return None
        with self._database.watching() as watch:
            indexes = repository.page_indexes(watch, document.result_id)
        return self._result(document, indexes, owner, "")


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
