"""Writing down how calls begin and end; what is logged and counted follows the commit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from sqlalchemy.orm import Session

from ilios.accounts import costs, ledger
from ilios.accounts.costs import Tariff
from ilios.conversion.answers import missing_pages
from ilios.conversion.claimed_job import ClaimedJob, StoredRanges
from ilios.conversion.failures import CloseCall, FailAttempt
from ilios.conversion.outcomes import log_closed, log_document_completed, log_failed
from ilios.conversion.units_of_work import (
    FinishJob,
    FreeCall,
    HalveJob,
    OpenCall,
    ReserveQuota,
    SettleCall,
    SplitJob,
    StoreAnswer,
)
from ilios.core import ids
from ilios.core.conversion_errors import (
    ConversionError,
    CostAboveLimit,
    OutcomeUnknown,
    PagesMissing,
)
from ilios.core.errors import LeaseLost
from ilios.core.prices import Pricing
from ilios.core.telemetry import logs, metrics, spans
from ilios.db.database import Scope
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Document
from ilios.documents.stored_pages import Images
from ilios.engines.base import Conversion, DocumentInfo, Engine, Options, Part
from ilios.engines.detection import media_types
from ilios.queue import jobs
from ilios.storage.answer_spool import CallRecord

log = logs.get(__name__)

T = TypeVar("T")

MODELS_WARNED_OF_MAX: Final = 100  #: names that answers gave, in one process


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that the provider has refused, and its error."""

    call: CallRecord
    error: ConversionError


class Recorder:
    """Runs units of work for the threads of a worker, which share it."""

    def __init__(self, group_commit: GroupCommit, pricing: Pricing, ambiguous_retries: int) -> None:
        self._group_commit = group_commit
        self._pricing = pricing
        self._ambiguous_retries = ambiguous_retries
        self._warned_of: set[str] = set()

    def approve(
        self,
        document: Document,
        options: Options,
        engine: Engine,
        parts: Sequence[Part],
        done: Collection[int] = (),
        *,
        batch: bool = False,
    ) -> None:
        """Let a document be converted whole, now that its pages are counted.

        Pages that are `done` are paid for, and reserve nothing. Raises CostAboveLimit, and
        BudgetSpent or DailyPagesSpent for what one call alone would not meet: `begin` looks there.
        """
        is_reserved = len(parts) > 1 or batch
        if options.max_cost_micros is None and not is_reserved:
            return
        if engine.is_paid and options.max_cost_micros is not None:
            _require_counted(document, parts)
        tariff = self._tariff(engine, engine.model(options), options.is_annotated, batch)
        amount = costs.total(tariff.amount(_pages_left(part, ())) for part in parts)
        costs.require_within(options.max_cost_micros, amount)
        if is_reserved:
            left = (_pages_left(part, done) for part in parts)
            amount = costs.total(tariff.amount(pages) for pages in left if pages != 0)
            self._write(ReserveQuota(document, amount), document.id)

    def begin(
        self, claimed: ClaimedJob, options: Options, indexes: tuple[int, ...] | None
    ) -> CallRecord:
        """Record that a paid call is about to be made; a free one is recorded when it has ended.

        Raises LeaseLost, OutcomeUnknown when such a call has been in doubt too often, and
        BudgetSpent or DailyPagesSpent.
        """
        engine, document, job_id = claimed.engine, claimed.document, claimed.lease.job_id
        if not engine.is_paid:
            return CallRecord(ids.new_id(), job_id, document.id, indexes)
        model, is_annotated = engine.model(options), options.is_annotated
        intent = ledger.Intent(job_id, engine.name, model, indexes, is_annotated=is_annotated)
        amount = self._tariff(engine, model, is_annotated).amount(len(indexes or ()))
        unit = OpenCall(claimed, intent, ReserveQuota(document, amount), self._ambiguous_retries)
        call_id = self._write(unit, document.id)
        return CallRecord(call_id, job_id, document.id, indexes, is_annotated)

    def store(
        self, claimed: ClaimedJob, call: CallRecord, conversion: Conversion, images: Images
    ) -> None:
        """Keep what a call brought: pages and cost in any case, the statuses if the job is ours.

        Raises LeaseLost after that, and PagesMissing when pages that were asked for did not come.
        Raises DailyPagesSpent for what cost nothing and has more pages than are left: only the
        conversion has counted them, and nothing of it is kept.
        """
        engine, document_id = claimed.engine, call.document_id
        settle_call = self.settle_call(engine, call, conversion, images)
        used = settle_call.used
        missing = missing_pages(call, conversion)
        free_call = None if engine.is_paid else _free_call(claimed, call, settle_call)
        unit = StoreAnswer(claimed, settle_call, free_call, is_whole=missing is None)
        with spans.span("record", attributes={"ilios.pages": used.pages}):
            stored = self._write(unit, document_id)
        if stored.is_settled:
            self.count(engine, settle_call)
        if stored.is_ours or engine.is_paid:
            log.info(
                "call.settled",
                call_id=call.call_id,
                document_id=document_id,
                engine=engine.name,
                model=conversion.usage.model,
                pages=used.pages,
                cost_micros=used.cost_micros,
            )
        if not stored.is_ours:
            raise jobs.lease_lost(claimed.lease)
        if stored.is_document_complete:
            log_document_completed(document_id)
        if missing:
            raise PagesMissing(missing)

    def complete(self, claimed: ClaimedJob, info: DocumentInfo | None) -> None:
        """Finish a job all of whose pages are there already. Raises LeaseLost."""
        document_id = claimed.document.id
        is_document_complete = self._write(FinishJob(claimed, info), document_id)
        log.info("job.completed", job_id=claimed.job.id, document_id=document_id, pages=0)
        if is_document_complete:
            log_document_completed(document_id)

    def split(
        self,
        claimed: ClaimedJob,
        pages_done: int,
        page_total: int,
        stored: StoredRanges,
    ) -> None:
        """Finish a document's first job, and let a job for each range of pages take over.

        Raises LeaseLost.
        """
        self._write(SplitJob(claimed, pages_done, page_total, stored), claimed.document.id)
        log.info(
            "document.split",
            document_id=claimed.document.id,
            pages=page_total,
            ranges=len(stored.ranges),
        )

    def recover(
        self, engine: Engine, call: CallRecord, conversion: Conversion, images: Images
    ) -> None:
        """Keep what an answer from before a crash brought; the job that needs it finds it."""
        settle_call = self.settle_call(engine, call, conversion, images)
        if self._write(settle_call, call.document_id):
            self.count(engine, settle_call)
        log.info("answer.recovered", call_id=call.call_id, document_id=call.document_id)

    def give_up(
        self,
        claimed: ClaimedJob,
        call: CallRecord | None,
        error: ConversionError,
        *,
        is_answered: bool = False,
    ) -> None:
        """End an attempt that failed: wait, retry or fail, as the error says. Raises LeaseLost.

        A call that was answered is never closed as refused: its answer is kept, and settles it.
        """
        is_doubtful = is_answered or isinstance(error, OutcomeUnknown)
        close_call = CloseCall(call.call_id, is_doubtful) if call else None
        unit = FailAttempt(claimed, error, close_call, self._ambiguous_retries)
        failed = self._end_attempt(unit, close_call, claimed.document.id)
        if call is not None:
            log_closed(call, error, is_doubtful=is_doubtful)
        log_failed(claimed.job, failed.status, failed.error)
        if failed.is_document_complete:
            log_document_completed(claimed.document.id)

    def halve(
        self, claimed: ClaimedJob, stored: StoredRanges, refused: Refused | None = None
    ) -> None:
        """Finish a job, and let jobs for fewer of its pages take over. Raises LeaseLost."""
        close_call = CloseCall(refused.call.call_id, is_doubtful=False) if refused else None
        self._end_attempt(HalveJob(claimed, stored, close_call), close_call, claimed.document.id)
        if refused is not None:
            log_closed(refused.call, refused.error, is_doubtful=False)
            metrics.RETRIES.labels(refused.error.code).inc()
        log.info(
            "job.halved",
            job_id=claimed.job.id,
            document_id=claimed.document.id,
            code=refused and refused.error.code,
            ranges=len(stored.ranges),
        )

    def _end_attempt(
        self, unit: Callable[[Session], T], close_call: CloseCall | None, document_id: str
    ) -> T:
        """Write a unit that closes a call; after LeaseLost, how the call ended is known anyway."""
        try:
            return self._write(unit, document_id)
        except LeaseLost:
            if close_call is not None:
                self._write(close_call, document_id)
            raise

    def _write(self, unit: Callable[[Session], T], document_id: str) -> T:
        return self._group_commit.write(unit, scope=Scope.document(document_id))

    def settle_call(
        self,
        engine: Engine,
        call: CallRecord,
        conversion: Conversion,
        images: Images,
        *,
        batch: bool = False,
    ) -> SettleCall:
        """Return the unit that settles a call; `count` what it used once it has done so."""
        usage = conversion.usage
        self._warn_of_unknown(engine, usage.model)
        tariff = self._tariff(engine, usage.model, call.is_annotated, batch)
        charge = tariff.charge(usage.pages)
        if usage.asked_model not in (None, usage.model):
            approved = replace(tariff, model=usage.asked_model).charge(usage.pages)
            if approved.total_micros < charge.total_micros:
                self._warn_of_dearer(usage.model, usage.asked_model)
                charge = approved
        return SettleCall(call.call_id, call.document_id, conversion, images, charge)

    def count(self, engine: Engine, settled: SettleCall) -> None:
        """Add to the metrics what a call has used, once that is committed, and log what is not."""
        used = settled.used
        metrics.PAGES.labels(engine.name).inc(used.pages)
        metrics.COST.labels(engine.name).inc(used.cost_micros)
        usage = settled.conversion.usage
        if usage.claimed_pages is not None:
            metrics.PAGES_OVERCOUNTED.inc(usage.claimed_pages - usage.pages)
            log.error(
                "call.overcounted",
                call_id=settled.call_id,
                document_id=settled.document_id,
                pages=usage.pages,
                claimed_pages=usage.claimed_pages,
            )
        for warning in settled.conversion.all_warnings():
            metrics.CONVERSION_WARNINGS.labels(warning.code).inc()

    def _tariff(self, engine: Engine, model: str, annotated: bool, batch: bool = False) -> Tariff:
        return Tariff(self._pricing, model, engine.is_paid, batch, annotated)

    def _warn_of_unknown(self, engine: Engine, model: str) -> None:
        """Warn once of a model without a price of its own."""
        if engine.is_paid and not self._pricing.book.knows(model) and self._is_news(model):
            log.warning("price.unknown_model", model=model, billed_as="* of PRICE_BOOK")

    def _warn_of_dearer(self, model: str, asked_model: str) -> None:
        """Warn once of a model that costs more than the one that was asked for."""
        if self._is_news(f"{asked_model} {model}"):
            log.warning("price.dearer_model", model=model, billed_as=asked_model)

    def _is_news(self, models: str) -> bool:
        """Return whether to warn of models: once of each, and of MODELS_WARNED_OF_MAX."""
        if models in self._warned_of or len(self._warned_of) == MODELS_WARNED_OF_MAX:
            return False
        self._warned_of.add(models)
        return True


def _free_call(claimed: ClaimedJob, call: CallRecord, settled: SettleCall) -> FreeCall:
    model = settled.conversion.usage.model
    intent = ledger.Intent(call.job_id, claimed.engine.name, model, call.indexes)
    return FreeCall(intent, ReserveQuota(claimed.document, settled.used))


def _pages_left(part: Part, done: Collection[int]) -> int | None:
    """Return how many pages of a part are not done; None when it is not known how many it has."""
    return None if part.indexes is None else sum(index not in done for index in part.indexes)


def _require_counted(document: Document, parts: Sequence[Part]) -> None:
    """Raise CostAboveLimit for a PDF whose pages nobody but the provider can count."""
    if document.mime_type == media_types.PDF and any(part.indexes is None for part in parts):
        raise CostAboveLimit(
            "Its pages cannot be counted before it is converted, so that maxCostUsd cannot be "
            "kept. Nothing was charged: send it again without maxCostUsd."
        )
