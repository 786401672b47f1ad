"""The results of a batch's job: kept line by line, from its output and error file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ilios.conversion.answers import missing_pages, poison_answer, read_answer, stored_bytes
from ilios.conversion.failures import CloseCall
from ilios.conversion.images import keep_images
from ilios.conversion.outcomes import log_document_completed
from ilios.conversion.provider_batches import context
from ilios.conversion.provider_batches.context import BatchContext, Step
from ilios.conversion.provider_batches.rounds import Results
from ilios.core import failpoints
from ilios.core.conversion_errors import (
    ConversionError,
    OutcomeUnknown,
    PagesMissing,
    PoisonDocument,
    StorageUnavailable,
)
from ilios.core.errors import DatabaseBusy, LeaseLost
from ilios.core.telemetry import logs
from ilios.db.models import Call, CallState, Document, ProviderBatch
from ilios.documents import extractions, results
from ilios.documents.options import pages_between
from ilios.documents.partial_results import Outcome, ended_pages
from ilios.engines.base import Conversion
from ilios.engines.mistral.batch.jobs import FileGone, ProviderJob
from ilios.engines.mistral.batch.lines import LineAnswer
from ilios.queue import jobs
from ilios.storage.answer_spool import CallRecord

log = logs.get(__name__)

NOT_CAUSED_BY_LINE: Final = (DatabaseBusy, DBAPIError, LeaseLost, OSError, StorageUnavailable)
BROKE: Final = OutcomeUnknown("The result could not be kept; the log has the cause.")


class ResultCollector:
    """One step's work on the results of a round; `job` is None when the provider has lost it."""

    def __init__(
        self, context: BatchContext, step: Step, batch: ProviderBatch, job: ProviderJob | None
    ) -> None:
        self._context = context
        self._step = step
        self._batch = batch
        self._job = job
        self._calls = {call.call_id: call for call in step.records.calls()}
        self._faults: dict[str, ConversionError] = {}  #: by document: why a line of it failed
        self._lines = 0
        self._taken: set[str] = set()  #: calls; a line that comes again is left out
        self._unknown = 0

    def collect(self) -> bool:
        """Keep what is not kept yet; return whether the round has ended."""
        try:
            is_whole = self._take_lines()
        finally:
            if self._unknown:
                log.warning("batch.line_unknown", batch_id=self._batch.id, lines=self._unknown)
        if is_whole:
            self._require_all_lines()
            self._end_round()
        return is_whole

    def _take_lines(self) -> bool:
        """Keep what the lines brought; return False when the step ends before they do."""
        for path in self._results():
            for line in self._context.lane.answers(path, self._batch.model):
                self._lines += 1
                if self._take(line) and self._step.is_over:
                    return False
        return True

    def _results(self) -> Iterator[Path]:
        """Yield output and error file on the data volume; fetch them if no earlier step has."""
        for number, file_id in enumerate(self._job.file_ids if self._job else ()):
            path = self._context.results(self._batch.id, f"{self._batch.round}-{number}")
            if path.exists() or self._fetch(file_id, path):
                yield path

    def _fetch(self, file_id: str, path: Path) -> bool:
        draft = self._step.workspace / path.name
        # The provider keeps them until there is room.
        require_room = self._context.disk_reserve.require
        if self._context.lane.files.download(file_id, draft, require_room):
            draft.rename(path)
            return True
        if self._step.records.attempts() <= context.GONE_ATTEMPTS:
            raise FileGone("Mistral does not find the results of the batch.")
        log.error("batch.results_lost", batch_id=self._batch.id, file_id=file_id)
        return False

    def _require_all_lines(self) -> None:
        """Raise FileGone while fewer lines came than the provider counts: they are paid for."""
        answered = self._job.answered if self._job else 0
        if self._lines >= answered or self._step.records.attempts() > context.GONE_ATTEMPTS:
            return
        self._context.forget_results(self._batch.id)
        raise FileGone(f"Mistral gave {self._lines} of {answered} results of the batch.")

    def _take(self, line: LineAnswer) -> bool:
        """Keep what a line brought; return False when an earlier step has done that."""
        call = self._calls.get(line.custom_id)
        if call is None:
            self._unknown += 1
            return False
        if line.custom_id in self._taken:
            return False
        self._taken.add(line.custom_id)
        is_new = call.state is CallState.OPEN
        if line.fault is not None:
            self._note_fault(call, line.fault, is_source_lost=line.is_source_lost)
        elif is_new:
            self._note_answer(call, line.answer)
        return is_new

    def _note_fault(
        self, call: Call, fault: ConversionError, *, is_source_lost: bool = False
    ) -> None:
        """Close the line's call; fail its pages or document, unless another round may help."""
        is_first = self._batch.round == 1
        may_help = fault.retryable or (
            is_first and (is_source_lost or self._step.records.can_be_divided(call, fault))
        )
        self._faults[call.document_id] = fault
        is_doubtful = isinstance(fault, OutcomeUnknown | PoisonDocument)  # it was answered
        close_call = CloseCall(call.call_id, is_doubtful)
        ended = self._step.records.close_line(close_call, call, None if may_help else fault)
        if may_help:
            return
        match ended:
            case Outcome.COMPLETED:
                log_document_completed(call.document_id)
            case Outcome.FAILED:
                self._log_failed(call.document_id, fault)
            case Outcome.OPEN:
                log.warning(
                    "batch.pages_failed",
                    batch_id=self._batch.id,
                    document_id=call.document_id,
                    code=fault.code,
                    pages=call.expected_pages,
                )

    def _note_answer(self, call: Call, answer: bytes) -> None:
        self._context.disk_reserve.require()
        deaths = self._context.deaths(self._batch.id, call.call_id)
        if deaths >= jobs.MAX_CRASHES:
            self._note_fault(call, poison_answer(deaths))
            return
        workspace = self._step.workspace / call.call_id
        workspace.mkdir()
        try:
            self._read(call, answer, workspace)
        except NOT_CAUSED_BY_LINE:
            raise
        except ConversionError as error:
            self._note_fault(call, error)
        except Exception:
            log.exception("batch.line_broke", batch_id=self._batch.id, call_id=call.call_id)
            self._note_fault(call, BROKE)
        finally:
            shutil.rmtree(workspace, ignore_errors=True)

    def _read(self, call: Call, answer: bytes, workspace: Path) -> None:
        with self._context.database.reading() as session:
            document = session.get_one(Document, call.document_id)
            is_wanted = results.takes_pages(session, document.id)
            indexes = _indexes(session, call, document) if is_wanted else None
            options = extractions.asked_now(session, document)
        call_record = CallRecord(call.call_id, call.job_id, document.id, indexes, call.is_annotated)
        mark = partial(self._context.reading, self._batch.id, call.call_id)
        conversion = read_answer(
            self._context.engine, call_record, answer, options, workspace, mark
        )
        with self._context.disk_reserve.promised(stored_bytes(conversion)):
            self._keep(call_record, conversion)
        if missing := missing_pages(call_record, conversion):
            self._faults[document.id] = PagesMissing(missing)

    def _keep(self, call_record: CallRecord, conversion: Conversion) -> None:
        """Keep the images, then pages, ledger and document in one transaction."""
        images = keep_images(
            self._context.database,
            self._context.store,
            self._context.instance_id,
            call_record.document_id,
            conversion,
        )
        recorder, engine = self._context.recorder, self._context.engine
        settle_call = recorder.settle_call(engine, call_record, conversion, images, batch=True)
        kept = self._step.records.settle_line(settle_call)
        failpoints.reach(failpoints.RESULT_COMMITTED)
        if kept.is_settled:
            recorder.count(engine, settle_call)
        log.info(
            "batch.line_settled",
            batch_id=self._batch.id,
            call_id=call_record.call_id,
            document_id=call_record.document_id,
            model=conversion.usage.model,
            pages=conversion.usage.pages,
        )
        if kept.is_document_complete:
            log_document_completed(call_record.document_id)

    def _end_round(self) -> None:
        brought = Results(self._job, self._lines > 0, self._faults)
        ended = self._step.records.close_round(brought, self._context.ambiguous_retries)
        for document_id, reason in ended.items():
            if reason is None:
                log_document_completed(document_id)
            else:
                self._log_failed(document_id, reason)

    def _log_failed(self, document_id: str, reason: ConversionError) -> None:
        log.warning(
            "batch.document_failed",
            batch_id=self._batch.id,
            document_id=document_id,
            code=reason.code,
            reason=reason.logged,
        )


def _indexes(session: Session, call: Call, document: Document) -> tuple[int, ...] | None:
    """Return the pages that a line has asked for: those of its range that had not ended.

    None when only the answer tells. Raises OutcomeUnknown when they are stored since then.
    """
    if call.first_page is None or call.last_page is None:
        return None
    asked = pages_between(document, call.first_page, call.last_page)
    done = ended_pages(session, document)
    indexes = tuple(index for index in asked if index not in done)
    if len(indexes) != call.expected_pages:
        raise OutcomeUnknown("The document has got pages of this line from elsewhere meanwhile.")
    return indexes
