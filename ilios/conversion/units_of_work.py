"""Units of work: what a worker thread changes in one transaction.

A unit is run again when another one in its transaction fails (ilios.db.group_commit). So it changes
nothing but the database, and returns what is to be logged and counted after the commit. Neither
logs nor metrics are known here: a contract of pyproject.toml holds that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from ilios.accounts import ledger, quotas
from ilios.accounts.quotas import Amount
from ilios.conversion import joint_answers
from ilios.conversion.claimed_job import ClaimedJob, StoredRanges
from ilios.conversion.failures import CloseCall
from ilios.conversion.joint_answers import StoredAnswer
from ilios.core import clock
from ilios.core.conversion_errors import OutcomeUnknown
from ilios.core.prices import Charge
from ilios.db.driver_session import DriverSession
from ilios.db.models import Document
from ilios.documents import job_outcome, results
from ilios.documents.options import options_of
from ilios.documents.stored_pages import Images
from ilios.engines.base import Conversion, DocumentInfo
from ilios.queue import jobs


@dataclass(frozen=True, slots=True)
class ReserveQuota:
    """Reserve what a document is going to use of its key's quota."""

    document: Document
    amount: Amount

    def __call__(self, session: Session) -> bool:
        """Return whether the key has a quota.

        Raises BudgetSpent or DailyPagesSpent when that is more than is left.
        """
        document = self.document
        return quotas.claim(session, document.id, document.owner, self.amount, clock.now())


@dataclass(frozen=True, slots=True)
class OpenCall:
    """Record that a call is about to be made."""

    claimed: ClaimedJob
    intent: ledger.Intent
    reserve_quota: ReserveQuota
    ambiguous_retries: int

    def __call__(self, session: Session) -> str:
        """Return the id of the call.

        Raises LeaseLost, OutcomeUnknown when such a call has been in doubt too often, and
        BudgetSpent or DailyPagesSpent.
        """
        jobs.require_held(session, self.claimed.lease)
        doubts = ledger.calls_unknown(session, self.intent.job_id)
        if doubts > self.ambiguous_retries:
            raise OutcomeUnknown(
                f"{doubts} calls for these pages ended without an answer, and each may have been "
                "billed. They are not repeated by themselves any more (AMBIGUOUS_RETRIES)."
            )
        self.reserve_quota(session)
        self._note_page_count(session)
        return ledger.open_call(session, self.claimed.document, self.intent, clock.now())

    def _note_page_count(self, session: Session) -> None:
        """Note how many pages the document has, if it may be completed without some of them."""
        document, indexes = self.claimed.document, self.intent.indexes
        if document.page_count is None and indexes and options_of(document).allow_partial:
            results.note_plan(session, document.id, len(indexes))


@dataclass(frozen=True, slots=True)
class FreeCall:
    """A call that costs nothing, and is recorded once it has ended: then its pages are counted."""

    intent: ledger.Intent
    reserve_quota: ReserveQuota


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of an answer."""

    is_settled: bool  #: now, and not before
    is_document_complete: bool = False  #: with its pages


@dataclass(frozen=True, slots=True)
class SettleCall:
    """Settle a call that was answered, and keep its pages, unless that was done before."""

    call_id: str
    document_id: str
    conversion: Conversion
    images: Images
    charge: Charge

    @property
    def used(self) -> Amount:
        """What the call has used."""
        return Amount(self.conversion.usage.pages, self.charge.total_micros)

    def __call__(self, session: Session) -> bool:
        """Return False when the call was settled before: nothing is changed then."""
        return self.settle(session).is_settled

    def settle(self, session: Session, ends_at: datetime | None = None) -> Kept:
        """Do it; `ends_at`: the document ends with these pages, if it is open."""
        if not ledger.settle(session, self.call_id, self._used(), clock.now()):
            return Kept(is_settled=False)
        quotas.release(session, self.document_id, self.used)
        return self._keep(session, ends_at)

    def record(self, session: Session, free: FreeCall, ends_at: datetime | None) -> Kept:
        """Do as `settle` with a call that nobody knows of. Raises DailyPagesSpent."""
        document = free.reserve_quota.document
        is_limited = free.reserve_quota(session)
        ledger.record(session, self.recorded(free), clock.now())
        if is_limited or document.reserved_pages:
            quotas.release(session, self.document_id, self.used)
        return self._keep(session, ends_at)

    def recorded(self, free: FreeCall) -> ledger.Recorded:
        """Return what the ledger has of a call that cost nothing."""
        document = free.reserve_quota.document
        return ledger.Recorded(document, free.intent, self.call_id, self._used())

    def _used(self) -> ledger.Used:
        usage = self.conversion.usage
        characters = sum(page.characters for page in self.conversion.pages)
        return ledger.Used(usage.pages, usage.model, characters, self.charge, usage.claimed_pages)

    def _keep(self, session: Session, ends_at: datetime | None) -> Kept:
        is_complete = results.checkpoint(
            session, self.document_id, self.conversion, self.images, ends_at
        )
        return Kept(is_settled=True, is_document_complete=is_complete)


@dataclass(frozen=True, slots=True)
class FinishJob:
    """Complete a job all of whose pages are stored, and its document with the last one."""

    claimed: ClaimedJob
    info: DocumentInfo | None  #: of its document; an answer that was found again brought none

    def __call__(self, session: Session) -> bool:
        """Return whether the document is complete. Raises LeaseLost."""
        document_id = self.claimed.document.id
        results.note_plan(session, document_id, None, self.info)
        return job_outcome.finish(session, self.claimed.lease, document_id, clock.now())


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """Keep what a call brought, and finish its job if the answer is whole and the lease holds.

    A paid answer is kept however late it comes. A free one is nothing that has to be known before
    it has ended: it is recorded then.
    """

    claimed: ClaimedJob
    settle_call: SettleCall
    free_call: FreeCall | None  #: None for a paid call, which the ledger has known before
    is_whole: bool  #: all pages came that were asked for

    def __call__(self, session: Session) -> StoredAnswer:
        """Raise DailyPagesSpent for a free conversion with more pages than are left."""
        lease, now = self.claimed.lease, clock.now()
        if self.is_whole:
            is_ours = jobs.finish_if_held(session, lease, now)
        else:
            is_ours = jobs.holds(session, lease)
        return self.after(session, now, is_ours=is_ours)

    @staticmethod
    def together(session: DriverSession, units: Sequence[StoreAnswer]) -> list[StoredAnswer | None]:
        """Keep answers at once, as GroupCommit asks for it."""
        return joint_answers.store(session, units, clock.now())

    def after(self, session: Session, now: datetime, *, is_ours: bool) -> StoredAnswer:
        """Do what is left once the job is finished, if all pages came; `is_ours`: it was."""
        lease = self.claimed.lease
        is_end = is_ours and self.is_whole
        ends_at = now if is_end and job_outcome.ends_document(lease) else None
        kept = self._keep(session, ends_at, is_ours=is_ours)
        is_complete = is_end and (
            kept.is_document_complete
            or job_outcome.complete_if_last(session, lease, self.claimed.document.id, now)
        )
        return StoredAnswer(is_ours, kept.is_settled, is_complete)

    def _keep(self, session: Session, ends_at: datetime | None, *, is_ours: bool) -> Kept:
        if self.free_call is None:
            return self.settle_call.settle(session, ends_at)
        if is_ours:
            return self.settle_call.record(session, self.free_call, ends_at)
        return Kept(is_settled=False)


@dataclass(frozen=True, slots=True)
class SplitJob:
    """Finish a document's first job, and let a job for each range of pages take over."""

    claimed: ClaimedJob
    pages_done: int  #: by an earlier conversion
    page_total: int
    stored: StoredRanges

    def __call__(self, session: Session) -> None:
        """Raise LeaseLost when the job is another's by now."""
        now = clock.now()
        parent = jobs.held(session, self.claimed.lease)
        jobs.enqueue_ranges(session, parent, self.stored.ranges, now)
        jobs.finish(session, self.claimed.lease, now)
        # Else its ranges would not look for pages that are stored, and pay for them again.
        results.note_progress(session, self.claimed.document.id, self.pages_done, self.page_total)
        results.note_parts(session, self.claimed.document.id, self.stored.size_bytes)
        results.note_plan(session, self.claimed.document.id, self.page_total, self.stored.info)


@dataclass(frozen=True, slots=True)
class HalveJob:
    """Finish a job, and let jobs for fewer of its pages take over."""

    claimed: ClaimedJob
    stored: StoredRanges
    close_call: CloseCall | None  #: of a call that was refused

    def __call__(self, session: Session) -> None:
        """Raise LeaseLost when the job is another's by now."""
        if self.close_call is not None:
            self.close_call(session)
        now = clock.now()
        parent = jobs.held(session, self.claimed.lease)
        jobs.enqueue_ranges(session, parent, self.stored.ranges, now)
        jobs.finish(session, self.claimed.lease, now)
        results.add_parts(session, self.claimed.document.id, self.stored.size_bytes)
        results.note_plan(session, self.claimed.document.id, None, self.stored.info)
