"""Clients that send nothing, read nothing or refuse to leave, under a real gunicorn."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import update

from ilios.accounts.keys import owner_of
from ilios.api.server.connection import REFUSALS_MAX
from ilios.core.settings import MIB, Settings
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, PageRow
from tests.support import documents
from tests.support.api_fixtures import KEY, OTHER_KEY
from tests.support.api_server import IMPATIENT, Connection, Server, head
from tests.support.waiting import wait_until

SUBMIT = "/api/documents/submit"
UPLOAD_URL = "/api/documents/upload-url"
ASSET_FILE = Path("ilios/api/static/swagger-ui/swagger-ui-bundle.js")
ASSET = f"/assets/swagger-ui/{ASSET_FILE.name}"
MANY = 60  #: more than the threads of any kind take at once
CONNECTIONS = 80  #: that a server takes by that configuration
CROWDED = "python:tests.support.api_crowded_conf"
ANSWERED = (200, 401, 503)  #: a probe says how the service is, the metrics want a token
PROBES = ("/livez", "/readyz", "/health", "/metrics")


@pytest.fixture
def impatient_server(server_settings: Settings) -> Iterator[Server]:
    """Start a server that gives a client up after a few seconds."""
    with closing(Server(server_settings, IMPATIENT)) as server:
        yield server


def crowd(server: Server, stack: ExitStack, request: str, count: int = MANY) -> list[Connection]:
    """Send a request on many connections; nothing is read from any."""
    connections = [stack.enter_context(server.connect()) for _ in range(count)]
    for connection in connections:
        connection.send(request)
    return connections


def status_of(server: Server, path: str) -> int:
    with server.connect() as connection:
        return connection.ask("GET", path)[0]


def link_for(server: Server, key: str) -> tuple[int, str]:
    """Ask for a link to upload to; return the status, and the path of the link."""
    form = {"Authorization": f"Bearer {key}", "Content_Type": "application/json"}
    with server.connect() as connection:
        status, _, body = connection.ask(
            "POST", UPLOAD_URL, b'{"fileName":"a.txt","fileSize":5}', **form
        )
    return status, urlsplit(body.get("uploadUrl", "")).path


def put(server: Server, path: str) -> int:
    with server.connect() as connection:
        return connection.ask("PUT", path, b"Hello")[0]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("announced", [{"Content_Length": "9"}, {"Transfer_Encoding": "chunked"}])
def test_a_probe_with_a_body_that_never_comes_holds_no_thread(
    server: Server, method: str, announced: dict[str, str]
) -> None:
    with ExitStack() as stack:
        request = head(method, "/livez", **announced)
        attackers = crowd(server, stack, request)
        for path in PROBES:
            assert status_of(server, path) in ANSWERED
        for attacker in attackers:
            _, headers, _ = attacker.answer(method)
            assert headers["Connection"] == "close"


@pytest.mark.parametrize("path", PROBES)
def test_a_probe_is_not_behind_what_comes_after_another_on_its_connection(
    server: Server, path: str
) -> None:
    with ExitStack() as stack:
        crowd(server, stack, head("GET", path) + head("GET", ASSET) * 5 + "GET /li")
        for probe in PROBES:
            assert status_of(server, probe) in ANSWERED


def test_probes_whose_answers_are_not_read_hold_no_thread(server: Server) -> None:
    with ExitStack() as stack:
        crowd(server, stack, head("GET", "/livez") * 2_000)
        assert status_of(server, "/livez") == 200


def test_probes_in_odd_forms_are_answered(connection: Connection) -> None:
    for method, target, status in (
        ("GET", "http://ilios/livez", 200),
        ("GET", "/livez?x=1", 200),
        ("HEAD", "/livez", 200),
        ("OPTIONS", "/livez", 200),
        ("POST", "/livez", 405),
        ("GET", "//livez", 200),
    ):
        assert connection.ask(method, target)[0] == status, (method, target)
    connection.send("get /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert connection.answer()[0] == 400


def test_who_does_not_read_keeps_no_other_waiting(server: Server) -> None:
    with ExitStack() as stack:
        crowd(server, stack, head("GET", ASSET) * 10)
        assert status_of(server, ASSET) == 200
        assert status_of(server, "/openapi.json") == 200


def test_who_does_not_read_is_given_up(impatient_server: Server) -> None:
    with ExitStack() as stack:
        crowd(impatient_server, stack, head("GET", ASSET) * 10)
        assert status_of(impatient_server, "/livez") == 200  # that it has accepted all before
        process = impatient_server.web_process()
        wait_until(lambda: len(process.net_connections()) == 1, timeout_s=60)


def test_a_part_of_an_answer_without_a_length_does_not_look_like_the_whole(
    impatient_server: Server, database: Database
) -> None:
    """HTTP/1.0 has no chunks: the end is a close, so a client that is given up is reset."""
    document_id, _ = documents.add_document(database, owner=owner_of(KEY))
    with database.writing() as session:
        done = update(Document).values(status=DocumentStatus.COMPLETED)
        session.execute(done.where(Document.id == document_id))
        session.add(
            PageRow(document_id=document_id, index=0, markdown="x " * MIB, images=[], image_bytes=0)
        )
    request = head("GET", f"/api/documents/{document_id}", Authorization=f"Bearer {KEY}")
    with impatient_server.connect() as quick:
        quick.send(request.replace("HTTP/1.1", "HTTP/1.0"))
        _, headers, body = quick.answer()
        assert "Content-Length" not in headers
        assert len(body) == 2 * MIB

    with impatient_server.connect() as slow:
        slow.send(request.replace("HTTP/1.1", "HTTP/1.0"))
        assert slow.socket.recv(1, socket.MSG_PEEK)
        process = impatient_server.web_process()
        wait_until(lambda: len(process.net_connections()) == 1, timeout_s=60)
        with pytest.raises(ConnectionResetError):
            slow.answer()


def test_who_reads_late_gets_everything(server: Server, connection: Connection) -> None:
    with server.connect() as late:
        late.send(head("GET", ASSET, X_Request_ID="late-reader") * 3)
        assert connection.ask("GET", "/")[0] == 200
        for _ in range(3):
            status, headers, body = late.answer()
            assert (status, headers["Connection"]) == (200, "keep-alive")
            assert body == ASSET_FILE.read_bytes()

    def lines() -> list[str]:
        told = server.log_path.read_text().splitlines()
        return [one for one in told if "request_id=late-reader" in one]  # no other has such an id

    wait_until(lambda: len(lines()) == 3, timeout_s=60)
    assert all(str(ASSET_FILE.stat().st_size) in line for line in lines())


def test_a_refused_upload_may_be_sent_to_its_end(connection: Connection) -> None:
    """Who reads the answer only then still finds it: the connection is not reset."""
    body = b"x" * (4 * MIB)
    connection.send(head("POST", SUBMIT, Content_Length=str(len(body)), Content_Type="text/plain"))
    connection.send(body)
    status, headers, _ = connection.answer("POST")
    assert (status, headers["Connection"]) == (401, "close")


def test_a_body_that_is_there_costs_nobody_the_connection(connection: Connection) -> None:
    refused = head("POST", SUBMIT, Content_Length="5").encode() + b"Hello"
    for _ in range(3):
        connection.send(refused)
        status, headers, _ = connection.answer("POST")
        assert (status, headers["Connection"]) == (401, "keep-alive")


def test_refusals_behind_one_another_end_with_the_connection(connection: Connection) -> None:
    connection.send(head("GET", "/api/documents") * 200)
    told = [connection.answer() for _ in range(REFUSALS_MAX)]
    assert [status for status, _, _ in told] == [401] * REFUSALS_MAX
    *kept, last = [headers["Connection"] for _, headers, _ in told]
    assert (set(kept), last) == ({"keep-alive"}, "close")
    with pytest.raises(http.client.BadStatusLine):
        connection.answer()


def test_refusals_in_a_row_are_counted_anew_after_an_answer(connection: Connection) -> None:
    refused = [head("GET", "/api/documents")] * (REFUSALS_MAX - 1)
    connection.send("".join([*refused, head("GET", "/"), *refused]))
    told = [connection.answer() for _ in range(2 * REFUSALS_MAX - 1)]
    assert {headers["Connection"] for _, headers, _ in told} == {"keep-alive"}


def test_errors_cost_a_caller_with_a_key_no_connection(connection: Connection) -> None:
    unknown = f"/api/documents/{'a' * 24}"
    connection.send(head("GET", unknown, Authorization=f"Bearer {KEY}") * 2 * REFUSALS_MAX)
    told = [connection.answer() for _ in range(2 * REFUSALS_MAX)]
    assert {(status, headers["Connection"]) for status, headers, _ in told} == {(404, "keep-alive")}


def test_a_body_in_a_coding_that_nobody_undoes_is_refused(connection: Connection) -> None:
    form = {"Authorization": f"Bearer {KEY}", "Content_Type": "multipart/form-data; boundary=b"}
    connection.send(head("POST", SUBMIT, Transfer_Encoding="gzip, chunked", **form))
    connection.send(b"0\r\n\r\n")
    status, headers, body = connection.answer("POST")
    assert (status, body["code"]) == (501, "not_implemented")
    assert headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("request_line", "status", "code"),
    [
        ("GET / HTTP/1.1\r\n" + "X: y\r\n" * 20_000, 431, "header_fields_too_large"),
        ("GET /" + "x" * 100_000, 414, "uri_too_long"),
    ],
)
def test_a_head_without_an_end_is_refused_before_it_has_come(
    connection: Connection, request_line: str, status: int, code: str
) -> None:
    connection.send(request_line)
    answered, _, body = connection.answer()
    assert (answered, body["code"]) == (status, code)


def test_json_that_stalls_takes_the_share_of_its_key_only(server: Server) -> None:
    stalled = head(
        "POST",
        UPLOAD_URL,
        Authorization=f"Bearer {KEY}",
        Content_Type="application/json",
        Content_Length="100",
    )
    with ExitStack() as stack:
        crowd(server, stack, stalled, server.settings.web_threads)
        wait_until(lambda: link_for(server, KEY)[0] == 503, timeout_s=60)
        assert link_for(server, OTHER_KEY)[0] == 200
    wait_until(lambda: link_for(server, KEY)[0] == 200, timeout_s=60)


def test_uploads_to_links_that_stall_take_the_share_of_their_key_only(server: Server) -> None:
    _, link = link_for(server, KEY)
    _, other_link = link_for(server, OTHER_KEY)
    with ExitStack() as stack:
        crowd(server, stack, head("PUT", link, Content_Length="5"), server.settings.web_threads)
        wait_until(lambda: put(server, link) == 503, timeout_s=60)
        assert put(server, other_link) == 200
    wait_until(lambda: put(server, link) == 200, timeout_s=60)


def test_where_connections_are_short_the_oldest_idle_one_makes_room(
    server_settings: Settings,
) -> None:
    with closing(Server(server_settings, CROWDED)) as server, ExitStack() as stack:
        idle = crowd(server, stack, "", 2 * CONNECTIONS)
        assert status_of(server, "/livez") == 200
        assert idle[0].socket.recv(1) == b""
        idle[-1].send(head("GET", "/livez"))
        assert idle[-1].answer()[0] == 200
        assert len(server.web_process().net_connections()) <= CONNECTIONS + 1  # and the listener


def test_a_connection_that_is_closed_to_make_room_may_have_been_about_to_speak(
    server_settings: Settings,
) -> None:
    """What has happened on it by then is not looked at any more."""
    with closing(Server(server_settings, CROWDED)) as server, ExitStack() as stack:
        idle = crowd(server, stack, "", CONNECTIONS)
        assert status_of(server, "/livez") == 200
        process = server.web_process()
        process.suspend()
        for connection in idle:
            connection.send(head("GET", "/livez"))
        crowd(server, stack, head("GET", "/livez", Connection="close"), CONNECTIONS)
        process.resume()
        assert status_of(server, "/livez") == 200
        assert server.web_process().pid == process.pid
