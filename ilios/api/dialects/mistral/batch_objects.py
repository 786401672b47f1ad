"""Batch jobs as Mistral's API shows them."""

from __future__ import annotations

from typing import Any, Final

from ilios.db.models import DocumentStatus, statuses
from ilios.documents.kept_files import KeptFile
from ilios.documents.queries import BatchReport

PURPOSE: Final = "batch_job"  #: of the file that a job is kept as; it stands for its results too
ENDPOINT: Final = "/v1/ocr"
_STATUSES: Final = {
    "pending": "QUEUED",
    "processing": "RUNNING",
    "completed": "SUCCESS",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
}
_OPEN: Final = ("QUEUED", "RUNNING")
_WHOLE: Final = {"type": "integer"}
_OPTIONAL: Final = {"type": "integer", "nullable": True}
SCHEMA: Final[dict[str, Any]] = {
    "title": "MistralBatchJob",
    "type": "object",
    "required": [
        *("id", "object", "input_files", "endpoint", "errors", "status", "created_at"),
        *("total_requests", "completed_requests", "succeeded_requests", "failed_requests"),
    ],
    "properties": {
        "id": {"type": "string"},
        "object": {"type": "string", "enum": ["batch"]},
        "input_files": {"type": "array", "items": {"type": "string"}},
        "endpoint": {"type": "string", "enum": [ENDPOINT]},
        "model": {"type": "string", "nullable": True},
        "metadata": {"type": "object", "nullable": True},
        "status": {"type": "string", "enum": list(_STATUSES.values())},
        "output_file": {"type": "string", "nullable": True},
        "errors": {"type": "array", "items": {"type": "object"}},
        "created_at": _WHOLE,
        "started_at": _OPTIONAL,
        "completed_at": _OPTIONAL,
        "total_requests": _WHOLE,
        "completed_requests": _WHOLE,
        "succeeded_requests": _WHOLE,
        "failed_requests": _WHOLE,
        "warnings": {"type": "array", "items": {"type": "object"}},
    },
}
LIST_SCHEMA: Final[dict[str, Any]] = {
    "title": "MistralBatchJobs",
    "type": "object",
    "required": ["data", "object", "total"],
    "properties": {
        "data": {"type": "array", "items": SCHEMA},
        "object": {"type": "string", "enum": ["list"]},
        "total": _WHOLE,
    },
}


def shown(kept: KeptFile, report: BatchReport) -> dict[str, Any]:
    """Return a job; its results have its own id, once there are any."""
    status = _STATUSES[report.status]
    total = report.batch.total_documents
    succeeded = report.count(*statuses.READABLE)
    completed = total - report.count(*statuses.OPEN, DocumentStatus.AWAITING_UPLOAD)
    return {
        "id": kept.id,
        "object": "batch",
        "input_files": kept.about["input_files"],
        "endpoint": ENDPOINT,
        "model": kept.about["model"],
        "agent_id": None,
        "metadata": kept.about["metadata"],
        "errors": [],
        "status": status,
        "output_file": None if status in _OPEN else kept.id,
        "error_file": None,
        "outputs": None,
        "created_at": int(kept.created_at.timestamp()),
        "started_at": None,
        "completed_at": None if status in _OPEN else _ended(kept, report),
        "total_requests": total,
        "completed_requests": completed,
        "succeeded_requests": succeeded,
        "failed_requests": completed - succeeded,
    }


def _ended(kept: KeptFile, report: BatchReport) -> int | None:
    """Return when a job had ended: not before it began, however old the results that it shares."""
    if report.completed_at is None:
        return None
    return int(max(report.completed_at, kept.created_at).timestamp())
