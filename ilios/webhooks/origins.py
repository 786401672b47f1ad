"""The requests that events go back to, by the jobs of what they tell of."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, select

from ilios.core.telemetry.tracing import NO_ORIGIN, Origin
from ilios.db.models import Document, Job
from ilios.db.prepared import Prepared, Runner

_ORIGIN: Final = (Job.request_id, Job.traceparent)
_OF_DOCUMENT = Prepared(
    select(*_ORIGIN)
    .where(Job.document_id == bindparam("of_document"))
    .order_by(Job.created_at.desc())
    .limit(1)
)
_OF_BATCH = Prepared(
    select(*_ORIGIN)
    .join(Document, Job.document_id == Document.id)
    .where(Document.batch_id == bindparam("of_batch"))
    .limit(1)
)


def origin_of(on: Runner, document_id: str | None, batch_id: str | None) -> Origin:
    """Return the request that a document, or else a batch, was submitted by.

    NO_ORIGIN for what has no job: a document that has joined another, and all of the batch lane.
    """
    if document_id is not None:
        found = _OF_DOCUMENT.first(on, of_document=document_id)
    else:
        found = _OF_BATCH.first(on, of_batch=batch_id)
    return Origin(*found) if found else NO_ORIGIN
