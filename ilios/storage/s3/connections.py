"""Kept-alive connections to the host of a bucket, and requests of HTTP/1.1 on them.

urllib3 opens and keeps the connections: names, TLS, proxies, which of them the server has closed.
What it and http.client take to send a small request and to read the answer is a multiple of what
is done here: see docs/adr/0029-small-objects-by-plain-requests.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, partial
from io import BufferedReader
from typing import Any, Final
from urllib.parse import urlsplit

import botocore.session
from botocore.exceptions import ProxyConnectionError
from botocore.httpsession import (
    ProxyConfiguration,
    create_urllib3_context,
    get_cert_path,
    mask_proxy_url,
)
from botocore.utils import get_environ_proxies
from urllib3 import PoolManager, ProxyManager, Timeout
from urllib3.util import wait_for_read

from ilios import __version__
from ilios.storage.s3.location import POOL_CONNECTIONS, Timeouts
from ilios.storage.s3.response import BLOCK_BYTES, CONNECTION_ERRORS, Head, Response, as_botocore

CONTINUE_SECONDS: Final = 1.0  #: that `100 Continue` is waited for, as botocore does
_USUAL_PORTS: Final = {"http": 80, "https": 443}
_BODILESS: Final = ("GET", "HEAD")


class Connections:
    """Connections to the host of one URL. Safe to share between threads."""

    def __init__(self, url: str, timeouts: Timeouts) -> None:
        """Connect at the first request. Raises BotoCoreError for an environment that cannot be."""
        self.host = _host(url)  #: as a header names it
        self._url = url
        self._read_seconds = timeouts.read_seconds
        proxies = ProxyConfiguration(get_environ_proxies(url))
        self._proxy_url: str | None = proxies.proxy_url_for(url)
        proxy_headers = proxies.proxy_headers_for(self._proxy_url) if self._proxy_url else {}
        settings: dict[str, Any] = {
            "timeout": Timeout(connect=timeouts.connect_seconds),
            "maxsize": POOL_CONNECTIONS,
            "ssl_context": create_urllib3_context(),
            "cert_reqs": "CERT_REQUIRED",
            "ca_certs": get_cert_path(_authorities(frozenset(os.environ.items()))),
        }
        self._manager = PoolManager(**settings)
        if self._proxy_url:
            self._manager = ProxyManager(self._proxy_url, proxy_headers=proxy_headers, **settings)
        self._pool = self._manager.connection_from_url(url)
        self._is_tunnel = bool(self._proxy_url) and url.startswith("https:")
        is_forwarded = bool(self._proxy_url) and not self._is_tunnel
        self._origin = f"http://{self.host}" if is_forwarded else ""
        self._headers = {"user-agent": f"ilios/{__version__}", "accept-encoding": "identity"}
        if is_forwarded:
            self._headers.update(proxy_headers)

    def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | BufferedReader
    ) -> Response:
        """Send one request and return its response, whose body is not yet read.

        `target` is path and query, encoded. A body of bytes is sent at once; a file when the server
        says `100 Continue`, or says nothing.
        Raises the BotoCoreError of a connection that fails, ValueError for a header of two lines.
        """
        request = self._head(method, target, headers, body)
        connection: Any = self._pool._get_conn()
        response = stream = None
        try:
            if connection.is_closed:
                self._connect(connection)
            stream = connection.sock.makefile("rb")
            early = _send(connection.sock, stream, request, body)
            done = partial(self._done, connection, stream)
            response = Response(method, self._url, stream, done, early)
        except CONNECTION_ERRORS as error:
            raise self._failure(connection, error) from error
        finally:
            if response is None:
                self._done(connection, stream, is_usable=False)
        return response

    def close(self) -> None:
        """Close idle connections."""
        self._manager.clear()
        self._pool = self._manager.connection_from_url(self._url)

    def _head(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | BufferedReader
    ) -> bytes:
        named = {**self._headers, **headers}
        if not isinstance(body, bytes):
            named["content-length"] = str(os.fstat(body.fileno()).st_size)
            named["expect"] = "100-continue"
        elif method not in _BODILESS:
            named["content-length"] = str(len(body))
        lines = [f"{method} {self._origin}{target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in named.items()]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("not a header: it has more than one line")
        return "\r\n".join([*lines, "", ""]).encode()

    def _connect(self, connection: Any) -> None:
        if self._is_tunnel:
            self._pool._prepare_proxy(connection)
        else:
            connection.connect()
        connection.sock.settimeout(self._read_seconds)

    def _done(self, connection: Any, stream: BufferedReader | None, *, is_usable: bool) -> None:
        if not is_usable:
            connection.close()
        if stream is not None:
            stream.close()
        self._pool._put_conn(connection)

    def _failure(self, connection: Any, error: Exception) -> Exception:
        if self._proxy_url and not connection.has_connected_to_proxy:
            return ProxyConnectionError(proxy_url=mask_proxy_url(self._proxy_url), error=error)
        return as_botocore(error, self._url)


def _send(
    socket: Any, stream: BufferedReader, request: bytes, body: bytes | BufferedReader
) -> Head | None:
    """Send a request; return the head of a response that came in place of `100 Continue`."""
    with suppress(BrokenPipeError, ConnectionResetError):  # a refusal may be there to be read
        if isinstance(body, bytes):
            socket.sendall(request + body)
            return None
        socket.sendall(request)
        if wait_for_read(socket, CONTINUE_SECONDS):
            early = Head.read(stream)
            if not early.is_interim:
                return early
        while block := body.read(BLOCK_BYTES):
            socket.sendall(block)
    return None


def _host(url: str) -> str:
    """Return the host of a URL as the header `Host` has it: with a port that is not the usual."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    bracketed = f"[{name}]" if ":" in name else name
    is_usual = parts.port in (None, _USUAL_PORTS[parts.scheme])
    return bracketed if is_usual else f"{bracketed}:{parts.port}"


@cache
def _authorities(_environment: frozenset[tuple[str, str]]) -> Any:
    """Return the file of trusted certificates, found as boto3 does; True for botocore's own."""
    configured = botocore.session.Session().get_config_variable("ca_bundle")
    return configured or os.environ.get("REQUESTS_CA_BUNDLE", True)
