"""How an analysis goes on, as clients of Azure ask for it until it has ended."""

from __future__ import annotations

from typing import Any, Final

from ilios.api.responses.error_shapes import Problem
from ilios.core import clock
from ilios.core.immediate_errors import ConversionFailed
from ilios.db.models import DocumentStatus
from ilios.documents.snapshots import Snapshot

SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
CANCELED: Final = "canceled"
STATUSES: Final = {
    DocumentStatus.AWAITING_UPLOAD: "notStarted",
    DocumentStatus.PENDING: "notStarted",
    DocumentStatus.PROCESSING: "running",
    DocumentStatus.COMPLETED: SUCCEEDED,
    DocumentStatus.ARCHIVED: SUCCEEDED,
    DocumentStatus.DELETED: SUCCEEDED,  # its result says that it is gone
    DocumentStatus.FAILED: FAILED,
    DocumentStatus.CANCELLED: CANCELED,
}
_BAD_REQUEST: Final = "InvalidRequest"
_CODES: Final = {
    400: _BAD_REQUEST,
    401: "Unauthorized",
    402: "Forbidden",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "NotFound",
    413: "InvalidContentLength",
    415: "UnsupportedMediaType",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
}
_INTERNAL: Final = "InternalServerError"
_FIRST_SERVER_STATUS: Final = 500


def problem(found: Problem) -> dict[str, Any]:
    """Return an error as clients parse it; the inner one has our code."""
    default = _INTERNAL if found.status >= _FIRST_SERVER_STATUS else _BAD_REQUEST
    return {"error": _error(_CODES.get(found.status, default), found.code, found.detail)}


def state(document: Snapshot) -> dict[str, Any]:
    """Return how far a document has come, without its result."""
    changed = document.processed_at or document.started_at or document.created_at
    changed = max(changed, document.created_at)  # a result may be older than the request for it
    told = {
        "status": STATUSES[document.status],
        "createdDateTime": clock.iso(document.created_at),
        "lastUpdatedDateTime": clock.iso(changed),
    }
    if told["status"] not in (FAILED, CANCELED):
        return told
    code = _INTERNAL if document.engine_fault else _BAD_REQUEST
    if told["status"] == CANCELED:
        ours, sentence = "document_cancelled", "The conversion was cancelled."
    else:
        ours = document.error_code or ConversionFailed.code
        sentence = document.error or "The conversion failed."
    return {**told, "error": _error(code, ours, sentence)}


def _error(code: str, ours: str, sentence: str) -> dict[str, Any]:
    return {"code": code, "message": sentence, "innererror": {"code": ours, "message": sentence}}
