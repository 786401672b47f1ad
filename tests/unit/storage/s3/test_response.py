"""Responses, as servers may write them, and what each leaves of its connection."""

from __future__ import annotations

import io
import ssl
from http.client import HTTPException
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
)
from urllib3 import HTTPConnectionPool
from urllib3 import exceptions as urllib3
from urllib3.connection import HTTPConnection

from ilios.storage.s3.response import HEADERS_MAX, LINE_MAX_BYTES, Response, as_botocore

URL = "http://127.0.0.1:9000"


class Connection(io.RawIOBase):
    """Gives what a server wrote, in pieces, and then its error or the end."""

    def __init__(self, written: bytes, error: OSError | None = None, piece: int = 7) -> None:
        self._written = written
        self._error = error
        self._piece = piece
        self.outcomes: list[bool] = []

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._written and self._error:
            raise self._error
        size = min(self._piece, len(buffer), len(self._written))
        buffer[:size], self._written = self._written[:size], self._written[size:]
        return size

    def done(self, *, is_usable: bool) -> None:
        self.outcomes.append(is_usable)

    def respond(self, method: str = "GET") -> Response:
        return Response(method, URL, io.BufferedReader(self), self.done)


@pytest.mark.parametrize(
    ("written", "method", "content", "is_usable"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes", "GET", b"bytes", True),
        (b"HTTP/1.1 200\r\ncontent-length:5\r\n\r\nbytes", "GET", b"bytes", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "PUT", b"", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", b"", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "DELETE", b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n", "DELETE", b"", True),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nthe\r\n6;x=y\r\n bytes\r\n0\r\nTrailer: x\r\n\r\n",
            "GET",
            b"the bytes",
            True,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nup to its end", "GET", b"up to its end", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nbytes", "GET", b"bytes", False),
        (
            b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 5\r\n\r\nbytes",
            "GET",
            b"bytes",
            False,
        ),
    ],
)
def test_a_body_ends_where_it_ends(
    written: bytes, method: str, content: bytes, is_usable: bool
) -> None:
    connection = Connection(written)

    response = connection.respond(method)

    assert connection.outcomes == []
    assert response.content == content
    assert connection.outcomes == [is_usable]


def test_headers_have_names_in_lower_case_and_no_blanks_around() -> None:
    response = Connection(
        b"HTTP/1.1 404 Not Found\r\nDate:  now \r\nX-Amz-Id: a:b\r\n\r\n"
    ).respond()

    assert response.status_code == 404
    assert response.headers == {"date": "now", "x-amz-id": "a:b"}


def test_what_is_closed_early_leaves_no_connection() -> None:
    connection = Connection(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes")

    response = connection.respond()
    response.close()
    response.close()

    assert connection.outcomes == [False]


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nDate: now\r\n",
        b"\x15\x03\x01\x00\x02\x02\x50",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 two OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 " + bytes(LINE_MAX_BYTES),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (HEADERS_MAX + 1),
    ],
    ids=["end", "cut", "tls", "ssh", "status", "length", "negative", "line", "headers"],
)
def test_what_is_not_http_is_an_error(written: bytes) -> None:
    with pytest.raises((HTTPException, OSError)) as refused:
        Connection(written, piece=4096).respond()

    assert isinstance(as_botocore(refused.value, URL), ConnectionClosedError)


@pytest.mark.parametrize(
    "body",
    [b"Content-Length: 9\r\n\r\nbytes", *(
        b"Transfer-Encoding: chunked\r\n\r\n" + chunks
        for chunks in (b"9\r\nbytes", b"nine\r\nbytes", b"-1\r\nbytes", b"5\r\nbytes\r\n", b"")
    )],
)  # fmt: skip
def test_a_body_that_breaks_off_is_an_error(body: bytes) -> None:
    connection = Connection(b"HTTP/1.1 200 OK\r\n" + body)
    response = connection.respond()

    with pytest.raises(ResponseStreamingError):
        response.content  # noqa: B018  # a property that reads
    response.close()
    assert connection.outcomes == [False]


def test_a_body_that_does_not_come_is_a_timeout() -> None:
    response = Connection(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", TimeoutError()).respond()

    with pytest.raises(ReadTimeoutError):
        response.content  # noqa: B018  # a property that reads


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ssl.SSLCertVerificationError(), SSLError),
        (urllib3.SSLError(), SSLError),
        (urllib3.ConnectTimeoutError(), ConnectTimeoutError),
        (urllib3.NewConnectionError(HTTPConnection("it"), "refused"), EndpointConnectionError),
        (TimeoutError(), ReadTimeoutError),
        (ConnectionResetError(), ConnectionClosedError),
        (urllib3.ClosedPoolError(HTTPConnectionPool("it"), "closed"), HTTPClientError),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_errors_are_those_of_botocore(error: Exception, kind: type[BotoCoreError]) -> None:
    assert type(as_botocore(error, URL)) is kind
