"""Fetches from servers of the test's own: what they give, and all ways in which they give none."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, cycle
from pathlib import Path
from typing import Final

import pytest

from ilios.core.conversion_errors import NotFetched
from ilios.core.request_errors import FileTooLarge
from ilios.core.url_allowance import UrlAllowance
from ilios.outbound.connections import Patience
from ilios.outbound.fetching import REDIRECTS_MAX, Fetched, Fetcher, Validators
from ilios.outbound.guard import Guard, Resolve
from tests.support.tls import make_certificate
from tests.support.web_servers import Ear, WebServer, reply, serving

PATIENCE: Final = Patience(connect_seconds=5.0, silence_seconds=5.0, total_seconds=30.0)
HASTY: Final = Patience(connect_seconds=5.0, silence_seconds=0.1, total_seconds=30.0)
LESS_HASTY: Final = replace(HASTY, silence_seconds=3.0)  #: the server has to have begun by then
LIMIT: Final = 100_000
HERE: Final = UrlAllowance.of(("127.0.0.1",))


def to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def fetcher(resolve: Resolve = to_loopback, patience: Patience = PATIENCE) -> Fetcher:
    return Fetcher(Guard(HERE, resolve), patience)


def fetch(
    url: str, *, by: Fetcher | None = None, known: Validators | None = None
) -> tuple[Fetched, bytes]:
    kept = bytearray()
    found = (by or fetcher()).fetch(url, kept.extend, limit_bytes=LIMIT, known=known)
    return found, bytes(kept)


def failure(url: str, by: Fetcher | None = None) -> NotFetched:
    with pytest.raises(NotFetched) as failed:
        fetch(url, by=by)
    return failed.value


def test_a_document_comes_with_its_name_and_validators() -> None:
    answer = reply(
        b"Hello",
        ETag='"1"',
        Last_Modified="Mon, 30 Nov 2026 00:00:00 GMT",
        Content_Disposition="attachment; filename=hello.txt",
    )
    with serving(answer) as server:
        found, body = fetch(server.url("/a/b.pdf?x=1"))

    assert body == b"Hello"
    assert (found.size_bytes, found.file_name, found.path_name) == (5, "hello.txt", "b.pdf")
    assert found.host == "127.0.0.1"
    assert found.validators is not None
    assert found.validators.etag == '"1"'
    assert found.validators.last_modified == "Mon, 30 Nov 2026 00:00:00 GMT"


def test_a_request_says_as_little_as_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9/")
    with serving(reply(b"Hello")) as server:
        fetch(server.url("/a?b=c#d"))

    head = server.requests[0].decode()
    assert head.startswith(f"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n")
    names = [line.partition(":")[0] for line in head.split("\r\n")[1:-2]]
    assert names == ["Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\nHello",
        b"HTTP/1.0 200 OK\r\n\r\nHello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nHe\r\n3;x\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello and more that nobody asked for",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\nHello",
    ],
)
def test_a_body_is_read_to_its_end(answer: bytes) -> None:
    with serving(answer) as server:
        assert fetch(server.url())[1] == b"Hello"


@pytest.mark.parametrize(
    ("answer", "code", "received", "retryable"),
    [
        (reply(b"", "404 Not Found"), "url_unavailable", 0, False),
        (reply(b"x", "403 Forbidden"), "url_unavailable", 0, False),
        (reply(b"x", "206 Partial Content"), "url_unavailable", 0, False),
        (reply(b"", "304 Not Modified"), "url_unavailable", 0, False),
        (reply(b"", "302 Found"), "url_unavailable", 0, False),
        (reply(b"x", "503 Service Unavailable"), "url_unavailable", 0, True),
        (reply(b"x", "429 Too Many Requests"), "url_unavailable", 0, True),
        (reply(b""), "empty_file", 0, False),
        (b"", "url_unavailable", 0, True),
        (b"SSH-2.0-OpenSSH\r\n", "url_unavailable", 0, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nHello", "truncated_body", 5, True),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\nA\r\nHe",
            "truncated_body",
            7,
            True,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\nzz\r\n",
            "truncated_body",
            5,
            True,
        ),
    ],
)
def test_what_brings_no_document_has_the_code_of_an_upload(
    answer: bytes, code: str, received: int, *, retryable: bool
) -> None:
    with serving(answer) as server:
        failed = failure(server.url("/secret-path?secret-of-a-url"))

    assert (failed.code, failed.retryable) == (code, retryable)
    assert failed.detail.endswith(f"{received} bytes were received.")
    assert "secret" not in failed.detail


def test_an_announced_size_beyond_the_limit_is_refused_at_once() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"
    with serving(head) as server:
        failed = failure(server.url())

    assert failed.code == "file_too_large"
    assert "999999999999" in failed.detail
    assert failed.detail.endswith("0 bytes were received.")


def test_a_body_without_an_end_is_cut_off_at_the_limit() -> None:
    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65_536))  # until the other end closes

    kept = bytearray()

    def write(block: bytes) -> None:
        kept.extend(block)
        if len(kept) > LIMIT:
            raise FileTooLarge("The file is larger than 100000 bytes.")

    with serving(answer) as server, pytest.raises(NotFetched) as failed:
        fetcher().fetch(server.url(), write, limit_bytes=LIMIT)

    assert failed.value.code == "file_too_large"
    assert failed.value.detail.endswith(f"{len(kept)} bytes were received.")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity", "x"])
def test_a_compressed_body_is_not_taken(encoding: str) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    with serving(reply(bomb, Content_Encoding=encoding)) as server:
        failed = failure(server.url())

    assert failed.code == "url_unavailable"
    assert "not asked for" in failed.detail


def test_a_head_without_an_end_is_cut_off() -> None:
    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in count():
            connection.sendall(b"X-%d: " % number + b"x" * 1000 + b"\r\n")

    with serving(answer) as server:
        failed = failure(server.url())

    assert (failed.code, failed.retryable) == ("url_unavailable", False)


def test_interim_responses_without_an_end_are_cut_off() -> None:
    def answer(connection: socket.socket, _head: bytes) -> None:
        for status in cycle((b"100 Continue", b"103 Early Hints")):
            connection.sendall(b"HTTP/1.1 " + status + b"\r\n\r\n")

    with serving(answer) as server:
        assert failure(server.url()).code == "url_unavailable"


def test_a_line_without_an_end_is_cut_off() -> None:
    def answer(connection: socket.socket, _head: bytes) -> None:
        while True:
            connection.sendall(b"x" * 65_536)

    with serving(answer) as server:
        assert failure(server.url()).code == "url_unavailable"


def test_trailers_without_an_end_are_cut_off() -> None:
    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
        for number in count():
            connection.sendall(b"X-%d: x\r\n" % number)

    with serving(answer) as server:
        assert failure(server.url()).code == "url_unavailable"


@pytest.mark.parametrize(
    ("sent", "received", "patience"),
    [
        (b"", 0, HASTY),
        (b"HTTP/1.1 200 OK\r\n", 0, HASTY),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nHello", 5, LESS_HASTY),
    ],
)
def test_a_server_that_stops_is_given_up(sent: bytes, received: int, patience: Patience) -> None:
    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(sent)
        server.over.wait()

    with serving(answer) as server:
        failed = failure(server.url(), fetcher(patience=patience))
        server.over.set()

    assert (failed.code, failed.retryable) == ("request_timeout", True)
    assert failed.detail.endswith(f"{received} bytes were received.")


def test_a_server_that_trickles_is_given_up_in_the_end() -> None:
    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.over.wait(0.01):
            connection.sendall(b"x")

    short = Patience(connect_seconds=5.0, silence_seconds=5.0, total_seconds=0.3)
    with serving(answer) as server:
        failed = failure(server.url(), fetcher(patience=short))

    assert failed.code == "request_timeout"
    assert "longer than" in failed.detail


def test_a_refused_connection_may_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    failed = failure(f"http://127.0.0.1:{port}/?secret-of-a-url")

    assert (failed.code, failed.retryable) == ("url_unavailable", True)
    assert "secret" not in failed.detail


def test_the_next_place_of_a_name_is_tried() -> None:
    allowance = UrlAllowance.of(("127.0.0.0/8",))
    guard = Guard(allowance, lambda _host, _port: ["127.0.0.9", "127.0.0.1"])
    with serving(reply(b"Hello")) as server:  # on the second of them
        _, body = fetch(server.url(host="a.example"), by=Fetcher(guard, PATIENCE))

    assert body == b"Hello"


def test_what_nobody_wants_any_more_is_not_read_on() -> None:
    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65_536))

    kept = bytearray()
    with serving(answer) as server:
        fetcher().fetch(
            server.url(), kept.extend, limit_bytes=10**12, is_wanted=lambda: len(kept) < LIMIT
        )

    assert len(kept) >= LIMIT


def test_an_error_of_the_disk_is_none_of_the_server() -> None:
    def write(_block: bytes) -> None:
        raise OSError(28, "No space left on device")

    with serving(reply(b"Hello")) as server, pytest.raises(OSError, match="No space"):
        fetcher().fetch(server.url(), write, limit_bytes=LIMIT)


# --- redirects ------------------------------------------------------------------------------------


def redirecting(*targets: str) -> Callable[[socket.socket, bytes], None]:
    """Answer the first requests with these redirects, and all others with a document."""
    left = iter(targets)

    def answer(connection: socket.socket, _head: bytes) -> None:
        target = next(left, None)
        if target is None:
            connection.sendall(reply(b"Hello"))
        else:
            connection.sendall(reply(b"gone", "302 Found", Location=target))

    return answer


def test_a_redirect_is_followed() -> None:
    with serving(redirecting("/b/c.pdf?d", "../e.pdf")) as server:
        found, body = fetch(server.url("/a"))

    assert body == b"Hello"
    assert found.path_name == "e.pdf"
    assert [head.split()[1] for head in server.requests] == [b"/a", b"/b/c.pdf?d", b"/e.pdf"]


@pytest.mark.parametrize("status", ["301 x", "302 x", "303 x", "307 x", "308 x"])
def test_every_kind_of_redirect_is_followed(status: str) -> None:
    answers = iter([reply(b"", status, Location="/b"), reply(b"Hello")])
    with serving(lambda connection, _head: connection.sendall(next(answers))) as server:
        assert fetch(server.url())[1] == b"Hello"


def test_redirects_in_a_circle_end() -> None:
    with serving(reply(b"", "302 Found", Location="/a")) as server:
        failed = failure(server.url("/a"))

    assert failed.code == "url_unavailable"
    assert len(server.requests) == REDIRECTS_MAX + 1


@pytest.mark.parametrize(
    "target",
    ["http://localhost:{port}/", "http://127.0.0.2:{port}/", "http://[::1]:{port}/",
     "//127.1:{port}/", "http://2130706433:{port}/", "http://inner.example:{port}/",
     "http://a@127.0.0.1:{port}/", "https://inner.example:{port}/", "ftp://127.0.0.1:{port}/",
     "file:///etc/passwd", "http://[::1", "http:\\\\127.0.0.2:{port}/",
     "http://169.254.169.254/latest/meta-data/"],
)  # fmt: skip
def test_a_redirect_to_a_forbidden_place_is_refused(target: str) -> None:
    names = {"inner.example": ["10.0.0.1", "127.0.0.1"]}
    ear = Ear()
    location = target.format(port=ear.port)
    try:
        with serving(reply(b"", "302 Found", Location=location)) as server:
            failed = failure(server.url(), fetcher(lambda host, _port: names[host]))

        assert failed.code == "url_not_allowed"
        assert not ear.has_heard
        assert len(server.requests) == 1
    finally:
        ear.close()


# --- names, and certificates ----------------------------------------------------------------------


def test_a_name_that_is_rebound_is_asked_where_it_was_checked() -> None:
    """Given a name server whose answers change, only what was checked is connected to."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    with serving(reply(b"Hello")) as server:
        _, body = fetch(server.url(host="a.example"), by=fetcher(rebinding))

        assert body == b"Hello"
        assert asked == ["a.example"]
        assert server.header("Host") == f"a.example:{server.port}"
        # The second answer is what the next request is judged by.
        assert failure(server.url(host="a.example"), fetcher(rebinding)).code == "url_not_allowed"
    assert len(server.requests) == 1


def test_a_name_is_rebound_between_redirects_in_vain() -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    with serving(reply(b"", "302 Found", Location="/b")) as server:
        failed = failure(server.url(host="a.example"), fetcher(lambda _host, _port: next(answers)))

    assert failed.code == "url_not_allowed"
    assert len(server.requests) == 1


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """Provide a server of `a.example`, whose certificate is trusted."""
    certificate = make_certificate(tmp_path, "a.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    with serving(reply(b"Hello"), certificate) as server:
        yield server


def test_a_certificate_is_checked_against_the_name(secure: WebServer) -> None:
    _, body = fetch(secure.url(host="a.example", scheme="https"))

    assert body == b"Hello"


@pytest.mark.parametrize("host", ["b.example", "127.0.0.1"])
def test_a_certificate_of_another_name_is_refused(secure: WebServer, host: str) -> None:
    failed = failure(secure.url(host=host, scheme="https"))

    assert (failed.code, failed.retryable) == ("url_unavailable", False)
    assert "certificate" in failed.detail
    assert secure.requests == []


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    certificate = make_certificate(trusted, "other.example").certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(reply(b"Hello"), make_certificate(tmp_path, "a.example")) as server:
        failed = failure(server.url(host="a.example", scheme="https"))

    assert "certificate" in failed.detail
    assert server.requests == []


# --- what was fetched before ----------------------------------------------------------------------


def test_what_is_unchanged_is_not_sent_again() -> None:
    def answer(connection: socket.socket, head: bytes) -> None:
        is_known = b'If-None-Match: "1"' in head
        connection.sendall(
            reply(b"", "304 Not Modified") if is_known else reply(b"Hello", ETag='"1"')
        )

    with serving(answer) as server:
        first, _ = fetch(server.url("/a"))
        second, body = fetch(server.url("/a"), known=first.validators)

    assert second.is_unchanged
    assert body == b""


def test_validators_are_sent_to_the_address_that_gave_them_only() -> None:
    with serving(redirecting("/b")) as server:
        known = Validators("0" * 64, '"1"', "Mon, 30 Nov 2026 00:00:00 GMT")
        fetch(server.url("/a"), known=known)

    assert all(b"If-" not in head for head in server.requests)


@pytest.mark.parametrize("etag", ["x" * 5000, '"\u00e9"'])
def test_a_validator_that_cannot_be_sent_back_is_not_kept(etag: str) -> None:
    with serving(reply(b"Hello", ETag=etag)) as server:
        assert fetch(server.url())[0].validators is None
