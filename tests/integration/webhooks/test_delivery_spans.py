"""Spans of deliveries: in the trace of the document, which its receiver gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import update

from ilios.core import clock, ids
from ilios.core.telemetry.spans import EndedSpan, Kind
from ilios.core.telemetry.tracing import Origin
from ilios.db.database import Database
from ilios.db.models import Batch, Document, Job
from ilios.webhooks.origins import origin_of
from tests.integration.webhooks.conftest import Ending
from tests.support import documents
from tests.support.receivers import Receiver
from tests.support.recording import CAME, TRACE, recording

Send = Callable[[], None]


@pytest.fixture
def ended() -> Iterator[list[EndedSpan]]:
    with recording() as found:
        yield found


def of_trace(database: Database) -> None:
    """Let all jobs be those of a request with a trace."""
    with database.writing() as session:
        session.execute(update(Job).values(request_id="request", traceparent=CAME))


def test_an_event_carries_on_with_the_trace_of_its_document(
    ending: Ending,
    receiver: Receiver,
    send: Send,
    database: Database,
    ended: list[EndedSpan],
) -> None:
    document_id = ending.add(receiver.url)
    of_trace(database)
    ending.end(document_id)

    send()

    (post,) = ended
    (came,) = receiver.received
    host, _, port = receiver.authority.partition(":")
    assert (post.name, post.kind, post.parent) == ("POST", Kind.CLIENT, CAME)
    assert came.headers["traceparent"] == post.traceparent
    assert post.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 204,
        "server.address": host,
        "server.port": int(port),
        "ilios.event": "document.completed",
        "ilios.event.id": came.event_id,
        "ilios.attempt": 1,
        "ilios.document.id": document_id,
    }


def test_an_attempt_that_is_refused_is_a_span_that_has_failed(
    ending: Ending, receiver: Receiver, send: Send, ended: list[EndedSpan]
) -> None:
    receiver.status = 503
    ending.end(ending.add(receiver.url))

    send()

    assert ended[0].attributes["http.response.status_code"] == 503
    assert ended[0].attributes["error.type"] == "refused"


def test_a_document_without_a_trace_begins_one_for_its_event(
    ending: Ending, receiver: Receiver, send: Send, ended: list[EndedSpan]
) -> None:
    ending.end(ending.add(receiver.url))

    send()

    (came,) = receiver.received
    assert came.headers["traceparent"] == ended[0].traceparent
    assert TRACE not in ended[0].traceparent


def test_without_spans_a_receiver_gets_no_trace(
    ending: Ending, receiver: Receiver, send: Send
) -> None:
    ending.end(ending.add(receiver.url))

    send()

    assert "traceparent" not in receiver.received[0].headers


def test_a_batch_was_submitted_by_the_request_of_its_documents(database: Database) -> None:
    document_id, _ = documents.add_document(database)
    of_trace(database)
    batch_id = ids.new_id()
    batch = Batch(
        id=batch_id, owner="anonymous", total_documents=1, priority=5, created_at=clock.now()
    )
    with database.writing() as session:
        session.add(batch)
        session.flush()
        session.execute(update(Document).values(batch_id=batch_id))

    with database.watching() as watch:
        assert origin_of(watch, document_id, batch_id) == Origin("request", CAME)
        assert origin_of(watch, None, batch_id) == Origin("request", CAME)
        assert origin_of(watch, ids.new_id(), None) == Origin()
        assert origin_of(watch, None, ids.new_id()) == Origin()
