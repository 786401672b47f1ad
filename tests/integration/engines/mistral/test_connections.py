"""Connections to the provider: kept, renewed, under TLS and through proxies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from ilios.engines.mistral import connections
from ilios.engines.mistral.connections import Connections
from ilios.engines.mistral.deadlines import Deadline
from tests.integration.engines.mistral.scripted_server import Peer, ScriptedServer
from tests.support.tls import Certificate, make_certificate
from tests.support.waiting import wait_until

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = b"x" * 300_000


@contextmanager
def client_of(url: str, proxy: str | None = None) -> Iterator[httpx2.Client]:
    transport = Connections(url, httpx2.Proxy(proxy) if proxy else None)
    with httpx2.Client(transport=transport, base_url=url) as client:
        yield client


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """Make a certificate that this process trusts."""
    made = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    return made


class Script:
    """Answers all requests of a connection; remembers them, and how many connections came."""

    def __init__(self, answer: bytes = ANSWER, requests: int = 100) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._requests = requests

    def __call__(self, peer: Peer) -> None:
        self.connections += 1
        for _ in range(self._requests):
            head, _, body = peer.read_request().partition(b"\r\n\r\n")
            self.heads.append(head)
            self.bodies.append(body)
            peer.send(self._answer)


def test_a_connection_serves_one_request_after_the_other() -> None:
    script = Script()
    with ScriptedServer(script) as server, client_of(server.url) as client:
        for _ in range(3):
            assert client.post("/v1/ocr?a=b", content=BODY).text == "ok"

    assert script.connections == 1
    assert script.bodies == [BODY] * 3
    assert script.heads[0].splitlines()[:2] == [
        b"POST /v1/ocr?a=b HTTP/1.1",
        b"Host: " + server.url.removeprefix("http://").encode(),
    ]


def test_requests_at_once_have_connections_of_their_own() -> None:
    both_are_there = threading.Barrier(2)

    def script(peer: Peer) -> None:
        peer.read_request()
        both_are_there.wait()
        peer.send(ANSWER)

    with ScriptedServer(script) as server, client_of(server.url) as client:
        threads = [threading.Thread(target=client.get, args=("/",)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    script = Script(requests=1)
    with ScriptedServer(script) as server:
        transport = Connections(server.url, None)
        with httpx2.Client(transport=transport) as client:
            client.get(server.url)
            wait_until(lambda: not transport._idle[0].is_connected, timeout_s=30)

            assert client.get(server.url).text == "ok"

    assert script.connections == 2


def test_a_connection_that_was_idle_for_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEEPALIVE_SECONDS", 0.0)
    script = Script()
    with ScriptedServer(script) as server, client_of(server.url) as client:
        client.get("/")
        client.get("/")

    assert script.connections == 2


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ANSWER, "ok"),
        (b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ANSWER, "ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
    ],
)
def test_answers_are_read_to_their_end_and_the_connection_is_kept(answer: bytes, text: str) -> None:
    script = Script(answer)
    with ScriptedServer(script) as server, client_of(server.url) as client:
        assert [client.get("/").text, client.get("/").text] == [text, text]

    assert script.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsize\r\nok",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_none_or_broke_off_is_an_error(answer: bytes) -> None:
    script = Script(answer, requests=1)
    with (
        ScriptedServer(script) as server,
        client_of(server.url) as client,
        pytest.raises(httpx2.TransportError),
    ):
        client.get("/")


def test_a_body_that_cannot_be_read_is_the_callers_error() -> None:
    def body() -> Iterator[bytes]:
        yield b"begun"
        raise FileNotFoundError

    with (
        ScriptedServer(Script()) as server,
        client_of(server.url) as client,
        pytest.raises(FileNotFoundError),
    ):
        client.post("/", content=body(), headers={"Content-Length": "10"})


def test_a_server_is_trusted_by_its_certificate(certificate: Certificate) -> None:
    script = Script()
    with ScriptedServer(script, certificate) as server, client_of(server.url) as client:
        for _ in range(2):
            assert client.post("/", content=BODY).text == "ok"

    assert script.connections == 1


def test_a_server_that_nobody_vouches_for_gets_no_request(tmp_path: Path) -> None:
    script = Script()
    with (
        ScriptedServer(script, make_certificate(tmp_path)) as server,
        client_of(server.url) as client,
        pytest.raises(httpx2.ConnectError, match="certificate verify failed"),
    ):
        client.get("/")

    assert script.heads == []


def silent(peer: Peer) -> None:
    peer.read_request()
    peer.wait()


def unread(peer: Peer) -> None:
    peer.wait()


@pytest.mark.parametrize(
    ("script", "body", "error"),
    [(silent, b"", httpx2.ReadTimeout), (unread, BODY * 40, httpx2.WriteTimeout)],
)
def test_the_deadline_holds_under_tls(
    certificate: Certificate, script: Callable[[Peer], None], body: bytes, error: type[Exception]
) -> None:
    with (
        ScriptedServer(script, certificate) as server,
        client_of(server.url) as client,
        Deadline(5).enforced(),
        pytest.raises(error),
    ):
        client.post("/", content=body)


class ProxyScript:
    """Relays each connection; remembers the heads of its requests."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []

    def __call__(self, peer: Peer) -> None:
        request = peer.read_request()
        self.heads.append(request)
        peer.relay(request)


@pytest.mark.parametrize("is_secure", [False, True])
def test_a_server_under_tls_is_reached_through_the_tunnel_of_a_proxy(
    certificate: Certificate, *, is_secure: bool
) -> None:
    script, proxied = Script(), ProxyScript()
    with ExitStack() as stack:
        server = stack.enter_context(ScriptedServer(script, certificate))
        proxy = stack.enter_context(ScriptedServer(proxied, certificate if is_secure else None))
        url = proxy.url.replace("://", "://user:pass@")
        client = stack.enter_context(client_of(server.url, url))
        for _ in range(2):
            assert client.post("/", content=BODY).text == "ok"

    (head,) = proxied.heads
    assert head.startswith(b"CONNECT " + server.url.removeprefix("https://").encode() + b" ")
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNz\r\n" in head
    assert b"Authorization" not in script.heads[0]
    assert script.bodies == [BODY] * 2


@pytest.mark.parametrize("is_secure", [False, True])
def test_a_server_without_tls_is_asked_for_through_a_proxy(
    certificate: Certificate, *, is_secure: bool
) -> None:
    script = Script()
    with ExitStack() as stack:
        proxy = stack.enter_context(ScriptedServer(script, certificate if is_secure else None))
        url = proxy.url.replace("://", "://user:pass@")
        client = stack.enter_context(client_of("http://provider", url))

        assert client.get("/v1/models").text == "ok"

    (head,) = script.heads
    assert head.startswith(b"GET http://provider/v1/models HTTP/1.1\r\nHost: provider\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNz" in head


def test_a_proxy_that_refuses_is_named_as_one() -> None:
    script = Script(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", requests=1)
    with (
        ScriptedServer(script) as proxy,
        client_of("https://provider", proxy.url) as client,
        pytest.raises(httpx2.ConnectError, match="Tunnel connection failed: 407"),
    ):
        client.get("/")


def test_a_proxy_of_another_kind_is_refused() -> None:
    with (
        client_of("https://provider", "socks5://127.0.0.1:1") as client,
        pytest.raises(httpx2.UnsupportedProtocol, match="socks5"),
    ):
        client.get("/")
