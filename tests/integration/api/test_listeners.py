"""Listeners under a real gunicorn: no thread waits for them, and none is held for long in vain."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

import pytest
from psutil import CONN_LISTEN
from pydantic import SecretStr
from sqlalchemy import delete, update

from ilios.accounts.keys import owner_of
from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, Job, statuses
from ilios.db.sqlite_database import SqliteDatabase
from ilios.documents import results
from tests.support import documents
from tests.support.api_fixtures import KEY, OTHER_KEY
from tests.support.api_server import IMPATIENT, Server, head
from tests.support.api_working import InTestWorker
from tests.support.listening import Listening
from tests.support.waiting import wait_until

LISTENED = "python:tests.support.api_listened_conf"
KEY_STREAM = "/api/documents/events"
BEARER = f"Bearer {KEY}"
METRICS_TOKEN = "token-of-prometheus"
MANY = 60  #: more than all the threads of the server
BODY = (
    b'--boundary\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    b"Hello %d\r\n--boundary--\r\n"
)
FORM = {"Authorization": BEARER, "Content_Type": "multipart/form-data; boundary=boundary"}


@pytest.fixture(scope="module")
def shared_settings(shared_settings: Settings) -> Settings:
    return shared_settings.model_copy(
        update={"metrics_token": SecretStr(METRICS_TOKEN), "log_format": "json"}
    )


@pytest.fixture
def server_settings(server_settings: Settings) -> Settings:
    return server_settings.model_copy(update={"log_format": "json"})


@pytest.fixture(scope="module")
def server(shared_settings: Settings) -> Iterator[Server]:
    with closing(Server(shared_settings, LISTENED)) as server:
        yield server


@pytest.fixture(scope="module")
def database(shared_settings: Settings) -> Iterator[Database]:
    with closing(SqliteDatabase(shared_settings.database_path)) as database:
        yield database


@pytest.fixture
def worker(shared_settings: Settings, database: Database) -> InTestWorker:
    return InTestWorker(shared_settings, database)


@pytest.fixture(autouse=True)
def _nobody_is_left(server: Server, database: Database) -> Iterator[None]:
    """Check that a test leaves no connection, and no open document, to the next."""
    yield
    wait_until(lambda: not connections(server), timeout_s=60)
    with database.writing() as session:
        session.execute(delete(Job))
        still_open = update(Document).where(Document.status.in_(statuses.OPEN))
        session.execute(still_open.values(status=DocumentStatus.DELETED))


def connections(server: Server) -> list[Any]:
    return [one for one in server.web_process().net_connections() if one.status != CONN_LISTEN]


@contextmanager
def listening(server: Server, path: str, **options: Any) -> Iterator[Listening]:
    with closing(Listening(server.settings.port, path, **options)) as listens:
        yield listens


def submit(server: Server, number: int = 0, key: str = KEY) -> str:
    form = {**FORM, "Authorization": f"Bearer {key}"}
    with server.connect() as connection:
        status, _, body = connection.ask("POST", "/api/documents/submit", BODY % number, **form)
    assert status == 202, body
    return str(body["id"])


def get(server: Server, path: str) -> Any:
    with server.connect() as connection:
        return connection.ask("GET", path, Authorization=BEARER)[2]


def add(database: Database, key: str = KEY) -> str:
    """Return a pending document of a key, which no worker converts."""
    return documents.add_document(database, owner=owner_of(key))[0]


def of_document(document_id: str) -> str:
    return f"/api/documents/{document_id}/events"


def logged(server: Server, event: str) -> list[dict[str, Any]]:
    *lines, _ = server.log_path.read_text().split("\n")  # the last one may be half written
    return [json.loads(line) for line in lines if f'"{event}"' in line]


def ends(server: Server, request_id: str) -> list[dict[str, Any]]:
    """Return what the log says of the end of the listener that came with this request."""
    ended = logged(server, "listener.ended")
    return [one for one in ended if one["request_id"] == request_id]


def end_of(server: Server, listens: Listening) -> dict[str, Any]:
    """Wait for what the log says of the end of a listener."""
    request_id = listens.headers["x-request-id"]
    wait_until(lambda: ends(server, request_id), timeout_s=60)
    (ended,) = ends(server, request_id)
    return ended


def test_a_conversion_is_told_in_order_until_its_end(server: Server, worker: InTestWorker) -> None:
    document_id = submit(server, 1)
    with listening(server, of_document(document_id)) as listens:
        told = [listens.next()]
        with worker.running():
            told += listens.rest()

    order = ["pending", "processing", "completed"]
    statuses = [event.status for event in told]
    assert statuses == sorted(statuses, key=order.index)
    assert [statuses[0], statuses[-1]] == ["pending", "completed"]
    assert told[-1].data == get(server, f"/api/documents/status/{document_id}")
    assert end_of(server, listens)["reason"] == "final"


def test_each_state_that_lasts_is_told(server: Server, database: Database) -> None:
    document_id, job_id = documents.add_document(database, owner=owner_of(KEY))
    with listening(server, of_document(document_id)) as listens:
        assert listens.next().status == "pending"
        with database.writing() as session:
            results.begin(session, job_id, clock.now())
        assert listens.next().status == "processing"
        with database.writing() as session:
            results.note_progress(session, document_id, 1, 4)
        assert listens.next().data["progress"] == 25
        with database.writing() as session:
            results.complete(session, document_id, clock.now())
        assert [event.status for event in listens.rest()] == ["completed"]


def test_a_batch_is_told_until_its_end(server: Server, worker: InTestWorker) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="%d.txt"\r\n\r\n%d\r\n'
    form = {"Authorization": BEARER, "Content_Type": "multipart/form-data; boundary=b"}
    body = b"".join(part % (n, n) for n in (10, 11)) + b"--b--\r\n"
    with server.connect() as connection:
        batch_id = connection.ask("POST", "/v1/batch/submit", body, **form)[2]["batchId"]

    with listening(server, f"/v1/batch/{batch_id}/events") as listens:
        assert listens.next().status == "pending"
        with worker.running():
            told = listens.rest()

    done = [event.data["progress"]["completed"] for event in told]
    assert done == sorted(done)
    assert told[-1].data == get(server, f"/v1/batch/status/{batch_id}")
    assert told[-1].status == "completed"


def test_a_key_is_told_of_all_its_documents_and_no_others(
    server: Server, worker: InTestWorker
) -> None:
    with listening(server, KEY_STREAM) as listens:
        theirs = submit(server, 20, OTHER_KEY)
        ours = {submit(server, number) for number in (21, 22)}
        seen: dict[str, str] = {}
        with worker.running():
            while len(seen) < 2 or set(seen.values()) != {"completed"}:
                event = listens.next()
                seen[event.data["id"]] = event.status

    assert seen.keys() == ours
    assert theirs not in seen


def test_somebody_elses_document_is_not_found(server: Server, database: Database) -> None:
    with listening(server, of_document(add(database, OTHER_KEY))) as listens:
        assert listens.status == 404
        assert listens.headers["content-type"] == "application/problem+json"


def test_a_final_status_is_told_at_once_and_the_connection_stays(
    server: Server, worker: InTestWorker
) -> None:
    document_id = submit(server, 30)
    worker.work()
    with server.connect() as connection:
        for _ in range(2):
            status, headers, body = connection.ask(
                "GET", of_document(document_id), Authorization=BEARER
            )
            assert status == 200
            assert headers["Content-Type"].startswith("text/event-stream")
            assert b'"status":"completed"' in body
        (last_id,) = re.findall(rb"\nid: (\w+)\n", body)
        again = connection.ask(
            "GET", of_document(document_id), Authorization=BEARER, Last_Event_ID=last_id.decode()
        )
        assert again[0] == 204


def test_more_may_listen_than_there_are_threads_and_others_are_answered(
    server: Server, worker: InTestWorker
) -> None:
    document_id = submit(server, 40)
    with ExitStack() as stack:
        listeners = [
            stack.enter_context(listening(server, path))
            for _ in range(MANY // 2)
            for path in (of_document(document_id), KEY_STREAM)
        ]
        for one in listeners:
            assert one.next().status == "pending"

        assert get(server, f"/api/documents/status/{document_id}")["status"] == "pending"
        other = submit(server, 41)
        assert server.web_process().num_threads() < MANY
        with worker.running():
            for one in listeners[::2]:
                assert one.rest()[-1].status == "completed"
            for one in listeners[1::2]:
                ended = {event.data["id"] for event in one_by_one(one, {document_id, other})}
                assert ended == {document_id, other}


def one_by_one(listens: Listening, wanted: set[str]) -> Iterator[Any]:
    """Yield the ends of these documents."""
    left = set(wanted)
    while left:
        event = listens.next()
        if event.status == "completed" and event.data["id"] in left:
            left.remove(event.data["id"])
            yield event


def test_a_client_that_leaves_is_noticed(server: Server, database: Database) -> None:
    with listening(server, of_document(add(database))) as listens:
        listens.next()
        request_id = listens.headers["x-request-id"]

    wait_until(lambda: ends(server, request_id), timeout_s=60)
    (ended,) = ends(server, request_id)
    assert (ended["reason"], ended["subject"]) == ("left", "document")


def test_a_client_that_sends_no_more_goes_on_listening(
    server: Server, worker: InTestWorker
) -> None:
    with listening(server, of_document(submit(server, 50))) as listens:
        listens.next()
        listens.connection.socket.shutdown(socket.SHUT_WR)
        while not next(listens.lines).startswith(":"):  # it was asked whether it still reads
            pass
        with worker.running():
            assert listens.rest()[-1].status == "completed"


def test_a_client_that_sends_too_much_is_let_go(server: Server, database: Database) -> None:
    with listening(server, of_document(add(database))) as listens:
        listens.next()
        with suppress(OSError):  # it does not wait for all of it
            listens.connection.send(b"x" * 100_000)

        assert end_of(server, listens)["reason"] == "left"


def test_a_client_that_does_not_read_is_let_go(server: Server, database: Database) -> None:
    now = clock.now()
    with database.writing() as session:
        session.add_all(
            Document(
                id=f"{number:024}",
                owner=owner_of(KEY),
                file_name="a" * 2_000 + ".txt",
                mime_type="text/plain",
                file_size=1,
                storage_key="",
                status=DocumentStatus.PENDING,
                operation="convert",
                options={},
                warnings=[],
                retention_days=1,
                created_at=now,
            )
            for number in range(400)
        )
    with server.connect() as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.send(head("GET", KEY_STREAM, X_Request_ID="does-not-read", Authorization=BEARER))

        wait_until(lambda: ends(server, "does-not-read"), timeout_s=60)

    (ended,) = ends(server, "does-not-read")
    assert ended["reason"] == "slow"
    assert ended["events"] < 400


def test_silence_is_broken_by_pings(server: Server, database: Database) -> None:
    with listening(server, of_document(add(database))) as listens:
        listens.next()
        for _ in range(2):
            assert next(listens.lines) == ": ping"
            assert next(listens.lines) == ""


@pytest.mark.parametrize(("version", "number"), [("HTTP/1.0", 60), ("HTTP/1.1", 61)])
def test_a_stream_ends_with_its_connection(
    server: Server, worker: InTestWorker, version: str, number: int
) -> None:
    with listening(server, of_document(submit(server, number)), version=version) as listens:
        assert listens.status == 200
        assert listens.headers["connection"] == "close"
        assert not {"transfer-encoding", "content-length"} & listens.headers.keys()
        with worker.running():
            assert listens.rest()[-1].status == "completed"


def test_head_has_no_body_and_listens_to_nothing(server: Server, database: Database) -> None:
    document_id = add(database)
    with server.connect() as connection:
        for path in (of_document(document_id), KEY_STREAM):
            connection.send(head("HEAD", path, Authorization=BEARER))
            status, headers, body = connection.answer("HEAD")
            assert (status, body) == (200, b"")
            assert headers["Content-Type"].startswith("text/event-stream")


def test_a_stream_has_its_line_in_the_access_log_when_it_begins(
    server: Server, database: Database
) -> None:
    with listening(server, of_document(add(database))) as listens:
        listens.next()
        mine = listens.headers["x-request-id"]
        wait_until(lambda: lines_of(server, mine), timeout_s=60)
        (line,) = lines_of(server, mine)
        assert line["status"] == 200
        assert line["route"] == "/api/documents/<id:document_id>/events"


def lines_of(server: Server, request_id: str) -> list[dict[str, Any]]:
    """Return the lines of the access log for a request."""
    return [one for one in logged(server, "request.answered") if one["request_id"] == request_id]


def test_a_server_that_stops_ends_streams_and_the_next_one_goes_on(
    server_settings: Settings, worker_of: Any
) -> None:
    with closing(Server(server_settings, LISTENED)) as server:
        document_id = submit(server, 70)
        with (
            listening(server, of_document(document_id)) as one,
            listening(server, KEY_STREAM) as all_of_them,
        ):
            last_ids = one.next().id, all_of_them.next().id
            server.stop()
            assert (one.rest(), all_of_them.rest()) == ([], [])
        assert {one["reason"] for one in logged(server, "listener.ended")} == {"stopped"}

    worker_of(server_settings).work()  # while nobody serves

    with closing(Server(server_settings, LISTENED)) as server:
        for path, last_id in zip((of_document(document_id), KEY_STREAM), last_ids, strict=True):
            with listening(server, path, last_id=last_id) as again:
                assert again.next().status == "completed"


@pytest.fixture
def worker_of() -> Iterator[Any]:
    with ExitStack() as opened:

        def make(settings: Settings) -> InTestWorker:
            database = opened.enter_context(closing(SqliteDatabase(settings.database_path)))
            return InTestWorker(settings, database)

        yield make


def test_each_of_several_processes_tells_its_own_listeners(
    server_settings: Settings, worker_of: Any
) -> None:
    two = server_settings.model_copy(update={"web_concurrency": 2})
    with closing(Server(two, LISTENED)) as server, ExitStack() as stack:
        path = of_document(submit(server, 80))
        listeners = [stack.enter_context(listening(server, path)) for _ in range(12)]
        for one in listeners:
            one.next()
        worker_of(two).work()
        for one in listeners:
            assert one.rest()[-1].status == "completed"


def test_a_stream_ends_after_its_time(server_settings: Settings) -> None:
    with closing(Server(server_settings, IMPATIENT)) as server:
        document_id = submit(server, 90)
        with listening(server, of_document(document_id)) as listens:
            listens.next()
            assert listens.rest() == []
            assert end_of(server, listens)["reason"] == "expired"


def test_listeners_are_counted(server: Server, database: Database) -> None:
    with listening(server, KEY_STREAM), listening(server, of_document(add(database))):
        wait_until(lambda: listeners_counted(server) == 2, timeout_s=60)
    wait_until(lambda: listeners_counted(server) == 0, timeout_s=60)


def listeners_counted(server: Server) -> float:
    with server.connect() as connection:
        answer = connection.ask("GET", "/metrics", Authorization=f"Bearer {METRICS_TOKEN}")
    counted = re.findall(r"^ilios_http_listeners\{.*\} (\S+)$", answer[2].decode(), re.MULTILINE)
    return sum(map(float, counted))
