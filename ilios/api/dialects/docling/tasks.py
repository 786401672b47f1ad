"""Tasks of docling-serve: documents of ours and how they are to be shown, all of it in the id.

So nothing has to be kept beside the documents. The id grants nothing: its documents are looked up
among those of the present key.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ilios.api.dialects.conversion import FILES_MAX
from ilios.api.dialects.docling.wanted import Chunking, ResultForms
from ilios.api.dialects.options import Options
from ilios.api.middleware.auth import current_owner
from ilios.api.services import services
from ilios.core import ids
from ilios.core.request_errors import DocumentNotFound, RequestError
from ilios.db.models import DocumentStatus, statuses
from ilios.documents.snapshots import DocumentReport

ID_MAX_CHARACTERS: Final = 2048
_SEPARATOR: Final = "."
_IS_CHUNKED: Final = "chunk"
SUCCESS: Final = "success"
FAILURE: Final = "failure"


@dataclass(frozen=True, slots=True)
class Task:
    """Documents and how they are to be shown: converted, or cut into chunks."""

    documents: tuple[str, ...]
    wanted: ResultForms
    chunking: Chunking | None = None

    @property
    def id(self) -> str:
        options = self.wanted.as_options()
        if self.chunking:
            options |= self.chunking.as_options() | {_IS_CHUNKED: True}
        shown = json.dumps(options, separators=(",", ":")).encode()
        token = urlsafe_b64encode(shown).decode().rstrip("=")
        return _SEPARATOR.join((*self.documents, token))

    @classmethod
    def of(cls, task_id: str) -> Task:
        """Read the id of a task. Raise DocumentNotFound for one that is none."""
        *documents, token = task_id.split(_SEPARATOR, FILES_MAX + 1)
        is_long = len(task_id) > ID_MAX_CHARACTERS or len(documents) > FILES_MAX
        if is_long or not documents or not all(map(ids.is_id, documents)):
            raise DocumentNotFound
        try:
            options = Options(_decoded(token))
            chunking = Chunking.of(options) if options.flag(_IS_CHUNKED, False) else None
            return cls(tuple(documents), ResultForms.of(options), chunking)
        except (ValueError, RecursionError, RequestError) as error:
            raise DocumentNotFound from error


def status(task: Task, wait_seconds: float = 0) -> dict[str, Any]:
    """Return the status of a task, after its end if that comes soon enough.

    Raises DocumentNotFound when a document is not one of the present key any more.
    """
    owner = current_owner()
    with services().wait_slots.for_poll(owner, wait_seconds) as seconds:
        deadline = time.monotonic() + seconds
        reports = []
        for document_id in task.documents:
            left = max(0.0, deadline - time.monotonic()) if seconds else 0.0
            reports.append(services().reader.document(document_id, owner=owner, wait_seconds=left))
    return status_of(task, reports)


def status_of(task: Task, reports: Sequence[DocumentReport]) -> dict[str, Any]:
    """Return what the reports on the documents of a task say of it."""
    found = [report.document for report in reports]
    if any(document.status is DocumentStatus.DELETED for document in found):
        raise DocumentNotFound
    ended = [document for document in found if document.status not in statuses.OPEN]
    error = None
    if len(ended) < len(found):
        is_begun = ended or any(one.status is DocumentStatus.PROCESSING for one in found)
        word = "started" if is_begun else "pending"
    elif any(document.status in statuses.READABLE for document in found):
        word = SUCCESS
    else:
        word = FAILURE
        error = "; ".join(one.error or f"The conversion was {one.status.value}." for one in found)
    return {
        "task_id": task.id,
        "task_type": "chunk" if task.chunking else "convert",
        "task_status": word,
        "task_position": reports[0].queue_position,
        "task_meta": {
            "num_docs": len(found),
            "num_processed": len(ended),
            "num_succeeded": sum(one.status in statuses.READABLE for one in found),
            "num_failed": sum(one.status not in statuses.READABLE for one in ended),
        },
        "error_message": error,
    }


def _decoded(token: str) -> dict[str, Any]:
    """Return the options that a token has. Raise ValueError."""
    found = json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004  # one error for all
    return found
