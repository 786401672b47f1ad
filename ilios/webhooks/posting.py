"""One attempt: a POST to an address that the guard allows, within bounds of time and size.

Redirects are not followed, and nothing is kept of the answer but its status.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from typing import Final

from ilios.core.conversion_errors import NotFetched
from ilios.core.url_errors import UrlNotAllowed
from ilios.outbound import addresses, connections
from ilios.outbound.connections import OutOfTime, Patience, TooLong
from ilios.outbound.guard import Guard

CONNECT_SECONDS: Final = 5.0
ATTEMPT_SECONDS_MAX: Final = 15.0  #: from the connection to the status; names are looked up before
REST_SECONDS: Final = 1.0  #: for which the rest of an answer is read, so that nothing is cut off
REST_MAX_BYTES: Final = 64 * 1024  #: of it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt has brought: `error` is None for a success, else a word for it."""

    status: int | None  #: of the answer, if there was one
    error: str | None


def post(guard: Guard, url: str, headers: Mapping[str, str], content: bytes) -> Outcome:
    """Send an event, and say what came of it. Raises nothing that a receiver could cause."""
    try:
        return _of_status(_exchange(guard, url, headers, content))
    except UrlNotAllowed as error:
        return Outcome(None, error.code)
    except NotFetched:
        return Outcome(None, "name_not_found")
    except ssl.SSLError:
        return Outcome(None, "tls")
    except (OutOfTime, TimeoutError):
        return Outcome(None, "timeout")
    except (HTTPException, TooLong):
        return Outcome(None, "no_http")
    except OSError:
        return Outcome(None, "connection")


def _of_status(status: int) -> Outcome:
    if status == HTTPStatus.GONE:
        return Outcome(status, "gone")
    return Outcome(status, None if status // 100 == 2 else "refused")


def _exchange(guard: Guard, url: str, headers: Mapping[str, str], content: bytes) -> int:
    """Return the status of the answer, once the rest of it has come or time is over."""
    address = addresses.parse(url)
    places = guard.places(address)
    patience = Patience(CONNECT_SECONDS, ATTEMPT_SECONDS_MAX, ATTEMPT_SECONDS_MAX)
    deadline = time.monotonic() + ATTEMPT_SECONDS_MAX
    with connections.connected(address, places, patience, deadline) as connection:
        connection.send(address, headers, content)
        status = connection.head(REST_MAX_BYTES).status
        connection.discard(REST_MAX_BYTES, REST_SECONDS)
        return status
