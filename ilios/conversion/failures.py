"""Units of work for a failed attempt: what it changes of call, job and document.

See ilios.conversion.units_of_work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from ilios.accounts import ledger
from ilios.conversion.claimed_job import ClaimedJob
from ilios.core import clock
from ilios.core.conversion_errors import (
    ConversionError,
    DiskFull,
    OutcomeUnknown,
    ParserCrashed,
    ProviderMisconfigured,
    ProviderThrottled,
)
from ilios.db.models import JobStatus
from ilios.documents import job_outcome
from ilios.engines import document_errors
from ilios.queue import jobs
from ilios.queue.backoff import LONGEST_WAIT, retry_delay

THROTTLED_WAIT = timedelta(seconds=1)  #: after a 429 that names no Retry-After
DISK_WAIT = timedelta(seconds=30)  #: until there is room on the disk
REPAIR_WAIT = timedelta(seconds=2)  #: by then the supervisor has heard of the wrong setting


@dataclass(frozen=True, slots=True)
class CloseCall:
    """Close a call that brought nothing: refused, or in doubt. One that is settled stays so."""

    call_id: str
    is_doubtful: bool

    def __call__(self, session: Session) -> None:
        close = ledger.doubt if self.is_doubtful else ledger.refuse
        close(session, self.call_id, clock.now())


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """The new status of the job, and the error that decided it."""

    status: JobStatus
    error: ConversionError
    is_document_complete: bool  #: without the pages of this job


@dataclass(frozen=True, slots=True)
class FailAttempt:
    """End an attempt that failed: its job waits, is tried again or fails, as the error says."""

    claimed: ClaimedJob
    error: ConversionError
    close_call: CloseCall | None  #: None when no call was begun
    ambiguous_retries: int

    def __call__(self, session: Session) -> FailedAttempt:
        """Raise LeaseLost when the job is another's by now."""
        if self.close_call is not None:
            self.close_call(session)
        lease, error = self.claimed.lease, self.error
        if isinstance(error, ParserCrashed):
            crashes = jobs.count_crash(session, lease)
            if crashes >= jobs.MAX_CRASHES:
                error = document_errors.poison(crashes, error)
        status = self._move_job(session, error)
        is_complete = job_outcome.follow(session, lease.job_id, status, error, clock.now())
        return FailedAttempt(status, error, is_complete)

    def _move_job(self, session: Session, error: ConversionError) -> JobStatus:
        """Move the job; what the document did not cause costs no attempt."""
        lease, now = self.claimed.lease, clock.now()
        match error:
            case ProviderThrottled():
                seconds = error.retry_after_seconds
                wait = THROTTLED_WAIT if seconds is None else timedelta(seconds=seconds)
                jobs.postpone(session, lease, now + min(wait, LONGEST_WAIT), error.detail)
            case ProviderMisconfigured():
                jobs.postpone(session, lease, now + REPAIR_WAIT, error.detail)
            case DiskFull():
                jobs.postpone(session, lease, now + DISK_WAIT, error.detail)
            case OutcomeUnknown() if (
                doubts := ledger.calls_unknown(session, lease.job_id)
            ) <= self.ambiguous_retries:
                jobs.postpone(session, lease, now + retry_delay(max(1, doubts)), error.detail)
            case _ if error.retryable and not isinstance(error, OutcomeUnknown):
                return jobs.retry(session, lease, error.detail, now)
            case _:
                jobs.fail(session, lease, error.detail, now)
                return JobStatus.FAILED
        return JobStatus.PENDING
