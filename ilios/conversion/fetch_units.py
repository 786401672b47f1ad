"""Units of work for the fetch of a document: what its bytes, or their absence, change.

See ilios.conversion.units_of_work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from ilios.accounts import holdings
from ilios.accounts.holdings import Standard
from ilios.core import clock
from ilios.core.conversion_errors import ConversionError, DiskFull
from ilios.core.settings import Settings
from ilios.db.models import Document, DocumentStatus, JobStatus
from ilios.documents import extractions, job_outcome, url_sources
from ilios.documents.admission import Candidate, admit_fetched
from ilios.outbound.fetching import Validators
from ilios.queue import jobs
from ilios.queue.jobs import Lease

DISK_WAIT: Final = timedelta(seconds=30)  #: until there is room on the disk


@dataclass(frozen=True, slots=True)
class StoreFetched:
    """Take a document's bytes over, and let a job convert them, or take its duplicate's result."""

    settings: Settings
    lease: Lease
    candidate: Candidate
    standard: Standard
    validators: Validators | None

    def __call__(self, session: Session) -> DocumentStatus:
        """Return the new status of the document.

        Raises LeaseLost, StorageQuotaExceeded, BudgetSpent, DailyPagesSpent and CostAboveLimit.
        """
        now = clock.now()
        jobs.finish(session, self.lease, now)
        document = session.get_one(Document, self.candidate.stored.document_id)
        holding = holdings.of(session, document.owner, self.standard)
        holding.require_room(holdings.counted_bytes(self.candidate.size_bytes), 0)
        admit_fetched(session, self.candidate, document, now)
        given = self.validators
        known: tuple[str | None, str | None, str | None] = (None, None, None)
        if given is not None:
            known = (given.digest, given.etag, given.last_modified)
        url_sources.note_fetched(session, document.id, *known, now)
        if document.status is DocumentStatus.COMPLETED:  # with another's result
            extractions.forget(session, document.id)
        return document.status


@dataclass(frozen=True, slots=True)
class FailFetch:
    """End a fetch that failed: its job waits, is tried again or fails, as the error says."""

    lease: Lease
    error: ConversionError

    def __call__(self, session: Session) -> JobStatus:
        """Return the new status of the job. Raises LeaseLost."""
        now = clock.now()
        status = JobStatus.PENDING
        if isinstance(self.error, DiskFull):
            jobs.postpone(session, self.lease, now + DISK_WAIT, self.error.detail)
        elif self.error.retryable:
            status = jobs.retry(session, self.lease, self.error.detail, now)
        else:
            jobs.fail(session, self.lease, self.error.detail, now)
            status = JobStatus.FAILED
        job_outcome.follow(session, self.lease.job_id, status, self.error, now)
        return status
