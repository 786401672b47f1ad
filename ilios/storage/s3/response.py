"""A response of HTTP/1.1, read from its connection, and the errors of connections."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from functools import cached_property
from http import HTTPStatus
from http.client import (
    BadStatusLine,
    HTTPException,
    IncompleteRead,
    LineTooLong,
    RemoteDisconnected,
)
from io import BufferedReader
from typing import Final, NamedTuple

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
)
from urllib3 import exceptions as urllib3
from urllib3.util.ssl_match_hostname import CertificateError

LINE_MAX_BYTES: Final = 65_536  #: of a header
HEADERS_MAX: Final = 100
BLOCK_BYTES: Final = 128 * 1024  #: of a body that are received at a time
CONNECTION_ERRORS: Final = (OSError, HTTPException, urllib3.HTTPError, CertificateError)
_BODILESS: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Head(NamedTuple):
    """What comes before a body."""

    version: bytes
    status_code: int
    headers: dict[str, str]  #: by their names in lower case

    @classmethod
    def read(cls, stream: BufferedReader) -> Head:
        """Raise OSError, and HTTPException for what is not HTTP."""
        status_line = _line(stream)
        version, _, rest = status_line.partition(b" ")
        status = rest[:3]
        if not version.startswith(b"HTTP/1.") or not status.isdigit():
            raise BadStatusLine(status_line.decode("latin-1"))
        headers: dict[str, str] = {}
        for _ in range(HEADERS_MAX + 1):
            line = _line(stream)
            if not line:
                return cls(version, int(status), headers)
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        raise HTTPException(f"more than {HEADERS_MAX} headers")

    @property
    def is_interim(self) -> bool:
        """Return whether another head follows, as it does after `100 Continue`."""
        return self.status_code < HTTPStatus.OK


class Response:
    """A response whose body is not yet read. It is done with when that is read, or at `close`."""

    def __init__(
        self,
        method: str,
        url: str,
        stream: BufferedReader,
        done: Callable[..., None],
        early: Head | None = None,
    ) -> None:
        """Read status and headers, unless they came `early`: before the body of the request.

        `done` is told, once, whether the connection `is_usable`.
        Raises OSError, and HTTPException for what is not HTTP.
        """
        head = early or Head.read(stream)
        while head.is_interim:
            head = Head.read(stream)
        version, self.status_code, self.headers = head
        self.url = url
        self.size_bytes = _size_bytes(self.headers)  #: of the body; None when the server is silent
        self._stream = stream
        self._done: Callable[..., None] | None = done
        self._has_body = method != "HEAD" and self.status_code not in _BODILESS
        self._is_chunked = "transfer-encoding" in self.headers
        is_bounded = not self._has_body or self._is_chunked or self.size_bytes is not None
        is_last = early or "close" in self.headers.get("connection", "").lower()
        self._leaves_usable = is_bounded and version == b"HTTP/1.1" and not is_last

    @cached_property
    def content(self) -> bytes:
        """Return the body."""
        return b"".join(self.blocks())

    def blocks(self) -> Iterator[bytes]:
        """Yield what is left of the body, BLOCK_BYTES at most at a time.

        Raises ReadTimeoutError and ResponseStreamingError.
        """
        try:
            if self._has_body:
                yield from self._body()
        except CONNECTION_ERRORS as error:
            raise as_botocore(error, self.url, is_in_body=True) from error
        self._end(is_usable=self._leaves_usable)

    def close(self) -> None:
        """Do without what was not read."""
        self._end(is_usable=False)

    def _end(self, *, is_usable: bool) -> None:
        done, self._done = self._done, None
        if done:
            done(is_usable=is_usable)

    def _body(self) -> Iterator[bytes]:
        if self._is_chunked:
            while size_bytes := _chunk_bytes(self._stream):
                yield from self._exactly(size_bytes)
                _line(self._stream)
            while _line(self._stream):
                pass  # trailers
        elif self.size_bytes is not None:
            yield from self._exactly(self.size_bytes)
        else:
            yield from iter(lambda: self._stream.read1(BLOCK_BYTES), b"")

    def _exactly(self, size_bytes: int) -> Iterator[bytes]:
        while size_bytes > 0:
            block = self._stream.read1(min(size_bytes, BLOCK_BYTES))
            if not block:
                raise IncompleteRead(b"", size_bytes)
            size_bytes -= len(block)
            yield block


def as_botocore(error: Exception, url: str, *, is_in_body: bool = False) -> Exception:
    """Return the error that botocore has for one of CONNECTION_ERRORS; its retry rules know it."""
    match error:
        case ssl.SSLError() | urllib3.SSLError() | CertificateError():
            return SSLError(endpoint_url=url, error=error)
        case urllib3.NewConnectionError():  # before the timeout, of which it is a kind
            return EndpointConnectionError(endpoint_url=url)
        case urllib3.ConnectTimeoutError():
            return ConnectTimeoutError(endpoint_url=url)
        case TimeoutError():
            return ReadTimeoutError(endpoint_url=url)
        case OSError() | HTTPException() if not is_in_body:
            return ConnectionClosedError(endpoint_url=url)
        case OSError() | HTTPException():
            return ResponseStreamingError(error=error)
    return HTTPClientError(error=error)


def _line(stream: BufferedReader) -> bytes:
    """Return the next line without its end. Raises LineTooLong and RemoteDisconnected."""
    line = stream.readline(LINE_MAX_BYTES + 1)
    if len(line) > LINE_MAX_BYTES:
        raise LineTooLong("header")
    if not line:
        raise RemoteDisconnected("no whole response")
    return line.rstrip(b"\r\n")


def _chunk_bytes(stream: BufferedReader) -> int:
    return _number(_line(stream).partition(b";")[0].decode("latin-1"), 16)


def _size_bytes(headers: dict[str, str]) -> int | None:
    length = headers.get("content-length")
    return None if length is None else _number(length, 10)


def _number(digits: str, base: int) -> int:
    try:
        number = int(digits, base)
    except ValueError:
        number = -1
    if number < 0:
        raise HTTPException(f"no number of bytes: {digits:.20}")
    return number
