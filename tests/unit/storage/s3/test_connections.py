"""What is sent to a server, when, and which connections are used again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

import pytest
from botocore.exceptions import ConnectionClosedError, ProxyConnectionError, ReadTimeoutError

from ilios.storage.s3 import connections
from ilios.storage.s3.connections import Connections
from ilios.storage.s3.location import Timeouts
from tests.support.waiting import wait_until

TIMEOUTS = Timeouts(connect_seconds=30, read_seconds=30, attempts=1)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
LARGE = bytes(300_000)


class Server:
    """Answers the requests of each connection in turn, then closes it."""

    def __init__(self, *scripts: list[Step]) -> None:
        self.requests: list[bytes] = []
        self.connections = self.ended = 0
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for script in self._scripts:
            with suppress(OSError):  # closed by the test's end
                accepted, _ = self._listener.accept()
                self.connections += 1
                with accepted:
                    for step in script:
                        step(self, accepted)
                self.ended += 1

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._thread.join()
        self._listener.close()


Step = Callable[[Server, socket.socket], None]


def takes(size_bytes: int = 0, until: bytes = b"\r\n\r\n") -> Step:
    """Receive up to the end of a head, and then so many bytes."""

    def take(server: Server, accepted: socket.socket) -> None:
        received = b""
        while until not in received:
            received += accepted.recv(65536) or until
        while len(received) < received.index(until) + len(until) + size_bytes:
            received += accepted.recv(65536) or bytes(size_bytes)
        server.requests.append(received)

    return take


def receives(size_bytes: int) -> Step:
    def receive(server: Server, accepted: socket.socket) -> None:
        received = b""
        while len(received) < size_bytes:
            received += accepted.recv(65536) or bytes(size_bytes)
        server.requests.append(received)

    return receive


def gives(answer: bytes) -> Step:
    return lambda _, accepted: accepted.sendall(answer)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def begin(*scripts: list[Step]) -> Server:
        servers.append(Server(*scripts))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    (tmp_path / "large").write_bytes(LARGE)
    return tmp_path / "large"


def connected(host: str, timeouts: Timeouts = TIMEOUTS) -> Connections:
    return Connections(f"http://{host}/bucket", timeouts)


def answered(
    to_it: Connections, method: str = "GET", target: str = "/", body: bytes | BufferedReader = b""
) -> tuple[int, bytes]:
    """Send a request with one header, and read the response to its end."""
    response = to_it.send(method, target, {"host": "it"}, body)
    content = response.content
    to_it.close()
    return response.status_code, content


def test_a_small_body_goes_with_its_head(serve: Callable[..., Server]) -> None:
    server = serve([takes(5), gives(OK)])

    assert answered(connected(server.host), "PUT", "/bucket/key", b"bytes") == (200, b"")

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    assert (line, body) == ("PUT /bucket/key HTTP/1.1", b"bytes")
    assert {"host: it", "content-length: 5", "accept-encoding: identity"} < set(headers)


def test_a_connection_is_used_again(serve: Callable[..., Server]) -> None:
    server = serve([takes(), gives(OK), takes(), gives(OK)])
    to_it = connected(server.host)

    assert to_it.send("GET", "/", {}, b"").content == b""
    assert answered(to_it) == (200, b"")

    assert (server.connections, len(server.requests)) == (1, 2)


@pytest.mark.parametrize(
    "answer",
    [OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), OK],
    ids=["told", "untold"],
)
def test_a_connection_that_the_server_closes_is_not_used_again(
    serve: Callable[..., Server], answer: bytes
) -> None:
    server = serve([takes(), gives(answer)], [takes(), gives(OK)])
    to_it = connected(server.host)

    assert to_it.send("GET", "/", {}, b"").content == b""
    wait_until(lambda: server.ended == 1, timeout_s=30)
    assert answered(to_it) == (200, b"")

    assert server.connections == 2


def test_a_file_is_sent_when_the_server_says_continue(
    serve: Callable[..., Server], large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONTINUE_SECONDS", 30)
    server = serve(
        [takes(), gives(b"HTTP/1.1 100 Continue\r\n\r\n"), receives(len(LARGE)), gives(OK)]
    )

    with large.open("rb") as file:
        assert answered(connected(server.host), "PUT", body=file) == (200, b"")

    assert b"expect: 100-continue\r\n" in server.requests[0]
    assert server.requests[1] == LARGE


def test_a_file_is_sent_to_a_server_that_says_nothing(
    serve: Callable[..., Server], large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONTINUE_SECONDS", 0)
    late = gives(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
    server = serve([takes(len(LARGE)), late])

    with large.open("rb") as file:
        assert answered(connected(server.host), "PUT", body=file) == (200, b"")

    assert server.requests[0].endswith(LARGE)


def test_a_file_that_is_refused_is_not_sent(
    serve: Callable[..., Server], large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONTINUE_SECONDS", 30)
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
    server = serve([takes(), gives(refusal)], [takes(), gives(OK)])
    to_it = connected(server.host)

    with large.open("rb") as file:
        response = to_it.send("PUT", "/", {}, file)
        assert (response.status_code, response.content) == (403, b"no")
        assert file.tell() == 0
    assert answered(to_it) == (200, b"")
    assert server.connections == 2


def test_a_connection_that_closes_without_an_answer_is_an_error(
    serve: Callable[..., Server],
) -> None:
    server = serve([takes()])

    with pytest.raises(ConnectionClosedError):
        connected(server.host).send("GET", "/", {}, b"")


def test_an_answer_that_does_not_come_is_an_error(serve: Callable[..., Server]) -> None:
    server = serve([takes(), takes(until=b"never")])

    with pytest.raises(ReadTimeoutError):
        connected(server.host, Timeouts(5, read_seconds=1, attempts=1)).send("GET", "/", {}, b"")


def test_a_header_of_two_lines_is_not_sent(serve: Callable[..., Server]) -> None:
    with pytest.raises(ValueError, match="more than one line"):
        connected("127.0.0.1:1").send("GET", "/", {"content-type": "a\r\nb: c"}, b"")


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def by(host: str) -> None:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://user:pass@{host}")
        monkeypatch.setenv("no_proxy", "")

    return by


def test_a_proxy_forwards_plain_requests(
    serve: Callable[..., Server], proxied: Callable[[str], None]
) -> None:
    server = serve([takes(), gives(OK)])
    proxied(server.host)

    assert answered(connected("bucket.example:9000"), target="/key") == (200, b"")

    assert server.requests[0].startswith(b"GET http://bucket.example:9000/key HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNz\r\n" in server.requests[0]


def test_requests_over_tls_are_tunnelled(
    serve: Callable[..., Server], proxied: Callable[[str], None]
) -> None:
    server = serve([takes(), gives(b"HTTP/1.1 403 Forbidden\r\n\r\n")])
    proxied(server.host)

    with pytest.raises(ProxyConnectionError) as refused:
        Connections("https://bucket.example/bucket", TIMEOUTS).send("GET", "/key", {}, b"")

    assert server.requests[0].startswith(b"CONNECT bucket.example:443 HTTP/1.")
    assert b"dXNlcjpwYXNz" in server.requests[0]
    assert "pass" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://S3.example.com/bucket", "s3.example.com"),
        ("https://s3.example.com:443/bucket", "s3.example.com"),
        ("http://s3.example.com:443/bucket", "s3.example.com:443"),
        ("http://[::1]:9000/bucket", "[::1]:9000"),
    ],
)
def test_the_host_has_a_port_that_is_not_the_usual(url: str, host: str) -> None:
    assert Connections(url, TIMEOUTS).host == host
