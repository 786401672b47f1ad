"""The thread that has all listeners, on connections of the test's own."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from ilios.accounts.keys import owner_of
from ilios.api.responses.event_stream import EventStream
from ilios.api.server import listeners as server_listeners
from ilios.api.server.listeners import Listeners
from ilios.api.services import EXTENSION
from ilios.core import clock
from ilios.core.conversion_errors import CorruptDocument
from ilios.db.database import Database
from ilios.documents import results
from ilios.documents.following import Follower, Kind, Subject
from tests.support import documents
from tests.support.api_fixtures import KEY
from tests.support.listening import events_in
from tests.support.waiting import wait_until

OWNER = owner_of(KEY)
TIMEOUT_S = 60.0
Listen = Callable[..., socket.socket]


@pytest.fixture
def listeners(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listeners]:
    monkeypatch.setattr(server_listeners, "STOP_SECONDS", TIMEOUT_S)
    listeners = Listeners(app)
    yield listeners
    listeners.drain()


@pytest.fixture
def listen(app: Flask, listeners: Listeners) -> Iterator[Listen]:
    """Give a connection to the thread; return the client's end of it."""
    with ExitStack() as opened:

        def connect(document_id: str, unsent: bytes = b"") -> socket.socket:
            with socket.create_server(("127.0.0.1", 0)) as server:
                client = socket.create_connection(server.getsockname(), timeout=TIMEOUT_S)
                ours, _ = server.accept()
            opened.enter_context(client)
            ours.setblocking(False)
            subject = Subject(Kind.DOCUMENT, document_id, OWNER)
            with app.test_request_context():
                stream = EventStream(app, Follower(subject, clock.now()))
            listeners.add(ours, unsent, stream)
            return client

        yield connect


def end(database: Database, document_id: str) -> None:
    with database.writing() as session:
        results.fail(session, document_id, CorruptDocument("no"), clock.now())


def statuses(client: socket.socket) -> list[str]:
    """Read to the end of the stream."""
    with client.makefile() as stream:
        lines = (line.removesuffix("\n") for line in stream)
        return [event.status for event in events_in(lines)]


def places(app: Flask) -> Any:
    return app.extensions[EXTENSION].listener_places._held


def test_what_is_left_of_the_head_is_sent_first(database: Database, listen: Listen) -> None:
    document_id, _ = documents.add_document(database, owner=OWNER)
    client = listen(document_id, b"the rest of the head")
    end(database, document_id)

    with client.makefile() as stream:
        assert stream.read().startswith("the rest of the headevent: status")


def test_listeners_survive_a_failing_database(
    database: Database, listeners: Listeners, listen: Listen
) -> None:
    document_id, _ = documents.add_document(database, owner=OWNER)
    with database.writing() as session:
        session.execute(text("ALTER TABLE documents RENAME TO hidden"))
    client = listen(document_id)
    wait_until(lambda: listeners.failures > 0, TIMEOUT_S)
    with database.writing() as session:
        session.execute(text("ALTER TABLE hidden RENAME TO documents"))

    end(database, document_id)

    assert statuses(client)[-1] == "failed"


def test_a_document_that_is_gone_ends_its_stream(listen: Listen) -> None:
    assert statuses(listen("z" * 24)) == []


def test_a_stop_ends_all_and_takes_no_more(
    app: Flask, database: Database, listeners: Listeners, listen: Listen
) -> None:
    document_id, _ = documents.add_document(database, owner=OWNER)
    before = [listen(document_id) for _ in range(3)]
    for client in before:
        assert client.recv(1, socket.MSG_PEEK)  # it has its first event

    listeners.drain()

    assert [statuses(client) for client in before] == [["pending"]] * 3
    assert statuses(listen(document_id)) == []
    assert not places(app)
