"""Statuses, each explained where it is declared."""

from __future__ import annotations

from enum import StrEnum


class DocumentStatus(StrEnum):
    AWAITING_UPLOAD = "awaiting_upload"  #: a link was given out; or a file is kept for its client
    PENDING = "pending"  #: stored, or to be fetched; its job waits
    PROCESSING = "processing"  #: its job is claimed
    COMPLETED = "completed"  #: the pages are stored; terminal
    FAILED = "failed"  #: attempts used up, or the error is final; error and error_code are set
    CANCELLED = "cancelled"  #: stopped by its owner or an operator before it had ended
    ARCHIVED = "archived"  #: completed, and its original lies in the archive; terminal
    DELETED = "deleted"  #: a tombstone without content; terminal


class JobStatus(StrEnum):
    PENDING = "pending"  #: ready, or waiting until scheduled_at when that is set
    PROCESSING = "processing"  #: claimed; worker, lease and started_at are set
    COMPLETED = "completed"  #: the result is stored; terminal
    FAILED = "failed"  #: attempts used up, or the error is final; terminal
    CANCELLED = "cancelled"  #: not wanted; worker is set while one may still convert it; terminal


class JobType(StrEnum):
    CONVERT = "convert"  #: a document, to be counted, perhaps split, and converted
    FETCH = "fetch"  #: the address of a document; a job that converts it follows
    RANGE = "range"  #: some pages of a document, cut out of it by its first job
    PROVIDER_BATCH = "provider_batch"  #: a step of a batch that the provider works on


class CallState(StrEnum):
    OPEN = "open"  #: paid, and about to be made or in flight
    SETTLED = "settled"  #: answered; pages and cost are those of the answer
    REFUSED = "refused"  #: not done, or answered with an error; nothing is billed
    UNKNOWN = "unknown"  #: nobody knows how it ended; it may have been billed


class ProviderBatchState(StrEnum):
    PREPARING = "preparing"  #: its input is being built; the provider has no job of this round
    SUBMITTING = "submitting"  #: its input is complete; the provider may have a job of this round
    RUNNING = "running"  #: the provider works on it; provider_job_id is set
    CLEANING = "cleaning"  #: every line of the round is closed; our files are being deleted
    ENDED = "ended"  #: nothing is left to do; terminal


OPEN = (DocumentStatus.PENDING, DocumentStatus.PROCESSING)
READABLE = (DocumentStatus.COMPLETED, DocumentStatus.ARCHIVED)


RETRYABLE = (DocumentStatus.FAILED, DocumentStatus.CANCELLED)
"""Ended without a result: a retry goes on with the pages that are stored."""
