"""Map the predecessor's statuses of a document and its job to one of ours.

The predecessor left documents and jobs in statuses that contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ilios.db.models import DocumentStatus
from ilios.db.models.statuses import READABLE

FAILED_BEFORE: Final = "failed_before_adoption"
INTERRUPTED: Final = "interrupted"
_NO_REASON: Final = "The conversion failed, and the predecessor gave no reason."
_WAS_INTERRUPTED: Final = (
    "The predecessor was stopped in the middle of this conversion. Send the document again."
)
_IMMEDIATE_KEYS: Final = "convert/"


@dataclass(frozen=True, slots=True)
class MappedStatus:
    """The status of an adopted document; a failed one says why."""

    status: DocumentStatus
    error: str | None = None
    error_code: str | None = None

    @property
    def is_readable(self) -> bool:
        return self.status in READABLE


def is_immediate(row: Any, metadata: dict[str, Any]) -> bool:
    """Return whether a client waited for this conversion."""
    key: str = row["s3_key"]
    return bool(metadata.get("immediateConversion")) or key.startswith(_IMMEDIATE_KEYS)


def map_status(row: Any, *, immediate: bool, in_batch: bool) -> MappedStatus:
    """Return a document's status. Raises ValueError for one that the predecessor never had."""
    match row["status"]:
        case "archived":
            return MappedStatus(DocumentStatus.ARCHIVED)
        case "completed":
            return MappedStatus(DocumentStatus.COMPLETED)
        case "failed" | "pending" | "processing" if row["content"]:
            # Its result was stored; what failed was to record its usage.
            return MappedStatus(DocumentStatus.COMPLETED)
        case "failed":
            return _failed(row["error"] or row["job_error"])
        case "pending" | "processing":
            return _unfinished(row, immediate=immediate, in_batch=in_batch)
        case unknown:
            raise ValueError(f"its status is {unknown!r:.40}")


def _unfinished(row: Any, *, immediate: bool, in_batch: bool) -> MappedStatus:
    if row["job_status"] == "failed":
        return _failed(row["job_error"] or row["error"])  # the document was never told
    # Without a job in a batch: it waited for the provider's batch lane.
    if row["job_status"] is not None or in_batch:
        return MappedStatus(DocumentStatus.PENDING)
    if row["status"] == "processing" or immediate:
        return MappedStatus(DocumentStatus.FAILED, _WAS_INTERRUPTED, INTERRUPTED)
    return MappedStatus(DocumentStatus.AWAITING_UPLOAD)


def _failed(reason: str | None) -> MappedStatus:
    return MappedStatus(DocumentStatus.FAILED, reason or _NO_REASON, FAILED_BEFORE)
