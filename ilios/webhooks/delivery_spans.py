"""Spans of attempts to deliver events, in the trace of the request that brought the document.

Its receiver is one that the document's owner has named: it gets the trace. What a document has
joined has no job, and so no request of its own: its events begin a trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from ilios.core.telemetry import spans, tracing
from ilios.core.telemetry.spans import Attributes, Kind, Span
from ilios.db.database import Database
from ilios.webhooks.events import Delivery
from ilios.webhooks.origins import origin_of
from ilios.webhooks.posting import Outcome

PORTS = {"http": 80, "https": 443}


@contextmanager
def of(database: Database, delivery: Delivery) -> Iterator[Span]:
    """Let this thread work within the span of an attempt, if spans are recorded."""
    if not spans.are_on():
        yield spans.UNRECORDED
        return
    with database.watching() as watch:
        origin = origin_of(watch, delivery.document_id, delivery.batch_id)
    with tracing.working_for(origin), _begun(delivery) as span:
        yield span


def note(span: Span, outcome: Outcome) -> None:
    """Let a span say what an attempt has brought."""
    if outcome.status is not None:
        span.note("http.response.status_code", outcome.status)
    if outcome.error is not None:
        span.note(spans.ERROR_TYPE, outcome.error)


def headers(span: Span) -> dict[str, str]:
    """Return the header by which a receiver may carry on with the trace; none outside of spans."""
    traceparent = span.traceparent if span.is_recorded else None
    return {tracing.HEADER: traceparent} if traceparent else {}


def _begun(delivery: Delivery) -> Span:
    receiver = urlsplit(delivery.receiver)  # what follows it may have a secret
    attributes: Attributes = {
        "http.request.method": "POST",
        "server.address": receiver.hostname or "",
        "server.port": receiver.port or PORTS[receiver.scheme],
        "ilios.event": delivery.type,
        "ilios.event.id": delivery.event_id,
        "ilios.attempt": delivery.attempts,
    }
    ids = {"ilios.document.id": delivery.document_id, "ilios.batch.id": delivery.batch_id}
    attributes.update((name, value) for name, value in ids.items() if value is not None)
    return spans.span("POST", Kind.CLIENT, attributes, is_parent_remote=True)
