"""The application under a real gunicorn: slow, broken and stopping connections."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from psutil import CONN_LISTEN

from ilios.api.middleware.headers import SECURITY_HEADERS
from ilios.api.server.gunicorn_worker import ANSWERED_HERE_MAX
from ilios.api.server.slow_client_socket import ANSWER_BEGIN
from ilios.core import data_folder
from ilios.core.settings import MIB, Settings
from tests.support.api_fixtures import KEY, OTHER_KEY
from tests.support.api_server import (
    ANSWER_TIMEOUT_S,
    ENDURING,
    IMPATIENT,
    Connection,
    Server,
    gunicorn,
    head,
)
from tests.support.api_working import InTestWorker
from tests.support.waiting import wait_until

SUBMIT = "/api/documents/submit"
BODY = (
    b'--boundary\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    b"Hello\r\n--boundary--\r\n"
)
FORM = {
    "Authorization": f"Bearer {KEY}",
    "Content_Type": "multipart/form-data; boundary=boundary",
}
OTHER_FORM = {**FORM, "Authorization": f"Bearer {OTHER_KEY}"}
MANY = 60  #: more than all the threads of the server


@pytest.fixture(scope="module")
def shared_settings(shared_settings: Settings) -> Settings:
    """Return settings of a data folder where the last service was killed during an upload."""
    (data_folder.uploads(shared_settings) / "left").write_text("half a file")
    (data_folder.spool(shared_settings) / "left").write_text("a file that no worker took")
    (data_folder.page_images(shared_settings) / "left").mkdir()
    room = {"max_file_size_bytes": 8 * MIB, "max_request_bytes": 16 * MIB}
    return shared_settings.model_copy(update={**room, "convert_wait_seconds": 900})


@pytest.fixture
def own_server(server_settings: Settings) -> Iterator[Server]:
    """Start a server for one test, which waits for its clients as long as it may."""
    patient = server_settings.model_copy(update={"shutdown_grace_seconds": 600})
    with closing(Server(patient, ENDURING)) as server:
        yield server


@pytest.fixture
def impatient_server(server_settings: Settings) -> Iterator[Server]:
    """Start a server for one test, with a short time limit for clients that stall."""
    with closing(Server(server_settings, IMPATIENT)) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_connection_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check that a test leaves nothing to the next that uses the same server."""
    yield
    if "server" in request.fixturenames:
        server = request.getfixturevalue("server")
        wait_until(lambda: not clients(server), timeout_s=60)
        assert uploads(server) == []


def clients(server: Server) -> list[Any]:
    """Return the connections that the server has not closed yet; what each held ends with it."""
    return [one for one in server.web_process().net_connections() if one.status != CONN_LISTEN]


def uploads(server: Server) -> list[Path]:
    return list(data_folder.uploads(server.settings).iterdir())


def test_a_connection_serves_many_requests(connection: Connection) -> None:
    for _ in range(3):
        status, _, body = connection.ask("POST", SUBMIT, BODY, **FORM)
        assert status == 202
        path = f"/api/documents/status/{body['id']}"
        assert connection.ask("GET", path, Authorization=FORM["Authorization"])[0] == 200


def test_requests_may_be_sent_before_the_answers(connection: Connection) -> None:
    connection.send(head("GET", "/livez") + head("GET", "/nowhere") + head("GET", "/livez")[:10])
    assert connection.answer()[0] == 200
    assert connection.answer()[0] == 404
    connection.send(head("GET", "/livez")[10:])
    assert connection.answer()[0] == 200


def test_more_probes_at_once_than_the_poller_answers_get_threads(connection: Connection) -> None:
    probes = 3 * ANSWERED_HERE_MAX
    connection.send(head("GET", "/livez") * probes)
    assert [connection.answer()[0] for _ in range(probes)] == [200] * probes


def test_a_head_may_come_in_pieces(connection: Connection) -> None:
    for piece in (b"GET /liv", b"ez HTTP/1.1\r", b"\nHost: localhost\r\n", b"\r", b"\n"):
        connection.send(piece)
        time.sleep(0.02)  # another packet; there is nothing to wait for
    assert connection.answer()[0] == 200


def test_a_body_that_is_cut_off_is_truncated(server: Server, connection: Connection) -> None:
    connection.send(head("POST", SUBMIT, Content_Length="5000", **FORM))
    connection.send(BODY[:-10])
    connection.socket.shutdown(1)
    status, _, body = connection.answer("POST")
    assert (status, body["code"]) == (400, "truncated_body")
    assert uploads(server) == []


def test_what_stalls_is_answered_with_408(impatient_server: Server) -> None:
    body = head("POST", SUBMIT, Content_Length="5000", **FORM).encode() + BODY[:-10]
    for stalled in (body, b"POST /v1/convert HTTP/1.1\r\nHost: loc"):
        with impatient_server.connect() as connection:
            connection.send(stalled)
            status, _, problem = connection.answer("POST")
            assert (status, problem["code"]) == (408, "request_timeout")
    assert uploads(impatient_server) == []


def test_chunks_are_a_body_too(connection: Connection) -> None:
    chunked = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"
    connection.send(head("POST", SUBMIT, Transfer_Encoding="chunked", **FORM))
    connection.send(chunked)
    assert connection.answer("POST")[0] == 202


def test_broken_chunks_are_refused(server: Server, connection: Connection) -> None:
    connection.send(head("POST", SUBMIT, Transfer_Encoding="chunked", **FORM))
    connection.send(b"zz\r\nnonsense\r\n")
    status, _, body = connection.answer("POST")
    assert (status, body["code"]) == (400, "malformed_request")
    assert uploads(server) == []


@pytest.mark.parametrize("length", ["-1", "five", "5, 6"])
def test_a_wrong_content_length_is_a_problem(connection: Connection, length: str) -> None:
    request = head("POST", SUBMIT, Content_Length=length, X_Request_ID="mine", **FORM)
    connection.send(request)
    status, headers, body = connection.answer("POST")
    assert (status, body["code"]) == (400, "invalid_content_length")
    assert body["detail"].startswith(f"Content-Length is {length!r}; allowed: ")
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["X-Request-ID"] == body["requestId"] == "mine"
    assert body["instance"] == SUBMIT


def test_a_client_that_hangs_up_releases_its_wait_slot(server: Server) -> None:
    request = head("POST", "/v1/convert", Content_Length=str(len(BODY)), **FORM).encode() + BODY
    with ExitStack() as impatient:

        def are_all_taken_with_one_more() -> bool:
            impatient.enter_context(server.connect()).send(request)
            return an_empty_form_gets(server) == 503

        wait_until(are_all_taken_with_one_more, timeout_s=60)

    wait_until(lambda: an_empty_form_gets(server) == 400, timeout_s=60)  # before they are answered


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_a_client_that_only_sends_nothing_more_gets_its_answer(
    own_server: Server, worker: InTestWorker, version: str
) -> None:
    request = head("POST", "/v1/convert", Content_Length=str(len(BODY)), **FORM)
    with own_server.connect() as connection:
        connection.send(request.replace("HTTP/1.1", version, 1).encode() + BODY)
        connection.socket.shutdown(socket.SHUT_WR)
        # It was asked whether it still reads.
        assert connection.socket.recv(100, socket.MSG_PEEK) == ANSWER_BEGIN
        with worker.running():
            status, _, text = connection.answer("POST")
    assert (status, text) == (200, b"Hello")


def an_empty_form_gets(server: Server) -> int:
    """Return 400 when a wait slot of the key is free, for the form is wrong, else 503."""
    with server.connect() as connection:
        return connection.ask("POST", "/v1/convert", b"--boundary--\r\n", **FORM)[0]


def test_a_content_length_that_is_too_small_is_malformed(connection: Connection) -> None:
    connection.send(head("POST", SUBMIT, Content_Length=str(len(BODY) - 20), **FORM))
    connection.send(BODY)
    status, _, body = connection.answer("POST")
    assert (status, body["code"]) == (400, "malformed_request")


def test_a_large_body_is_refused_before_it_is_sent(connection: Connection) -> None:
    connection.send(head("POST", SUBMIT, Content_Length=str(10**12), **FORM))
    status, _, body = connection.answer("POST")
    assert (status, body["code"]) == (413, "file_too_large")


@pytest.mark.parametrize(
    ("text", "status", "code", "remedy"),
    [
        ("GET /livez HTTP/9.9\r\n\r\n", 400, "malformed_request", "Send HTTP/1.1"),
        ("NONSENSE\r\n\r\n", 400, "malformed_request", "Send HTTP/1.1"),
        (f"GET /{'x' * 9000} HTTP/1.1\r\n\r\n", 414, "uri_too_long", "shorter query"),
        (f"GET /?q={'x' * 9000} HTTP/1.1\r\n\r\n", 414, "uri_too_long", "shorter query"),
        (head("GET", "/", X="x" * 9000), 431, "header_fields_too_large", "shorter ones"),
        (head("GET", "/", **{f"X{number}": "x" for number in range(101)}), 431,
         "header_fields_too_large", "Send fewer"),
    ],
)  # fmt: skip
def test_what_is_not_http_is_a_problem_with_a_remedy(
    connection: Connection, text: str, status: int, code: str, remedy: str
) -> None:
    connection.send(text)
    answered, headers, body = connection.answer()
    assert answered == status
    assert headers["Content-Type"] == "application/problem+json"
    assert (body["status"], body["code"]) == (status, code)
    assert remedy in body["detail"]
    assert SECURITY_HEADERS.items() <= headers.items()


@pytest.mark.parametrize(
    "stalled",
    [
        b"",
        b"POST /v1/convert HT",
        head("POST", SUBMIT, Content_Length="5000", **FORM).encode() + BODY[:-10],
    ],
)
def test_clients_that_stall_do_not_keep_others_from_reading(server: Server, stalled: bytes) -> None:
    with ExitStack() as clients:
        for _ in range(MANY):
            clients.enter_context(server.connect()).send(stalled)
        for path in ("/livez", "/", "/openapi.json"):  # which nobody but they could keep waiting
            with server.connect() as connection:
                assert connection.ask("GET", path)[0] == 200


def test_uploads_of_one_key_that_stall_leave_threads_to_the_others(server: Server) -> None:
    """Uploads beyond its share are refused; those of others do not wait."""
    stalled = head("POST", SUBMIT, Content_Length="5000", **FORM).encode() + BODY[:-10]

    def submit(form: dict[str, str]) -> int:
        with server.connect() as connection:
            return connection.ask("POST", SUBMIT, BODY, **form)[0]

    with ExitStack() as clients:
        for _ in range(server.settings.web_threads):
            clients.enter_context(server.connect()).send(stalled)

        wait_until(lambda: submit(FORM) == 503, timeout_s=60)
        assert submit(OTHER_FORM) == 202


def test_a_killed_worker_leaves_no_unfinished_upload(
    server: Server, connection: Connection
) -> None:
    connection.send(head("POST", SUBMIT, Content_Length=str(8 * MIB), **FORM))
    connection.send(BODY.partition(b"Hello")[0] + b"x" * (2 * MIB))
    wait_until(lambda: uploads(server), timeout_s=60)

    server.web_process().kill()

    wait_until(lambda: not uploads(server), timeout_s=60)
    wait_until(server.is_listening, timeout_s=60)


def test_clients_that_do_not_hang_up_do_not_keep_others_waiting(server: Server) -> None:
    refused = head("POST", SUBMIT, Content_Length=str(10**12), Connection="close", **FORM)
    with ExitStack() as stack:
        for _ in range(MANY):
            client = stack.enter_context(server.connect())
            client.send(refused)
            assert client.answer("POST")[0] == 413
        with server.connect() as connection:
            assert connection.ask("GET", "/livez")[0] == 200
        assert len(clients(server)) >= MANY  # that are still waited for


def test_an_idle_server_stops_at_once(own_server: Server) -> None:
    with own_server.connect() as kept, own_server.connect():
        kept.ask("GET", "/livez")
        own_server.stop()  # else it would wait for them
    assert own_server.process.returncode == 0


def test_a_poll_is_answered_when_the_server_stops(own_server: Server) -> None:
    places = own_server.settings.web_threads // 4  #: at which polls of one key may wait
    with ExitStack() as stack:
        first, *others = (stack.enter_context(own_server.connect()) for _ in range(places + 1))
        document_id = first.ask("POST", SUBMIT, BODY, **FORM)[2]["id"]
        path = f"/api/documents/status/{document_id}?wait=60"
        polls = [first, *others]
        for poll in polls:
            poll.send(head("GET", path, Authorization=FORM["Authorization"]))
        # Until one of them has found all places taken: the others wait then.
        assert select.select([poll.socket for poll in polls], [], [], ANSWER_TIMEOUT_S)[0]
        own_server.stop()
        answers = [poll.answer() for poll in polls]
    assert [(status, body["status"]) for status, _, body in answers] == [(200, "pending")] * len(
        polls
    )


def test_a_start_removes_what_an_earlier_one_left(server: Server) -> None:
    assert not (data_folder.uploads(server.settings) / "left").exists()
    assert not (data_folder.spool(server.settings) / "left").exists()
    assert not (data_folder.page_images(server.settings) / "left").exists()


def test_a_busy_port_ends_the_start_with_one_line(server: Server, tmp_path: Path) -> None:
    left = data_folder.uploads(server.settings) / "arriving"
    left.write_text("of the server that runs")
    log = tmp_path / "second.log"
    quiet = server.settings.model_copy(update={"log_level": "WARNING"})

    second = gunicorn(quiet, log)

    assert second.wait(timeout=60) == 4
    (line,) = log.read_text().splitlines()
    assert str(server.settings.port) in line
    assert "PORT" in line
    assert left.exists()
    left.unlink()


@pytest.mark.parametrize("broken", ["settings", "database", "data folder"])
def test_a_start_that_cannot_be_ends_with_one_line(
    server_settings: Settings, tmp_path: Path, broken: str
) -> None:
    log = tmp_path / "start.log"
    settings = server_settings.model_copy(update={"log_level": "WARNING"})
    if broken == "settings":
        settings = settings.model_copy(update={"web_threads": 1})
    elif broken == "database":
        settings.database_path.unlink()
    else:
        settings = settings.model_copy(update={"data_dir": Path("/proc/nowhere")})

    process = gunicorn(settings, log)

    assert process.wait(timeout=60) == 4
    (line,) = log.read_text().splitlines()
    assert line.startswith("ilios: ")
