"""What a receiver can do wrong costs a bounded time, and has a word."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ilios.core.url_allowance import UrlAllowance
from ilios.outbound import connections
from ilios.outbound.guard import Guard
from ilios.webhooks import posting
from ilios.webhooks.posting import Outcome, post
from tests.support.receivers import receiving
from tests.support.tls import make_certificate
from tests.support.web_servers import Ear

LOCAL = Guard(UrlAllowance.of(("127.0.0.1", "localhost")))
BODY = b'{"type":"webhook.test"}'


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Provide the URL of a server that does this to each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.recv(65536)
                        answer(connection)
                    except OSError:
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", Outcome(200, None)),
        (b"HTTP/1.0 204\r\n\r\n", Outcome(204, None)),
        (b"HTTP/1.1 103 Hint\r\nLink: x\r\n\r\nHTTP/1.1 202 Yes\r\n\r\n", Outcome(202, None)),
        (b"HTTP/1.1 500 No\r\n\r\n", Outcome(500, "refused")),
        (b"HTTP/1.1 301 Go\r\nLocation: /x\r\n\r\n", Outcome(301, "refused")),
        (b"HTTP/1.1 410 Gone\r\n\r\n", Outcome(410, "gone")),
        (b"SSH-2.0-OpenSSH_9.9\r\n", Outcome(None, "no_http")),
        (b"", Outcome(None, "no_http")),
        (b"HTTP/1.1 2\r\n\r\n", Outcome(None, "no_http")),
        (b"x" * 2 * connections.HEAD_MAX_BYTES, Outcome(None, "no_http")),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 9 * posting.REST_MAX_BYTES, Outcome(200, None)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", Outcome(200, None)),
    ],
)
def test_the_status_decides(answer: bytes, outcome: Outcome) -> None:
    with answering(lambda connection: connection.sendall(answer)) as url:
        assert post(LOCAL, url, {}, BODY) == outcome


def test_a_receiver_that_drips_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "ATTEMPT_SECONDS_MAX", 0.2)
    is_left = threading.Event()

    def drip(connection: socket.socket) -> None:
        while not is_left.wait(0.05):
            connection.sendall(b"H")

    with answering(drip) as url:
        assert post(LOCAL, url, {}, BODY) == Outcome(None, "timeout")
        is_left.set()


def test_a_body_that_drips_does_not_change_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "REST_SECONDS", 0.2)
    is_left = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not is_left.wait(0.05):
            connection.sendall(b"x")

    with answering(drip) as url:
        assert post(LOCAL, url, {}, BODY) == Outcome(200, None)
        is_left.set()


def test_nobody_there_and_no_tls_have_words() -> None:
    with receiving() as receiver:
        plain = receiver.url.replace("http://", "https://")
        assert post(LOCAL, plain, {}, BODY) == Outcome(None, "tls")
    assert post(LOCAL, receiver.url, {}, BODY) == Outcome(None, "connection")


def test_a_request_has_the_address_as_it_was_written() -> None:
    with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        outcome = post(LOCAL, url, {"webhook-id": "a"}, BODY)

    assert outcome == Outcome(204, None)
    (came,) = receiver.received
    assert came.headers["host"] == url.split("/")[2]
    assert came.headers["content-length"] == str(len(BODY))
    assert (came.path, came.body) == ("/hooks?token=hidden", BODY)


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_certificate_has_to_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_trusted: bool
) -> None:
    certificate = make_certificate(tmp_path)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    with receiving(certificate) as receiver:
        outcome = post(LOCAL, receiver.url, {}, BODY)

    assert outcome == (Outcome(204, None) if is_trusted else Outcome(None, "tls"))
    assert len(receiver.received) == is_trusted


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:127.0.0.1"], ["2606:4700::1111", "::1"]],
)
def test_a_name_that_leads_inside_is_refused_before_any_connection(answers: list[str]) -> None:
    with closing(Ear()) as ear:
        guard = Guard(UrlAllowance(), lambda _host, _port: answers)

        outcome = post(guard, f"https://rebinding.example:{ear.port}/", {}, BODY)

        assert outcome == Outcome(None, "url_not_allowed")
        assert not ear.has_heard


def test_a_name_is_resolved_once_and_asked_where_it_was_checked() -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    guard = Guard(UrlAllowance.of(("127.0.0.1",)), resolve)
    with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", "rebinding.example")
        outcomes = [post(guard, url, {}, BODY) for _ in range(2)]

    assert outcomes == [Outcome(204, None), Outcome(None, "url_not_allowed")]
    assert asked == ["rebinding.example"] * 2
    assert len(receiver.received) == 1


def test_a_name_that_nobody_knows_has_a_word() -> None:
    guard = Guard(UrlAllowance(), lambda _host, _port: [])

    assert post(guard, "https://a.example/", {}, BODY) == Outcome(None, "name_not_found")
