"""What a call's end changes: pages, ledger, job and document, in one transaction each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from ilios.accounts import ledger, quotas
from ilios.accounts.quotas import Need
from ilios.conversion import failures
from ilios.conversion.claimed_job import ClaimedJob
from ilios.core import clock
from ilios.core.conversion_errors import (
    ConversionError,
    CostAboveLimit,
    OutcomeUnknown,
    PagesMissing,
)
from ilios.core.errors import LeaseLost
from ilios.core.prices import FREE, Charge, Pricing
from ilios.core.telemetry import logs, metrics
from ilios.db.database import after_commit
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Document, JobStatus, JobType
from ilios.documents import results
from ilios.documents.admission import require_cost_within
from ilios.documents.options import options_of
from ilios.documents.results import StoredImage
from ilios.engines.base import Conversion, Engine, Part
from ilios.engines.detection import media_types
from ilios.queue import jobs, queries
from ilios.storage.answer_spool import CallRecord

log = logs.get(__name__)

Images = Mapping[int, list[StoredImage]]
"""Stored images by page index."""


class Recorder:
    """Writes down how calls begin and end; the threads of a worker share it."""

    def __init__(self, group_commit: GroupCommit, pricing: Pricing, ambiguous_retries: int) -> None:
        self._group_commit = group_commit
        self._pricing = pricing
        self._ambiguous_retries = ambiguous_retries
        self._warned_of: set[str] = set()

    def approve(
        self, document: Document, engine: Engine, parts: Sequence[Part], *, batch: bool = False
    ) -> None:
        """Let a document be converted whole, now that its pages are counted.

        Raises CostAboveLimit, and BudgetSpent or DailyPagesSpent for what one call alone would not
        meet: `begin` looks there.
        """
        options = options_of(document)
        if engine.is_paid and options.max_cost_micros is not None:
            _require_counted(document, parts)
        model = engine.model(options)
        needs = [self._need(engine, model, part.indexes, batch=batch) for part in parts]
        need = Need(sum(one.pages for one in needs), sum(one.cost_micros for one in needs))
        require_cost_within(options, need)
        if len(parts) > 1 or batch:
            self._group_commit.write(
                lambda session: quotas.claim(
                    session, document.id, document.owner, need, clock.now()
                )
            )

    def begin(self, work: ClaimedJob, model: str, indexes: tuple[int, ...] | None) -> CallRecord:
        """Record that a call is about to be made.

        Raises LeaseLost, OutcomeUnknown when such a call has been in doubt too often, and
        BudgetSpent or DailyPagesSpent.
        """
        intent = ledger.Intent(work.job.id, work.engine.name, model, indexes)
        need = self._need(work.engine, model, indexes)

        def write(session: Session) -> str:
            if not jobs.holds(session, work.lease):
                raise _lost(work)
            doubts = ledger.calls_unknown(session, work.job.id)
            if doubts > self._ambiguous_retries:
                raise _too_many_doubts(doubts)
            quotas.claim(session, work.document.id, work.document.owner, need, clock.now())
            return ledger.open_call(session, work.document, intent, clock.now())

        return CallRecord(self._group_commit.write(write), work.job.id, work.document.id, indexes)

    def store(
        self, work: ClaimedJob, question: CallRecord, conversion: Conversion, images: Images
    ) -> None:
        """Keep what a call brought: pages and cost in any case, the statuses if the job is ours.

        Raises LeaseLost after that, and PagesMissing when pages that were asked for did not come.
        Raises DailyPagesSpent for what cost nothing and has more pages than are left: only the
        conversion has counted them, and nothing of it is kept.
        """
        missing = missing_pages(question, conversion)
        cost_micros = self._charge(work.engine, conversion, batch=False).total_micros

        def write(session: Session) -> tuple[bool, bool]:
            """Whether the job is ours, and whether the document is complete."""
            is_complete = False
            is_ours = jobs.holds(session, work.lease)
            if is_ours and not work.engine.is_paid:
                pages = Need(conversion.usage.pages, FREE.total_micros)
                quotas.claim(session, work.document.id, work.document.owner, pages, clock.now())
            # What was paid for is kept however late it comes.
            if is_ours or work.engine.is_paid:
                self.keep(session, work.engine, question, conversion, images)
            if is_ours and not missing:
                is_complete = _finish(session, work)
            return is_ours, is_complete

        is_ours, is_complete = self._group_commit.write(write)
        if is_ours or work.engine.is_paid:
            log.info(
                "call.settled",
                call_id=question.call_id,
                document_id=work.document.id,
                engine=work.engine.name,
                model=conversion.usage.model,
                pages=conversion.usage.pages,
                cost_micros=cost_micros,
            )
        if not is_ours:
            raise _lost(work)
        _say_complete(work, is_complete)
        if missing:
            raise PagesMissing(missing)

    def complete(self, work: ClaimedJob) -> None:
        """End a job all of whose pages are there already."""
        is_complete = self._group_commit.write(lambda session: _finish(session, work))
        log.info("job.completed", job_id=work.job.id, document_id=work.document.id, pages=0)
        _say_complete(work, is_complete)

    def split(self, work: ClaimedJob, total: int, ranges: list[tuple[int, int]]) -> None:
        """End a document's first job, and let a job for each range of pages take over."""

        def write(session: Session) -> None:
            now = clock.now()
            parent = jobs.held(session, work.lease)
            jobs.enqueue_ranges(session, parent, ranges, now)
            jobs.finish(session, work.lease, now)
            results.note_progress(session, work.document.id, 0, total)

        self._group_commit.write(write)
        log.info("document.split", document_id=work.document.id, pages=total, ranges=len(ranges))

    def recover(
        self, engine: Engine, question: CallRecord, conversion: Conversion, images: Images
    ) -> None:
        """Keep what an answer from before a crash brought; the job that needs it finds it."""
        self._group_commit.write(
            lambda session: self.keep(session, engine, question, conversion, images)
        )
        log.info("answer.recovered", call_id=question.call_id, document_id=question.document_id)

    def give_up(
        self,
        work: ClaimedJob,
        question: CallRecord | None,
        error: ConversionError,
        *,
        is_answered: bool = False,
    ) -> None:
        """End an attempt that failed: wait, retry or fail, as the error says. Raises LeaseLost.

        A call that was answered is never closed as refused: its answer is kept, and settles it.
        """
        is_doubtful = is_answered or isinstance(error, OutcomeUnknown)

        def write(session: Session) -> tuple[JobStatus, ConversionError]:
            if question is not None:
                failures.close_call(session, question, is_doubtful=is_doubtful)
            return failures.leave(session, work, error, self._ambiguous_retries)

        try:
            status, final = self._group_commit.write(write)
        except LeaseLost:
            if question is not None:  # how it ended is known all the same
                self._group_commit.write(
                    lambda session: failures.close_call(session, question, is_doubtful=is_doubtful)
                )
            raise
        if question is not None:
            failures.say_closed(question, error, is_doubtful=is_doubtful)
        failures.say_left(work, status, final)

    def keep(
        self,
        session: Session,
        engine: Engine,
        question: CallRecord,
        conversion: Conversion,
        images: Images,
        *,
        batch: bool = False,
    ) -> None:
        """Settle the call and keep its pages, unless that was done before."""
        charge = self._charge(engine, conversion, batch=batch)
        settled = ledger.settle(
            session,
            question.call_id,
            usage=conversion.usage,
            characters=sum(len(page.markdown) for page in conversion.pages),
            charge=charge,
            now=clock.now(),
        )
        if settled:
            used = Need(conversion.usage.pages, charge.total_micros)
            quotas.release(session, question.document_id, used)
            results.checkpoint(session, question.document_id, conversion, images)
            after_commit(session, lambda: _count(engine, used))

    def _need(
        self, engine: Engine, model: str, indexes: tuple[int, ...] | None, *, batch: bool = False
    ) -> Need:
        """What a call is going to use; of pages that only the answer counts, one."""
        pages = len(indexes) if indexes else 1
        if not engine.is_paid:
            return Need(pages, FREE.total_micros)
        return Need(pages, self._pricing.charge(pages, model, batch=batch).total_micros)

    def _charge(self, engine: Engine, conversion: Conversion, *, batch: bool) -> Charge:
        if not engine.is_paid:
            return FREE
        usage = conversion.usage
        if not self._pricing.book.knows(usage.model) and usage.model not in self._warned_of:
            self._warned_of.add(usage.model)
            log.warning("price.unknown_model", model=usage.model, billed_as="* of PRICE_BOOK")
        return self._pricing.charge(
            usage.pages, usage.model, annotated=usage.annotated, batch=batch
        )


def _require_counted(document: Document, parts: Sequence[Part]) -> None:
    """Raises CostAboveLimit for a PDF whose pages nobody but the provider can count."""
    if document.mime_type == media_types.PDF and any(part.indexes is None for part in parts):
        raise CostAboveLimit(
            "Its pages cannot be counted before it is converted, so that maxCostUsd cannot be "
            "kept. Nothing was charged: send it again without maxCostUsd."
        )


def _count(engine: Engine, used: Need) -> None:
    metrics.PAGES.labels(engine.name).inc(used.pages)
    metrics.COST.labels(engine.name).inc(used.cost_micros)


def _finish(session: Session, work: ClaimedJob) -> bool:
    """End the job, and the document with its last one; whether this was the last."""
    now = clock.now()
    jobs.finish(session, work.lease, now)
    is_last = work.job.type is JobType.CONVERT or not queries.open_jobs(session, work.document.id)
    if is_last:
        results.complete(session, work.document.id, now)
    return is_last


def _say_complete(work: ClaimedJob, is_complete: bool) -> None:
    if is_complete:
        log.info("document.completed", document_id=work.document.id)


def missing_pages(question: CallRecord, conversion: Conversion) -> str | None:
    """What did not come of what was asked for, as a sentence; None when everything came."""
    came = {page.index for page in conversion.pages}
    if question.indexes is None:
        return None if came else "The provider answered without a single page."
    missing = [index + 1 for index in question.indexes if index not in came]
    if not missing:
        return None
    return (
        f"The provider left out {len(missing)} of {len(question.indexes)} pages "
        f"(the first is page {missing[0]})."
    )


def _lost(work: ClaimedJob) -> LeaseLost:
    return LeaseLost(f"Job {work.job.id} is no longer under this lease.")


def _too_many_doubts(doubts: int) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{doubts} calls for these pages ended without an answer, and each may have been billed. "
        "They are not repeated by themselves any more (AMBIGUOUS_RETRIES)."
    )
