"""A total deadline for the network calls of a thread.

Timeouts of HTTP clients apply to each phase, and start anew with each byte that arrives. So the
deadline is enforced below them, at the socket: every read and write waits no longer than what is
left.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import httpcore2
import httpx2

CONNECT_SECONDS: Final = 10.0
KEEPALIVE_SECONDS: Final = 4.0
"""Below the five seconds of common servers: when a connection closes during a call, the outcome of
the call is unknown."""
WRITE_BYTES: Final = 64 * 1024
"""The deadline is checked after each block of this size, in case the peer reads slowly."""

_DEADLINE: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


class Deadline:
    """A fixed moment, `seconds` from its creation."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def seconds_left(self) -> float:
        return max(0.0, self._at - time.monotonic())

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Make this thread's network calls inside the block end by then, with their own timeout."""
        token = _DEADLINE.set(self)
        try:
            yield
        finally:
            _DEADLINE.reset(token)


class DeadlineTransport(httpx2.HTTPTransport):
    """httpx2's transport on a connection pool whose sockets enforce deadlines.

    The pool is made here because httpx2 has no parameter for a network backend.
    """

    def __init__(self, connections: int, proxy: httpx2.Proxy | None) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            proxy=_core_proxy(proxy),
            max_connections=connections,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=_Backend(),
        )


def _core_proxy(proxy: httpx2.Proxy | None) -> httpcore2.Proxy | None:
    if proxy is None:
        return None
    return httpcore2.Proxy(
        url=str(proxy.url), auth=proxy.raw_auth, headers=proxy.headers.raw, ssl_context=None
    )


class _Backend(httpcore2.NetworkBackend):
    def __init__(self) -> None:
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = _seconds_left(timeout, httpcore2.ConnectTimeout)
        return _Stream(
            self._sockets.connect_tcp(host, port, seconds, local_address, socket_options)
        )


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _seconds_left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        for start in range(0, len(view), WRITE_BYTES):
            seconds = _seconds_left(timeout, httpcore2.WriteTimeout)
            self._stream.write(view[start : start + WRITE_BYTES], seconds)  # type: ignore[arg-type]

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = _seconds_left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _seconds_left(timeout: float | None, expired: type[Exception]) -> float | None:
    """Return how long a phase may take: its own timeout, at most what the deadline leaves.

    Raises `expired` when nothing is left.
    """
    deadline = _DEADLINE.get()
    if deadline is None:
        return timeout
    seconds = deadline.seconds_left()
    if not seconds:
        raise expired("the deadline passed")
    return seconds if timeout is None else min(timeout, seconds)
