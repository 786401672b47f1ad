"""What became of the documents of a request: a result, or why there is none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ilios.api import immediate
from ilios.api.dialects import conversion
from ilios.api.middleware.auth import current_owner
from ilios.api.services import services
from ilios.core.errors import IliosError
from ilios.core.immediate_errors import ConversionFailed
from ilios.core.request_errors import DocumentCancelled
from ilios.documents import results
from ilios.documents.queries import Result
from ilios.documents.snapshots import Snapshot

FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a document, or the error with which it ended."""

    document: Snapshot
    found: Result | None
    error: IliosError | None = None

    @property
    def status(self) -> str:
        if self.found is None:
            return FAILURE
        return "partial_success" if results.is_partial(self.document) else "success"

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors as docling-serve lists them."""
        if self.error is None:
            return []
        return [
            {
                "component_type": "pipeline",
                "module_name": self.error.code,
                "error_message": self.error.detail,
            }
        ]


def awaited(documents: Sequence[Snapshot]) -> list[Outcome]:
    """Wait for documents of the present key, as long as for one; the view holds a slot.

    Raises StillRunning.
    """
    begun = time.monotonic()
    return [_awaited(document, begun) for document in documents]


def present(document_ids: Sequence[str]) -> list[Outcome]:
    """Return what has become of documents of the present key.

    Raises DocumentNotFound, Gone, DocumentNotReady.
    """
    return [_present(document_id) for document_id in document_ids]


def _awaited(document: Snapshot, begun: float) -> Outcome:
    owner = current_owner()
    try:
        found = immediate.wait_for_result(document, owner, begun)
    except (ConversionFailed, DocumentCancelled) as error:
        return Outcome(document, None, error)
    return Outcome(found.document, found)


def _present(document_id: str) -> Outcome:
    try:
        found = conversion.result_of(document_id)
    except (ConversionFailed, DocumentCancelled) as error:
        report = services().reader.document(document_id, owner=current_owner())
        return Outcome(report.document, None, error)
    return Outcome(found.document, found)
