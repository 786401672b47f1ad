"""What became of documents, jobs and calls, as it is logged and counted after the commit."""

from __future__ import annotations

from ilios.core.conversion_errors import ConversionError
from ilios.core.telemetry import logs, metrics, spans
from ilios.db.models import Job, JobStatus
from ilios.storage.answer_spool import CallRecord

log = logs.get(__name__)


def log_document_completed(document_id: str) -> None:
    """Log the end of a document that has got its result."""
    log.info("document.completed", document_id=document_id)


def log_closed(call: CallRecord, error: ConversionError, *, is_doubtful: bool) -> None:
    """Log what became of a call that brought nothing."""
    call_id, document_id = call.call_id, call.document_id
    if is_doubtful:
        log.warning("call.doubted", call_id=call_id, document_id=document_id, code=error.code)
    else:
        log.info("call.refused", call_id=call_id, document_id=document_id, code=error.code)


def log_failed(job: Job, status: JobStatus, error: ConversionError) -> None:
    """Log and count what became of a job that was not completed."""
    job_id, document_id = job.id, job.document_id
    spans.fail(error.code)
    if status is JobStatus.FAILED:
        metrics.CONVERSIONS_FAILED.labels(error.code).inc()
        log.warning(
            "job.failed",
            job_id=job_id,
            document_id=document_id,
            code=error.code,
            reason=error.logged,
        )
    else:
        metrics.RETRIES.labels(error.code).inc()
        log.warning(
            "job.retried",
            job_id=job_id,
            document_id=document_id,
            attempt=job.attempts,
            code=error.code,
            reason=error.logged,
        )
