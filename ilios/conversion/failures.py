"""What a failed attempt changes: its call, its job, and the document."""

from __future__ import annotations

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
    PoisonDocument,
    ProviderMisconfigured,
    ProviderThrottled,
)
from ilios.core.telemetry import logs, metrics
from ilios.db.models import JobStatus, JobType
from ilios.documents import results
from ilios.queue import cancellation, jobs
from ilios.queue.backoff import LONGEST_WAIT, retry_delay
from ilios.storage.answer_spool import CallRecord

log = logs.get(__name__)

THROTTLED_WAIT = timedelta(seconds=1)  #: after a 429 that names no Retry-After
DISK_WAIT = timedelta(seconds=30)  #: for room on the disk
REPAIR_WAIT = timedelta(seconds=2)  #: by then the supervisor has heard of the wrong setting


def leave(
    session: Session, work: ClaimedJob, error: ConversionError, ambiguous_retries: int
) -> tuple[JobStatus, ConversionError]:
    """Let the job wait, be tried again or fail; what it became, and for which error in the end."""
    final = error
    if isinstance(error, ParserCrashed):
        final = _poison(jobs.count_crash(session, work.lease), error)
    status = _move_on(session, work, final, ambiguous_retries)
    _follow(session, work, status, final)
    return status, final


def close_call(session: Session, question: CallRecord, *, is_doubtful: bool) -> None:
    """Neither changes a call that is settled."""
    close = ledger.doubt if is_doubtful else ledger.refuse
    close(session, question.call_id, clock.now())


def say_closed(question: CallRecord, error: ConversionError, *, is_doubtful: bool) -> None:
    """What became of a call that brought nothing."""
    call_id, document_id = question.call_id, question.document_id
    if is_doubtful:
        log.warning("call.doubted", call_id=call_id, document_id=document_id, code=error.code)
    else:
        log.info("call.refused", call_id=call_id, document_id=document_id, code=error.code)


def say_left(work: ClaimedJob, status: JobStatus, error: ConversionError) -> None:
    """What became of a job that was not completed."""
    has_failed = status is JobStatus.FAILED
    (metrics.CONVERSIONS_FAILED if has_failed else metrics.RETRIES).labels(error.code).inc()
    if has_failed:
        log.warning(
            "job.failed",
            job_id=work.job.id,
            document_id=work.document.id,
            code=error.code,
            reason=error.logged,
        )
    else:
        log.warning(
            "job.retried",
            job_id=work.job.id,
            document_id=work.document.id,
            attempt=work.job.attempts,
            code=error.code,
            reason=error.logged,
        )


def _move_on(
    session: Session, work: ClaimedJob, error: ConversionError, ambiguous_retries: int
) -> JobStatus:
    """Move the job on; what is not the document's doing costs no attempt."""
    now = clock.now()
    match error:
        case ProviderThrottled():
            seconds = error.retry_after_seconds
            wait = THROTTLED_WAIT if seconds is None else timedelta(seconds=seconds)
            until = now + min(wait, LONGEST_WAIT)
            jobs.postpone(session, work.lease, until, error.detail)
        case ProviderMisconfigured():
            jobs.postpone(session, work.lease, now + REPAIR_WAIT, error.detail)
        case DiskFull():
            jobs.postpone(session, work.lease, now + DISK_WAIT, error.detail)
        case OutcomeUnknown() if (
            doubts := ledger.calls_unknown(session, work.job.id)
        ) <= ambiguous_retries:
            wait = retry_delay(max(1, doubts))
            jobs.postpone(session, work.lease, now + wait, error.detail)
        case _ if error.retryable and not isinstance(error, OutcomeUnknown):
            return jobs.retry(session, work.lease, error.detail, now)
        case _:
            jobs.fail(session, work.lease, error.detail, now)
            return JobStatus.FAILED
    return JobStatus.PENDING


def _follow(session: Session, work: ClaimedJob, status: JobStatus, error: ConversionError) -> None:
    """Let the document follow its job."""
    if status is JobStatus.FAILED:
        results.fail(session, work.document.id, error, clock.now())
        cancellation.drop_waiting(session, work.document.id, error.detail, clock.now())
    elif work.job.type is JobType.CONVERT:
        results.wait_again(session, work.document.id)


def _poison(crashes: int, error: ConversionError) -> ConversionError:
    if crashes < jobs.MAX_CRASHES:
        return error
    return PoisonDocument(f"The document crashed its parser {crashes} times. {error.detail}")
