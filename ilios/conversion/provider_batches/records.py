"""The records of a provider's batch: each method is one transaction, and raises LeaseLost.

Only this module writes `provider_batches`. The calls of a batch carry its id in place of a job's:
they outlive the step that recorded them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from ilios.accounts import ledger
from ilios.conversion import isolation
from ilios.conversion.failures import CloseCall
from ilios.conversion.provider_batches import rounds
from ilios.conversion.units_of_work import SettleCall
from ilios.core import clock
from ilios.core.conversion_errors import ConversionError
from ilios.db.database import Database
from ilios.db.models import Call, Document, Job, ProviderBatch, ProviderBatchState
from ilios.documents import extractions, partial_results, repository, results
from ilios.documents.options import options_of, pages_between
from ilios.documents.partial_results import Outcome
from ilios.engines import registry
from ilios.engines.base import DocumentInfo, Options
from ilios.queue import jobs
from ilios.queue.jobs import Lease


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the input: one call of the batch, for these pages of a document."""

    call_id: str
    document: Document
    indexes: tuple[int, ...] | None
    info: DocumentInfo | None  #: of the document
    is_annotated: bool  #: paid at the price of pages with fields by a schema


@dataclass(frozen=True, slots=True)
class SettledLine:
    """The outcome of `settle_line`."""

    is_settled: bool  #: now, and not by an earlier step
    is_document_complete: bool


class Records:
    """The rows of one batch, for the holder of its job's lease."""

    def __init__(self, database: Database, lease: Lease, batch_id: str) -> None:
        self._database = database
        self._lease = lease
        self._batch_id = batch_id

    def batch(self) -> ProviderBatch:
        with self._database.reading() as session:
            return session.get_one(ProviderBatch, self._batch_id)

    def open_documents(self) -> list[Document]:
        """Return the documents that are still to be converted, in the order of submission."""
        with self._database.reading() as session:
            return repository.open_in_batch_lane(session, self._batch_id)

    def ended_pages(self, document_id: str) -> set[int]:
        """Return the indexes of pages that are stored, or that have failed for good."""
        with self._database.reading() as session:
            return partial_results.ended_pages(session, session.get_one(Document, document_id))

    def can_be_divided(self, call: Call, fault: ConversionError) -> bool:
        """Return whether pages of a refused line may be missing, and others in it be fine."""
        if not isinstance(fault, isolation.REFUSALS) or call.expected_pages == 1:
            return False
        with self._database.reading() as session:
            document = session.get_one(Document, call.document_id)
        return options_of(document).may_be_divided

    def options(self, document: Document) -> Options:
        """Return the options of a document as its next line asks for them."""
        with self._database.reading() as session:
            return extractions.asked_now(session, document)

    def calls(self) -> list[Call]:
        with self._database.reading() as session:
            return ledger.calls_of(session, self._batch_id)

    def record_input(self, input_file_id: str, file_ids: list[str], lines: Sequence[Line]) -> None:
        """Record a file of the input that the provider has, with the intents of its lines."""
        with self._changing() as (session, batch):
            now = clock.now()
            batch.input_file_ids = [*batch.input_file_ids, input_file_id]
            batch.file_ids = [*batch.file_ids, input_file_id, *file_ids]
            for line in lines:
                intent = ledger.Intent(
                    batch.id,
                    registry.MISTRAL,
                    batch.model,
                    line.indexes,
                    is_batch=True,
                    is_annotated=line.is_annotated,
                )
                ledger.open_call(session, line.document, intent, now, line.call_id)
            _note_plans(session, lines)

    def settle_line(self, settle_call: SettleCall) -> SettledLine:
        """Keep what a line brought; complete its document when that has all of its pages."""
        document_id = settle_call.document_id
        with self._changing() as (session, _):
            is_settled = settle_call(session)
            is_complete = results.is_whole(session, document_id) and partial_results.end(
                session, document_id, clock.now()
            )
        return SettledLine(is_settled, is_complete)

    def close_line(
        self, close_call: CloseCall, call: Call, final: ConversionError | None
    ) -> Outcome:
        """Close the call of a line that brought nothing; fail its pages if that is final."""
        with self._changing() as (session, _):
            close_call(session)
            if final is None:
                return Outcome.OPEN
            document = session.get_one(Document, call.document_id)
            pages = (
                None
                if call.first_page is None or call.last_page is None
                else pages_between(document, call.first_page, call.last_page)
            )
            return partial_results.fail(session, document.id, final, clock.now(), pages)

    def end_document(self, document_id: str) -> bool:
        """End a document no page of which is to come; return whether it is completed."""
        with self._changing() as (session, _):
            return partial_results.end(session, document_id, clock.now())

    def fail_document(self, document_id: str, error: ConversionError) -> Outcome:
        """Fail a document, or all of its pages that are missing if it may lack them."""
        with self._changing() as (session, _):
            return partial_results.fail(session, document_id, error, clock.now())

    def close_input(self) -> None:
        """Move preparing → submitting; → cleaning when there is nothing to submit."""
        with self._changing() as (_, batch):
            batch.state = (
                ProviderBatchState.SUBMITTING
                if batch.input_file_ids
                else ProviderBatchState.CLEANING
            )

    def note_submitting(self) -> None:
        """Note, before the provider is asked, that it may have a job of this round from now on."""
        with self._changing() as (_, batch):
            batch.submitted_at = clock.now()

    def note_not_submitted(self) -> None:
        """Note that the provider has refused to make a job."""
        with self._changing() as (_, batch):
            batch.submitted_at = None

    def note_submitted(self, job_id: str, status: str) -> None:
        """Move submitting → running: the provider has this round's job."""
        with self._changing() as (session, batch):
            batch.state = ProviderBatchState.RUNNING
            batch.provider_job_id = job_id
            batch.provider_status = status
            results.begin_in_batch_lane(session, batch.id, clock.now())

    def refuse_input(self) -> None:
        """Move submitting → preparing: the input is lost, and has to be built once more."""
        with self._changing() as (session, batch):
            ledger.refuse_all(session, batch.id, clock.now())
            batch.input_file_ids = []
            batch.state = ProviderBatchState.PREPARING

    def refuse_round(self, error: ConversionError) -> None:
        """Move submitting → cleaning, and fail the documents: the provider refuses the batch."""
        with self._changing() as (session, batch):
            ledger.refuse_all(session, batch.id, clock.now())
            _fail_all(session, batch, error)
            batch.state = ProviderBatchState.CLEANING

    def drop_round(self) -> None:
        """Move submitting → cleaning: no document waits any more, and no job was made."""
        with self._changing() as (session, batch):
            ledger.refuse_all(session, batch.id, clock.now())
            batch.state = ProviderBatchState.CLEANING

    def note_status(self, status: str, file_ids: Iterable[str]) -> None:
        """Record the status of the provider's job, and the files that it has made."""
        batch = self.batch()
        new = [file_id for file_id in file_ids if file_id not in batch.file_ids]
        if batch.provider_status == status and not new:
            return
        with self._changing() as (_, batch):
            batch.provider_status = status
            batch.file_ids = [*batch.file_ids, *new]

    def close_round(
        self, brought: rounds.Results, ambiguous_retries: int
    ) -> dict[str, ConversionError | None]:
        """Move running → cleaning; return how documents have ended, as `rounds.end` does."""
        with self._changing() as (session, batch):
            return rounds.end(session, batch, brought, ambiguous_retries)

    def end_round(self) -> bool:
        """Move cleaning → preparing of the next round; → ended, with the job, when all is done.

        Returns whether the batch has ended.
        """
        with self._changing() as (session, batch):
            if repository.open_in_batch_lane(session, batch.id):
                batch.state = ProviderBatchState.PREPARING
                batch.round += 1
                batch.submitted_at = None
                batch.input_file_ids, batch.file_ids = [], []
                return False
            self._end(session, batch)
            return True

    def give_up(self, error: ConversionError) -> None:
        """Move any state → ended, and fail the documents: steps fail again and again."""
        with self._changing() as (session, batch):
            if batch.submitted_at is None:
                ledger.refuse_all(session, batch.id, clock.now())
            ledger.abandon(session, [batch.id], clock.now())
            _fail_all(session, batch, error)
            self._end(session, batch)

    def attempts(self) -> int:
        with self._database.reading() as session:
            return jobs.held(session, self._lease, is_read=True).attempts

    def wait(self, pause: timedelta) -> None:
        """Finish a step that succeeded; the next one begins after `pause`."""
        with self._database.writing() as session:
            jobs.next_step(session, self._lease, clock.now() + pause)

    def postpone(self, pause: timedelta, reason: str) -> None:
        """Put a step off for `pause`, for a reason outside of the batch."""
        with self._database.writing() as session:
            jobs.postpone(session, self._lease, clock.now() + pause, reason)

    def retry(self, reason: str) -> None:
        """End a step that failed; that counts against its attempts."""
        with self._database.writing() as session:
            jobs.retry(session, self._lease, reason, clock.now())

    @contextmanager
    def _changing(self) -> Iterator[tuple[Session, ProviderBatch]]:
        """Open a transaction under the lease. Raises LeaseLost."""
        with self._database.writing() as session:
            jobs.held(session, self._lease)
            yield session, session.get_one(ProviderBatch, self._batch_id)

    def _end(self, session: Session, batch: ProviderBatch) -> None:
        now = clock.now()
        batch.state = ProviderBatchState.ENDED
        batch.ended_at = now
        batch.input_file_ids, batch.file_ids = [], []
        jobs.finish(session, self._lease, now)


def batch_id_of(session: Session, lease: Lease) -> str:
    """Return the id of the batch that a job advances. Raises LeaseLost."""
    job: Job = jobs.held(session, lease, is_read=True)
    if job.provider_batch_id is None:
        raise ValueError(f"job {job.id} is none of a provider's batch")
    return job.provider_batch_id


def _note_plans(session: Session, lines: Sequence[Line]) -> None:
    """Set the page count of documents, and their info, from all of their lines in the first round.

    How many pages some have, only the answers tell.
    """
    pages: Counter[str] = Counter()
    for line in lines:
        if line.document.page_count is None:
            pages[line.document.id] += len(line.indexes or ())
    infos = {line.document.id: line.info for line in lines}
    for document_id, page_count in pages.items():
        results.note_plan(session, document_id, page_count or None, infos[document_id])


def _fail_all(session: Session, batch: ProviderBatch, error: ConversionError) -> None:
    for document in repository.open_in_batch_lane(session, batch.id):
        partial_results.fail(session, document.id, error, clock.now())
