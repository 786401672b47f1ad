"""A document follows its job: what becomes of it when a job ends, waits again or is cancelled.

A document has one job, which may split it into ranges of pages with a job each. It is completed
with the last of them, and fails with the first that fails, which fails those that wait; unless it
may be completed without some pages (`allowPartial`): then the last job decides. Takes a session,
never commits.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from ilios.accounts import ledger
from ilios.core.conversion_errors import ConversionError, OutcomeUnknown, WorkerLost
from ilios.db.models import Document, Job, JobStatus, JobType
from ilios.documents import partial_results, repository, results
from ilios.documents.options import options_of
from ilios.queue import cancellation, jobs, queries, release
from ilios.queue.jobs import Lease
from ilios.queue.release import Released

LOST: Final = WorkerLost(
    "The process that converted this document died, and the attempts are used up. "
    "Retry it; if it fails again, the document itself may be the cause."
)
_WHOLE: Final = (JobType.CONVERT, JobType.FETCH)  #: a document has one of these, or ranges
DOUBTFUL: Final = OutcomeUnknown(
    "Calls for this document were cut off too often, and each may have been billed "
    "(AMBIGUOUS_RETRIES). Retry it by hand."
)


@dataclass(frozen=True, slots=True)
class LostJob:
    """A job whose worker is gone, its new status, and the error that decided it."""

    released: Released
    status: JobStatus
    error: ConversionError
    in_call: bool  #: whether a paid call was in flight
    is_document_complete: bool  #: without the pages of this job


def finish(session: Session, lease: Lease, document_id: str, now: datetime) -> bool:
    """Complete a job, and its document with the last one; return whether that was the last.

    Raises LeaseLost.
    """
    jobs.finish(session, lease, now)
    return complete_if_last(session, lease, document_id, now)


def ends_document(lease: Lease) -> bool:
    """Return whether the pages of a job are all that its document has."""
    return lease.type is JobType.CONVERT


def complete_if_last(session: Session, lease: Lease, document_id: str, now: datetime) -> bool:
    """Complete the document of a job that has just ended, if it was the last; return whether."""
    if ends_document(lease):
        results.complete(session, document_id, now)
        return True
    repository.lock(session, document_id)  # else of two that end at once each sees the other open
    if queries.open_jobs(session, document_id):
        return False
    return partial_results.end(session, document_id, now)


def follow(
    session: Session, job_id: str, status: JobStatus, error: ConversionError, now: datetime
) -> bool:
    """Let a document follow a job that has failed, or that waits to be tried again.

    Return whether that has completed the document, without the pages of the job.
    """
    job = session.get_one(Job, job_id)
    document_id = job.document_id or ""
    if status is JobStatus.FAILED:
        return _fail(session, job, document_id, error, now)
    if job.type in _WHOLE:  # one that is split goes on with its other ranges
        results.wait_again(session, document_id)
    return False


def give_back(session: Session, lease: Lease, now: datetime) -> Released | None:
    """Return a job that was never begun, or that we stopped; it costs no attempt.

    None when the lease was lost.
    """
    released = release.give_back(session, lease)
    if released is None:
        return None
    ledger.abandon(session, [lease.job_id], now)
    if released.document_id is not None and released.type in _WHOLE:
        results.wait_again(session, released.document_id)
    return released


def release_lost(
    session: Session,
    lost: ColumnElement[bool],
    ambiguous_retries: int,
    now: datetime,
    answered: Collection[str] = (),
) -> list[LostJob]:
    """Release the jobs of workers that are gone: `lost` selects them among the processing ones.

    `answered` are jobs whose paid answer waits in the spool: the first time that one of them is
    lost, it is tried again whatever it has cost, because that attempt reads the answer.
    """
    unread = {job_id for job_id in answered if ledger.calls_open(session, job_id)}
    released = release.release_lost(session, lost, LOST.detail, now, unread)
    session.flush()
    return [_settle(session, job, ambiguous_retries, now, unread) for job in released]


def cancel_unless_awaited(session: Session, document_id: str, now: datetime) -> None:
    """Cancel the jobs of a document unless it, or one that has joined it, waits for them."""
    if not repository.is_awaited(session, document_id):
        cancellation.cancel(session, document_id, now)


def _fail(
    session: Session, job: Job, document_id: str, error: ConversionError, now: datetime
) -> bool:
    """Fail the document of a job, or its pages alone; return whether that has completed it."""
    repository.lock(session, document_id)  # before those are looked for that have joined it
    document = session.get_one(Document, document_id)
    if job.type is JobType.FETCH or options_of(document).allow_partial is None:
        results.fail(session, document_id, error, now)
        cancellation.fail_waiting(session, document_id, error.detail, now)
        return False
    partial_results.note_job(session, job, document, error)
    if queries.open_jobs(session, document_id):
        return False
    return partial_results.end(session, document_id, now, error)


def _settle(
    session: Session,
    released: Released,
    ambiguous_retries: int,
    now: datetime,
    unread: Collection[str],
) -> LostJob:
    """Charge a job cut off in mid-call with a doubtful call, any other with an attempt."""
    in_call = ledger.calls_open(session, released.job_id)
    ledger.abandon(session, [released.job_id], now)
    status: JobStatus = released.status
    error: ConversionError = LOST
    if in_call and status is JobStatus.PENDING:
        release.refund_attempt(session, released.job_id)
        doubts = ledger.calls_unknown(session, released.job_id)
        if doubts > ambiguous_retries and released.job_id not in unread:
            status, error = JobStatus.FAILED, DOUBTFUL
            cancellation.fail_waiting_job(session, released.job_id, DOUBTFUL.detail, now)
    is_complete = released.document_id is not None and follow(
        session, released.job_id, status, error, now
    )
    return LostJob(released, status, error, in_call, is_complete)
