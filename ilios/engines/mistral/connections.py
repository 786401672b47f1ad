"""Kept-alive connections to the provider, whose sockets enforce the deadline of a call.

Requests and responses are httpx2's, for the SDK. Between them is http.client, in urllib3's classes,
which know proxies: it takes a sixth of the processor time of httpx2's own transport.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Final

import httpx2
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.util import Url

from ilios.engines.mistral.deadlines import seconds_left

CONNECT_SECONDS: Final = 10.0
KEEPALIVE_SECONDS: Final = 4.0
"""Below the five seconds of common servers: when a connection closes during a call, the outcome of
the call is unknown."""
READ_BYTES: Final = 64 * 1024  #: of an answer, at once
TIMEOUT_SLACK_SECONDS: Final = 0.1  #: by which an operation may miss the deadline
_PORTS: Final = {"http": http.client.HTTP_PORT, "https": http.client.HTTPS_PORT}
_FINAL: Final = 200  #: the lowest status of an answer that no other follows
_READING: Final = (httpx2.ReadTimeout, httpx2.ReadError)
_WRITING: Final = (httpx2.WriteTimeout, httpx2.WriteError)


class Connections(httpx2.BaseTransport):
    """httpx2's transport to one server, perhaps through a proxy. Threads may share it."""

    def __init__(self, server_url: str, proxy: httpx2.Proxy | None) -> None:
        self._server = httpx2.URL(server_url)
        self._proxy = proxy
        self._tls = _tls(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        self._idle: deque[_Connection] = deque()  #: in the order of their last use
        self._lock = threading.Lock()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; return the response when its head is there. Raises TransportError."""
        connection = self._idle_one() or self._connect()
        try:
            answer = connection.answer(request)
        except BaseException:
            connection.close()
            raise
        body = _Body(answer, connection, self)
        return httpx2.Response(answer.status, headers=answer.getheaders(), stream=body)

    def keep(self, connection: _Connection) -> None:
        """Take a connection back for other requests."""
        connection.used_at = time.monotonic()
        with self._lock:
            while self._idle and not self._idle[0].is_fresh():
                self._idle.popleft().close()
            self._idle.append(connection)

    def close(self) -> None:
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _idle_one(self) -> _Connection | None:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if connection.is_fresh() and connection.is_connected:
                    return connection
                connection.close()
        return None

    def _connect(self) -> _Connection:
        connection = self._new()
        try:
            connection.connect()
        except TimeoutError as error:
            raise httpx2.ConnectTimeout(str(error)) from error
        except (OSError, http.client.HTTPException) as error:
            raise httpx2.ConnectError(str(error)) from error
        return connection

    def _new(self) -> _Connection:
        server, proxy = self._server, self._proxy
        if proxy is None:
            if server.scheme == "https":
                return _TlsConnection(*_address(server), ssl_context=self._tls)
            return _Connection(*_address(server))
        if proxy.url.scheme not in _PORTS:
            raise httpx2.UnsupportedProtocol(f"{proxy.url.scheme} is no proxy that can be used")
        address, url = _address(proxy.url), Url(proxy.url.scheme)
        if "https" not in (server.scheme, proxy.url.scheme):
            connection = _Connection(*address, proxy=url)
        else:
            config = ProxyConfig(self._tls, False, None, None)
            connection = _TlsConnection(
                *address, proxy=url, proxy_config=config, ssl_context=self._tls
            )
        if server.scheme == "https":
            headers, scheme = _authorization(proxy), proxy.url.scheme
            connection.set_tunnel(*_address(server), headers, scheme)
        else:
            connection.proxy_headers = _authorization(proxy)
        return connection


class _Connection(HTTPConnection):
    """A connection to the server, or to a proxy."""

    used_at = 0.0  #: by time.monotonic
    proxy_headers: dict[str, str] | None = None  #: for a proxy that is sent whole URLs

    def is_fresh(self) -> bool:
        return time.monotonic() < self.used_at + KEEPALIVE_SECONDS

    def answer(self, request: httpx2.Request) -> http.client.HTTPResponse:
        """Send a request, and read the head of its answer. Raises TransportError."""
        target = request.url.raw_path.decode()
        headers: list[tuple[Any, Any]] = request.headers.raw
        if self.proxy_headers is not None:
            target = str(request.url)
            headers += self.proxy_headers.items()
        self.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            self.putheader(name, value)
        is_chunked = "Transfer-Encoding" in request.headers
        body: Any = request.stream
        with suppress(httpx2.WriteError):  # a server may refuse a request before it has read it
            self.endheaders(body, encode_chunked=is_chunked)
        with _protocol_errors():
            answer = http.client.HTTPConnection.getresponse(self)
            while answer.status < _FINAL:
                answer.headers = None  # type: ignore[assignment]  # else begin() does nothing
                answer.begin()
        return answer

    def _new_conn(self) -> socket.socket:
        seconds = seconds_left(CONNECT_SECONDS, httpx2.ConnectTimeout)
        plain = socket.create_connection((self.host, self.port), seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        limited = _Socket(plain.family, plain.type, plain.proto, plain.detach())
        limited.settimeout(seconds_left(CONNECT_SECONDS, httpx2.ConnectTimeout))  # TLS begins
        return limited


class _TlsConnection(_Connection, HTTPSConnection):
    """A connection under TLS: to the server, to the proxy, or to both."""


class _Socket(socket.socket):
    """A socket whose operations wait no longer than the deadline of their thread leaves."""

    def recv(self, *arguments: Any) -> bytes:
        received: bytes = self._limited(_READING, super().recv, arguments)
        return received

    def recv_into(self, *arguments: Any) -> int:
        count: int = self._limited(_READING, super().recv_into, arguments)
        return count

    def send(self, *arguments: Any) -> int:
        count: int = self._limited(_WRITING, super().send, arguments)
        return count

    def sendall(self, *arguments: Any) -> None:
        self._limited(_WRITING, super().sendall, arguments)

    def _limited(
        self, errors: tuple[type[Exception], type[Exception]], operation: Any, arguments: Any
    ) -> Any:
        expired, broken = errors
        self._set_timeout(seconds_left(None, expired))
        try:
            return operation(*arguments)
        except TimeoutError as error:
            raise expired(str(error)) from error
        except OSError as error:
            raise broken(str(error)) from error

    def _set_timeout(self, seconds: float | None) -> None:
        """Set the timeout, unless it is near enough: for a system call, other threads wait."""
        now = self.gettimeout()
        if seconds is None or now is None or abs(now - seconds) > TIMEOUT_SLACK_SECONDS:
            self.settimeout(seconds)


class _TlsSocket(_Socket, ssl.SSLSocket):
    """The same under TLS."""


class _Body(httpx2.SyncByteStream):
    """The body of an answer; once it is read, its connection serves other requests."""

    def __init__(
        self, answer: http.client.HTTPResponse, connection: _Connection, home: Connections
    ) -> None:
        self._answer = answer
        self._connection = connection
        self._home = home

    def __iter__(self) -> Iterator[bytes]:
        with _protocol_errors():
            while block := self._answer.read(READ_BYTES):
                yield block
            if self._answer.length:
                raise http.client.IncompleteRead(b"", self._answer.length)

    def close(self) -> None:
        is_whole = self._answer.isclosed()
        self._answer.close()
        if is_whole and not self._connection.is_closed:
            self._home.keep(self._connection)
        else:
            self._connection.close()


@contextmanager
def _protocol_errors() -> Iterator[None]:
    try:
        yield
    except (http.client.HTTPException, ValueError) as error:
        raise httpx2.RemoteProtocolError(str(error) or type(error).__name__) from error


@cache
def _tls(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Return what checks certificates, as these variables ask for.

    One for a process and its forks: the authorities take 2 MiB.
    """
    context = httpx2.create_ssl_context()
    context.sslsocket_class = _TlsSocket
    return context


def _address(url: httpx2.URL) -> tuple[str, int]:
    return url.raw_host.decode(), url.port or _PORTS[url.scheme]


def _authorization(proxy: httpx2.Proxy) -> dict[str, str]:
    if proxy.raw_auth is None:
        return {}
    return {"Proxy-Authorization": "Basic " + b64encode(b":".join(proxy.raw_auth)).decode()}
