"""Fetches: the bytes of an address, under bounds, through as many redirects as may be.

Every redirect is an address like the first: it is checked, resolved and checked again.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Final
from urllib.parse import urljoin

from ilios.core.conversion_errors import NotFetched
from ilios.core.file_names import FALLBACK_NAME
from ilios.core.request_errors import (
    EmptyFile,
    FileTooLarge,
    RequestError,
    SlowBody,
    TruncatedBody,
)
from ilios.core.url_errors import UrlNotAllowed
from ilios.outbound import connections, dispositions
from ilios.outbound.addresses import Address
from ilios.outbound.connections import Connection, OutOfTime, Patience, TooLong
from ilios.outbound.guard import Guard

REDIRECTS_MAX: Final = 5
BLOCK_BYTES: Final = 64 * 1024  #: of a body, at a time
VALIDATOR_MAX_CHARACTERS: Final = 1024
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_PASSING: Final = (408, 425, 429, 500, 502, 503, 504)  #: statuses that may be others soon
_UNENCODED: Final = ("", "identity")

Write = Callable[[bytes], object]
"""Takes a block of a body. Raises FileTooLarge beyond its limit."""


@dataclass(frozen=True, slots=True)
class Validators:
    """By what a server tells whether what it gave is still the same, and at which address."""

    digest: str  #: of the last address, behind all redirects
    etag: str | None
    last_modified: str | None

    def headers(self, address: Address) -> dict[str, str]:
        """Return the headers of a request for an address: of another one they say nothing."""
        if address.digest != self.digest:
            return {}
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came. Of something that is still the same, no bytes came."""

    is_unchanged: bool
    size_bytes: int
    file_name: str | None  #: as the server names it; None when it does not
    path_name: str  #: as the last address names it
    host: str  #: of that address
    validators: Validators | None  #: for the next time; None when the server gave none

    def named(self, of_address: str) -> str:
        """Return the name of the file: as the server says, or the more telling of two paths."""
        if self.file_name is not None:
            return self.file_name
        is_telling = "." in of_address or self.path_name == FALLBACK_NAME
        return of_address if is_telling else self.path_name


class Fetcher:
    """Fetches for all threads of a process."""

    def __init__(self, guard: Guard, patience: Patience | None = None) -> None:
        self._guard = guard
        self._patience = patience or Patience()

    def fetch(
        self,
        url: str,
        write: Write,
        *,
        limit_bytes: int,
        known: Validators | None = None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Fetched:
        """Write the bytes of an address, block by block, until `is_wanted` says no.

        Raises NotFetched with the code that the same bytes would get in an upload, and what
        `write` raises.
        """
        deadline = time.monotonic() + self._patience.total_seconds
        body = _Body(write, limit_bytes, is_wanted)
        try:
            return self._follow(self._guard.checked(url), body, known, deadline)
        except _NotWritten as error:
            raise error.cause from None
        except RequestError as error:
            raise _as_upload(error, body.received_bytes) from error

    def _follow(
        self, address: Address, body: _Body, known: Validators | None, deadline: float
    ) -> Fetched:
        for _ in range(REDIRECTS_MAX + 1):
            answer = self._ask(address, body, known, deadline)
            if isinstance(answer, Fetched):
                return answer
            address = self._guard.checked(_joined(address, answer))
        raise NotFetched(
            f"{address.host:.100} redirects more than {REDIRECTS_MAX} times; 0 bytes were received."
        )

    def _ask(
        self, address: Address, body: _Body, known: Validators | None, deadline: float
    ) -> Fetched | str:
        """Return what came of one request, or where it redirects to."""
        places = self._guard.places(address)
        headers = known.headers(address) if known else {}
        try:
            with connections.connected(address, places, self._patience, deadline) as connection:
                connection.send(address, headers)
                return self._answer(address, connection, body, is_conditional=bool(headers))
        except (OutOfTime, TimeoutError):
            raise self._too_slow(address, is_over=time.monotonic() >= deadline) from None
        except ssl.SSLCertVerificationError as error:
            why = f"has no certificate that is valid for it ({error.verify_message})"
            raise _unavailable(address, why, is_passing=False) from None
        except TooLong:
            raise _unavailable(
                address, "sends more than a head and a body", is_passing=False
            ) from None
        except (OSError, HTTPException) as error:
            if body.received_bytes:
                raise TruncatedBody(f"{address.host:.100} broke the connection.") from error
            why = f"cannot be asked ({type(error).__name__})"  # its text may quote the address
            raise _unavailable(address, why, is_passing=True) from error

    def _too_slow(self, address: Address, *, is_over: bool) -> SlowBody:
        seconds = round(self._patience.total_seconds)
        how = f"took longer than {seconds} s" if is_over else "stopped answering"
        return SlowBody(f"{address.host:.100} {how}.")

    def _answer(
        self, address: Address, connection: Connection, body: _Body, *, is_conditional: bool
    ) -> Fetched | str:
        response = connection.head(body.limit_bytes)
        location = response.headers.get("Location")
        if response.status in _REDIRECTS and location is not None:
            return _location(location)
        if response.status == HTTPStatus.NOT_MODIFIED and is_conditional:
            return Fetched(True, 0, None, address.file_name, address.host, None)
        if response.status != HTTPStatus.OK:
            why = f"answers with status {response.status}"
            raise _unavailable(address, why, is_passing=response.status in _PASSING)
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in _UNENCODED:
            why = f"answers in the encoding {encoding!r:.40}, which was not asked for"
            raise _unavailable(address, why, is_passing=False)
        body.read(response, address)
        file_name = dispositions.file_name(response.headers.get("Content-Disposition"))
        validators = _validators(address, response)
        size_bytes, path_name = body.received_bytes, address.file_name
        return Fetched(False, size_bytes, file_name, path_name, address.host, validators)


class _Body:
    """A body on its way, and how much of it has come."""

    def __init__(self, write: Write, limit_bytes: int, is_wanted: Callable[[], bool]) -> None:
        self.received_bytes = 0
        self._write = write
        self.limit_bytes = limit_bytes
        self._is_wanted = is_wanted

    def read(self, response: HTTPResponse, address: Address) -> None:
        """Read the whole body. Raises FileTooLarge, TruncatedBody, OSError, HTTPException."""
        left = None if response.chunked else response.length
        if left is not None and left > self.limit_bytes:
            raise FileTooLarge(
                f"The file has {left} bytes; {self.limit_bytes} are allowed (MAX_FILE_SIZE_BYTES)."
            )
        while left is None or left:
            try:
                block = response.read1(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left))
            except IncompleteRead:
                raise TruncatedBody(f"{address.host:.100} broke off in a chunk.") from None
            if not block:
                break
            left = None if left is None else left - len(block)
            self.received_bytes += len(block)
            if not self._is_wanted():
                return
            self._keep(block)
        if left:
            raise TruncatedBody(f"{address.host:.100} announced {left} bytes more than it sent.")
        if not self.received_bytes:
            raise EmptyFile(f"{address.host:.100} sent a file without content.")

    def _keep(self, block: bytes) -> None:
        try:
            self._write(block)
        except OSError as error:
            raise _NotWritten(error) from error


class _NotWritten(Exception):
    """The error of what takes the body: not one of the connection."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _validators(address: Address, response: HTTPResponse) -> Validators | None:
    etag, last_modified = (
        _validator(response.headers.get(name)) for name in ("ETag", "Last-Modified")
    )
    return Validators(address.digest, etag, last_modified) if etag or last_modified else None


def _validator(value: str | None) -> str | None:
    if value is None or len(value) > VALIDATOR_MAX_CHARACTERS:
        return None
    return value if value.isascii() and value.isprintable() else None


def _joined(address: Address, location: str) -> str:
    """Return an address that may be a relative one; what is none is refused as it is."""
    try:
        return urljoin(address.url, location)
    except ValueError:
        return location


def _location(sent: str) -> str:
    """Return an address as a header has it: http.client reads each byte as a character."""
    try:
        return sent.encode("latin-1").decode()
    except UnicodeError:
        return sent


def _unavailable(address: Address, why: str, *, is_passing: bool) -> NotFetched:
    detail = f"{address.host:.100} {why}; 0 bytes were received."
    return NotFetched(detail, retryable=is_passing)


def _as_upload(error: RequestError, received_bytes: int) -> NotFetched:
    """Return the error of a document whose upload would have ended in this one."""
    is_passing = isinstance(error, SlowBody | TruncatedBody)
    detail = error.detail
    if not isinstance(error, UrlNotAllowed):
        detail = f"{detail} {received_bytes} bytes were received."
    return NotFetched(detail, code=error.code, retryable=is_passing)
