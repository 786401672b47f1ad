"""Map a row of the predecessor to columns of ours. Raises ValueError for one that makes no sense.

`now` is used for a time that is missing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from ilios.core.file_names import safe_file_name
from ilios.core.settings import Settings
from ilios.db.models import CallState, DocumentStatus, JobStatus, JobType
from ilios.engines import page_text, registry
from ilios.migration.legacy import value_mapping
from ilios.migration.legacy.status_mapping import MappedStatus, is_immediate

OPERATION_QUEUED: Final = "convert"
OPERATION_IMMEDIATE: Final = "convert-immediate"
UNKNOWN_MODEL: Final = "unknown"
NO_JOB: Final = ""  #: of a call that was made before our ledger

Columns = dict[str, Any]


def batch(row: Any, now: datetime) -> Columns:
    return {
        "id": row["id"],
        "owner": value_mapping.owner(row["api_key"]),
        "total_documents": row["total_documents"],
        "priority": value_mapping.priority(row["priority"]),
        "created_at": value_mapping.moment(row["created_at"]) or now,
    }


def document(row: Any, metadata: Columns, mapped: MappedStatus, now: datetime) -> Columns:
    """Return all columns but those that depend on its batch and its pages."""
    file_name = safe_file_name(row["file_name"])
    created_at = value_mapping.moment(row["created_at"]) or now
    return {
        "id": row["id"],
        "owner": value_mapping.owner(row["api_key"]),
        "file_name": file_name,
        "mime_type": value_mapping.media_type(row["mime_type"], file_name),
        "file_size": row["file_size"],
        "storage_key": _storage_key(row, metadata, mapped),
        "status": mapped.status,
        "error": mapped.error,
        "error_code": mapped.error_code,
        "operation": OPERATION_IMMEDIATE if is_immediate(row, metadata) else OPERATION_QUEUED,
        "options": {},
        "model": _model(metadata) if mapped.is_readable else None,
        "retention_days": value_mapping.retention_days(row["retention_days"]),
        "created_at": created_at,
        "archived_at": value_mapping.moment(row["archived_at"]),
        **_times(row, metadata, mapped, created_at),
    }


def result(row: Any, metadata: Columns) -> tuple[list[str], list[Columns]]:
    """Return the Markdown of the pages, and the warnings, of a document that has a result."""
    if row["content"] is None:
        return [], [_warning("result_missing", "The predecessor kept no Markdown of it.")]
    extracted = value_mapping.count(metadata.get("extractedPages"))
    markdown, is_sure = value_mapping.pages(row["content"], extracted)
    if is_sure:
        return markdown, []
    text = "The text is complete, but where one page ends and the next begins is not certain."
    return markdown, [_warning("page_breaks_uncertain", text)]


def pages(document_id: str, markdown: list[str]) -> tuple[list[Columns], list[Columns]]:
    """Return the pages of a document, and the further pieces of long ones."""
    cut = [list(page_text.cut(text)) for text in markdown]
    rows = [
        {"document_id": document_id, "index": index, "markdown": pieces[0], "images": []}
        for index, pieces in enumerate(cut)
    ]
    further = [
        {"document_id": document_id, "index": index, "number": number, "markdown": piece}
        for index, pieces in enumerate(cut)
        for number, piece in enumerate(pieces[1:], start=1)
    ]
    return rows, further


def enqueue_arguments(
    row: Any, document: Columns, batch_priority: int | None, settings: Settings
) -> Columns:
    """Return the arguments of `queue.jobs.enqueue` for a document that is still to be converted.

    Its attempts start anew: the predecessor kept no reliable count.
    """
    return {
        "document_id": document["id"],
        "owner": document["owner"],
        "lane": registry.lane_of(document["mime_type"], settings),
        "priority": value_mapping.priority(row["job_priority"] or batch_priority),
        "now": document["created_at"],
    }


def ended_job(row: Any, document: Columns) -> Columns:
    """Return the job of a document that has ended; its status follows the document's."""
    failed = document["status"] is DocumentStatus.FAILED
    return {
        "id": row["job_id"],
        "document_id": document["id"],
        "owner": document["owner"],
        "type": JobType.CONVERT,
        "lane": registry.MISTRAL,
        "status": JobStatus.FAILED if failed else JobStatus.COMPLETED,
        "priority": value_mapping.priority(row["job_priority"]),
        "rank": 0,
        "attempts": row["job_attempts"],
        "created_at": value_mapping.moment(row["job_created_at"]) or document["created_at"],
        "started_at": document["started_at"],
        "completed_at": document["processed_at"],
        "error": document["error"],
    }


def call(row: Any, now: datetime) -> Columns:
    """Return the ledger's call for a row of `usage`, which has the metadata of its document."""
    metadata = value_mapping.metadata_of(row["metadata"])
    created_at = value_mapping.moment(row["created_at"]) or now
    return {
        "call_id": row["id"],
        "document_id": row["document_id"],
        "job_id": NO_JOB,
        "owner": value_mapping.owner(row["api_key"]),
        "operation": row["operation"],
        "engine": registry.MISTRAL,
        "model": _model(metadata),
        "state": CallState.SETTLED,
        "is_batch": bool(metadata.get("mistralBatchProcessed")),
        "pages": value_mapping.count(metadata.get("extractedPages")) or 0,
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "margin_percent": row["margin_rate"],
        "base_cost_micros": value_mapping.micros(row["base_cost_cents"]),
        "total_cost_micros": value_mapping.micros(row["total_cost_cents"]),
        "created_at": created_at,
        "settled_at": created_at,
    }


def _storage_key(row: Any, metadata: Columns, mapped: MappedStatus) -> str:
    archived = metadata.get("archiveS3Key") if mapped.status is DocumentStatus.ARCHIVED else None
    key = archived if isinstance(archived, str) and archived else row["s3_key"]
    return value_mapping.storage_key(row["id"], key)


def _times(row: Any, metadata: Columns, mapped: MappedStatus, created_at: datetime) -> Columns:
    """Return begin and end of the conversion; a document that has ended has an end."""
    if mapped.status in (DocumentStatus.PENDING, DocumentStatus.AWAITING_UPLOAD):
        return {"started_at": None, "processed_at": None}
    ended = value_mapping.moment(row["processed_at"]) or value_mapping.moment(
        row["job_completed_at"]
    )
    processed_at = ended or created_at
    started_at = value_mapping.moment(row["job_started_at"])
    took_ms = value_mapping.count(metadata.get("processingTimeMs"))
    if took_ms is not None:
        started_at = processed_at - timedelta(milliseconds=took_ms)
    return {"started_at": started_at, "processed_at": processed_at}


def _model(metadata: Columns) -> str:
    model = metadata.get("model")
    return model if isinstance(model, str) and model else UNKNOWN_MODEL


def _warning(code: str, message: str) -> Columns:
    return {"code": code, "message": message, "page": None}
