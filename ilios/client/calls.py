"""One request to the service, its answer, and whether it may be sent again.

Nothing is sent here: a conversation (`ilios.client.conversations`) yields calls and pauses, and a
client carries them out, synchronously or not.
"""

from __future__ import annotations

import json
import random
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

from ilios.client.errors import ApiError, OutcomeUnknown, Unreachable
from ilios.client.uploads import Upload

T = TypeVar("T")

RETRIES: Final = 5  #: of a request, beside the first try
PAUSE_SECONDS: Final = 0.5  #: before the first of them; each further one is twice as long
PAUSE_MAX_SECONDS: Final = 30.0
TOLD_MAX_SECONDS: Final = 120.0
"""Of a `Retry-After` that is waited for; a longer one, such as that of a spent day, is an error."""
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
REPEATABLE: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
"""Nothing was created: a client is asked to come again."""
IN_FLIGHT: Final = "idempotency_in_flight"  #: the first of the same requests still arrives
OF_PROXIES: Final = (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)
"""What is behind a proxy may have done the work: repeated only where that does no harm."""
JITTER: Final = 0.2


@dataclass(frozen=True, slots=True)
class Call:
    """A request. One that creates is repeated in doubt only under its `key`."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    files: tuple[tuple[str, Upload], ...] = ()
    json: Mapping[str, Any] | None = None
    key: str | None = None  #: the Idempotency-Key
    seconds: float = 0.0  #: for which the service may hold the answer

    @property
    def is_repeatable(self) -> bool:
        """Whether a second one does no harm, whatever became of the first."""
        return self.method in ("GET", "DELETE") or self.key is not None


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is to be done for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call; after a pause an empty one."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Broken:
    """No answer came. `was_sent` is False where the service cannot have got the request."""

    reason: str
    was_sent: bool


Steps = Generator[Call | Pause, Reply | Broken, T]
"""A conversation: what is to be done next, until it returns its outcome."""


def answered(call: Call) -> Steps[Reply]:
    """Send a call, again where that is right, and return what was answered.

    Raises ApiError for a refusal, OutcomeUnknown and Unreachable.
    """
    for tries in range(RETRIES + 1):
        reply = yield call
        if isinstance(reply, Broken):
            _require_repeatable(call, reply)
            wait = _pause(tries)
        elif reply.status < HTTPStatus.MULTIPLE_CHOICES:
            return reply
        else:
            call, wait = _after_refusal(call, reply, tries)
        if tries < RETRIES:
            yield Pause(wait)
    if isinstance(reply, Broken):
        raise Unreachable(f"The service does not answer: {reply.reason}")
    raise refusal(reply)


def _require_repeatable(call: Call, broken: Broken) -> None:
    if broken.was_sent and not call.is_repeatable:
        raise OutcomeUnknown(
            f"The connection ended before the answer ({broken.reason}): the service may have "
            "created a document all the same. Look for it before you send the file again."
        )


def _after_refusal(call: Call, reply: Reply, tries: int) -> tuple[Call, float]:
    """Return what to send next, and when. Raises ApiError where nothing more is to be sent."""
    error = refusal(reply)
    if _key_is_unknown(call, error):
        return replace(call, key=None), 0.0
    told = _retry_after(reply)
    is_temporary = (
        reply.status in REPEATABLE
        or error.code == IN_FLIGHT
        or (reply.status in OF_PROXIES and call.is_repeatable)
    )
    if not is_temporary or (told or 0.0) > TOLD_MAX_SECONDS:
        raise error
    return call, max(told or 0.0, _pause(tries))


def refusal(reply: Reply) -> ApiError:
    """Return the error that an answer is; a proxy's is no problem document."""
    problem: Any = None
    with suppress(TypeError, ValueError):
        problem = reply.json()
    return ApiError(reply.status, problem if isinstance(problem, dict) else {})


def _key_is_unknown(call: Call, error: ApiError) -> bool:
    """Return whether a service of before the header refused it: then nothing was created."""
    return (
        call.key is not None
        and error.code == "option_unavailable"
        and error.detail.startswith(IDEMPOTENCY_KEY)
    )


def _pause(tries: int) -> float:
    seconds = min(PAUSE_SECONDS * 2.0**tries, PAUSE_MAX_SECONDS)
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # no secret


def _retry_after(reply: Reply) -> float | None:
    """Return the seconds that the service asks to wait, as a number or as a date."""
    text = reply.headers.get("retry-after", "")
    if text.isascii() and text.isdecimal():
        return float(text)
    with suppress(TypeError, ValueError):
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    return None
