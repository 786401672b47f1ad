"""One attempt: a POST to an address that the guard allows, within bounds of time and size.

Redirects are not followed, nothing is kept of the answer but its status, and no proxy is asked: a
proxy would resolve the name again, unseen by the guard.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Final

from ilios.core import url_addresses
from ilios.core.address_guard import AddressGuard
from ilios.core.url_addresses import UrlAddress
from ilios.core.webhook_errors import UrlNotAllowed

CONNECT_SECONDS: Final = 5.0
ATTEMPT_SECONDS_MAX: Final = 15.0  #: from the connection to the status; names are looked up before
REST_SECONDS: Final = 1.0  #: for which the rest of an answer is read, so that nothing is cut off
ANSWER_MAX_BYTES: Final = 64 * 1024
READ_BYTES: Final = 4096
GONE: Final = 410
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r\n]")
_INTERIM_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt has brought: `error` is None for a success, else a word for it."""

    status: int | None  #: of the answer, if there was one
    error: str | None


def post(guard: AddressGuard, url: str, headers: Mapping[str, str], content: bytes) -> Outcome:
    """Send an event, and say what came of it. Raises nothing that a receiver could cause."""
    try:
        return _of_status(_exchange(guard, url_addresses.parse(url), headers, content))
    except UrlNotAllowed as error:
        return Outcome(None, error.code)
    except ssl.SSLError:
        return Outcome(None, "tls")
    except TimeoutError:
        return Outcome(None, "timeout")
    except socket.gaierror:
        return Outcome(None, "name_not_found")
    except (OSError, ValueError):
        return Outcome(None, "connection")


def _of_status(status: int | None) -> Outcome:
    if status is None:
        return Outcome(None, "no_http")
    if status == GONE:
        return Outcome(status, "gone")
    return Outcome(status, None if status // 100 == 2 else "refused")


def _exchange(
    guard: AddressGuard, address: UrlAddress, headers: Mapping[str, str], content: bytes
) -> int | None:
    """Return the status of the answer; None when what came is no HTTP."""
    with guard.connect(address, CONNECT_SECONDS) as plain:
        until = time.monotonic() + ATTEMPT_SECONDS_MAX
        _limit(plain, until)
        with _encrypted(plain, address) as connection:
            _limit(connection, until)
            connection.sendall(_head(address, headers, content) + content)
            return _status(connection, until)


def _encrypted(connection: socket.socket, address: UrlAddress) -> socket.socket:
    if address.scheme == "http":
        return connection
    return _tls().wrap_socket(connection, server_hostname=address.host)


@cache
def _tls() -> ssl.SSLContext:
    """Return what checks certificates: one for a process, for the authorities take 2 MiB."""
    return ssl.create_default_context()


def _head(address: UrlAddress, headers: Mapping[str, str], content: bytes) -> bytes:
    named = {
        "host": address.authority,
        **headers,
        "content-length": str(len(content)),
        "connection": "close",
    }
    lines = [f"POST {address.target} HTTP/1.1", *(f"{n}: {value}" for n, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _status(connection: socket.socket, until: float) -> int | None:
    """Return the status of the final answer, once the rest of it has come or time is over."""
    answer = b""
    while len(answer) < ANSWER_MAX_BYTES:
        _limit(connection, until)
        block = connection.recv(READ_BYTES)
        answer += block
        match = _STATUS_LINE.match(answer)
        if match is not None and match[1].startswith(b"1"):  # such as 103: the answer follows
            head, end, rest = answer.partition(_INTERIM_END)
            answer = rest if end else head
            match = _STATUS_LINE.match(answer) if end else None
        if match is not None and not match[1].startswith(b"1"):
            _read_rest(connection, until)
            return int(match[1])
        if not block:
            return None
    return None


def _read_rest(connection: socket.socket, until: float) -> None:
    until = min(until, time.monotonic() + REST_SECONDS)
    left = ANSWER_MAX_BYTES
    with suppress(OSError):
        while left > 0:
            _limit(connection, until)
            block = connection.recv(READ_BYTES)
            left -= len(block)
            if not block:
                return


def _limit(connection: socket.socket, until: float) -> None:
    """Let what follows on a connection end in time. Raises TimeoutError when that is over."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
