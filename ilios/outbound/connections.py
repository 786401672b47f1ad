"""Connections to one place of the network, that the guard has allowed, for one request each.

No name is resolved here, and no proxy of the environment is asked. TLS checks the certificate
against the name in the address, not against the place.
"""

from __future__ import annotations

import io
import os
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException, HTTPResponse
from ipaddress import IPv6Address
from typing import Any, Final

from ilios import __version__
from ilios.core.url_allowance import IpAddress
from ilios.outbound.addresses import Address

CONNECT_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 20.0  #: of a server that sends, or is to answer
FETCH_SECONDS: Final = 900.0  #: of one fetch, with all redirects
HEAD_MAX_BYTES: Final = 64 * 1024  #: of a response, with all that comes before it
FRAMES_PER_BODY: Final = 2  #: bytes that come for one of a body at most: chunks have sizes
PLACES_TRIED: Final = 3  #: of those that a name resolves to
_FINAL: Final = 200  #: the lowest status of a response that no other follows
_REQUEST_HEADERS: Final = {
    "User-Agent": f"ilios/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for a connection, for the next bytes, and in all."""

    connect_seconds: float = CONNECT_SECONDS
    silence_seconds: float = SILENCE_SECONDS
    total_seconds: float = FETCH_SECONDS


class TooLong(Exception):
    """A response whose head, or what surrounds its body, does not end."""


class OutOfTime(Exception):
    """The time for all of it is over, whatever has come until now."""


class Connection:
    """An open connection, and the response to the request that was sent on it."""

    def __init__(self, opened: socket.socket, patience: Patience, deadline: float) -> None:
        self._socket = opened
        self._incoming = _Incoming(opened, patience, deadline)
        # http.client asks a socket for no more than a file.
        self._response = HTTPResponse(_File(self._incoming), method="GET")  # type: ignore[arg-type]

    def send(self, address: Address, headers: dict[str, str]) -> None:
        """Send a request for an address. Raises OSError."""
        lines = [f"GET {address.target} HTTP/1.1", f"Host: {address.authority}"]
        lines += [f"{name}: {value}" for name, value in (_REQUEST_HEADERS | headers).items()]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("not a header: it has more than one line")
        self._incoming.wait_at_most_the_rest()
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def head(self, body_bytes: int) -> HTTPResponse:
        """Read the head of the response, whose body may have so many bytes.

        Raises OSError, HTTPException, TooLong and OutOfTime; so does reading on.
        """
        response = self._response
        try:
            response.begin()
            while response.status < _FINAL:
                response.headers = None  # type: ignore[assignment]  # else begin() does nothing
                response.begin()
        except (ValueError, AttributeError) as error:
            raise HTTPException(str(error)) from error
        self._incoming.allow(FRAMES_PER_BODY * body_bytes + HEAD_MAX_BYTES)
        return response

    def close(self) -> None:
        self._response.close()
        self._socket.close()


@contextmanager
def connected(
    address: Address, places: Sequence[IpAddress], patience: Patience, deadline: float
) -> Iterator[Connection]:
    """Connect to the first of the places that answers. Raises OSError, OutOfTime."""
    opened = _open(address, places, patience, deadline)
    try:
        if address.scheme == "https":
            opened = _tls(os.environ.get("SSL_CERT_FILE")).wrap_socket(
                opened, server_hostname=address.host
            )
        connection = Connection(opened, patience, deadline)
    except BaseException:
        opened.close()
        raise
    try:
        yield connection
    finally:
        connection.close()


def _open(
    address: Address, places: Sequence[IpAddress], patience: Patience, deadline: float
) -> socket.socket:
    errors: list[OSError] = []
    for place in places[:PLACES_TRIED]:
        family = socket.AF_INET6 if isinstance(place, IPv6Address) else socket.AF_INET
        seconds = seconds_left(patience.connect_seconds, deadline)
        try:
            opened = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:  # a machine without IPv6
            errors.append(error)
            continue
        try:
            opened.settimeout(seconds)
            opened.connect((str(place), address.port))
        except OSError as error:
            opened.close()
            errors.append(error)
        else:
            return opened
    raise errors[0]


def seconds_left(at_most: float, deadline: float) -> float:
    """Return how long to wait for the next thing. Raise OutOfTime when the time is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise OutOfTime
    return min(at_most, left)


class _Incoming(io.RawIOBase):
    """What comes from a socket, under the bounds of its request."""

    def __init__(self, opened: socket.socket, patience: Patience, deadline: float) -> None:
        self._socket = opened
        self._patience = patience
        self._deadline = deadline
        self._left_bytes = HEAD_MAX_BYTES  #: until the head is read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        if not self._left_bytes:
            raise TooLong
        self.wait_at_most_the_rest()
        count = self._socket.recv_into(view[: self._left_bytes])
        self._left_bytes -= count
        return count

    def wait_at_most_the_rest(self) -> None:
        """Let the next operation of the socket wait as long as it may. Raise OutOfTime."""
        self._socket.settimeout(seconds_left(self._patience.silence_seconds, self._deadline))

    def allow(self, size_bytes: int) -> None:
        """Let so much more come, and no more."""
        self._left_bytes = size_bytes


class _File:
    """As much of a socket as http.client needs to read a response."""

    def __init__(self, incoming: _Incoming) -> None:
        self._incoming = incoming

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._incoming)


@cache
def _tls(_authorities: str | None) -> ssl.SSLContext:
    """Return what checks certificates: those of the system, or of SSL_CERT_FILE.

    One for a process: to read the authorities takes milliseconds, and 2 MiB.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
