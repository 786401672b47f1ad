"""One request to the service, its answer, and whether it may be sent again.

Nothing is sent here: a conversation (`ilios.client.conversations`) yields calls and pauses, and a
client carries them out, synchronously or not.
"""

from __future__ import annotations

import json
import random
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
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
"""What is behind a proxy may have done the work."""
OF_THE_MOMENT: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, *REPEATABLE)
"""Say nothing of an earlier try, which was under another limit, or before a key was revoked."""
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
    headers: Mapping[str, str] = field(default_factory=dict)  #: beside those of all calls
    key: str | None = None  #: the Idempotency-Key, of one that creates
    is_harmless: bool = False  #: of a POST: may be done twice, as to cancel something may
    seconds: float = 0.0  #: for which the service may hold the answer

    @property
    def creates(self) -> bool:
        """Whether a second one would create, and cost, once more."""
        return self.method == "POST" and not self.is_harmless

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again, whatever became of the first."""
        return not self.creates or self.key is not None


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
        """Return what the body says. Raises ApiError where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            detail = "The answer is no JSON: is this the address of an Ilios service?"
            raise ApiError(self.status, {"detail": detail}) from error


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
    is_in_doubt = False
    for tries in range(RETRIES + 1):
        reply = yield call
        if isinstance(reply, Reply) and reply.status < HTTPStatus.MULTIPLE_CHOICES:
            return reply
        is_in_doubt = is_in_doubt or (call.creates and _may_have_arrived(reply))
        if is_in_doubt and not call.is_repeatable:
            break
        try:
            wait = _pause(tries) if isinstance(reply, Broken) else _wait_after(reply, tries)
        except ApiError as error:
            if is_in_doubt and error.status in OF_THE_MOMENT:
                raise OutcomeUnknown(error.detail, call.key) from error
            raise
        if tries < RETRIES:
            yield Pause(wait)
    if is_in_doubt:
        raise OutcomeUnknown(_reason(reply), call.key)
    if isinstance(reply, Broken):
        raise Unreachable(f"The service does not answer: {reply.reason}")
    raise refusal(reply)


def _may_have_arrived(reply: Reply | Broken) -> bool:
    """Return whether the service may have got a request that has no answer of its own."""
    return reply.was_sent if isinstance(reply, Broken) else reply.status in OF_PROXIES


def _reason(reply: Reply | Broken) -> str:
    return reply.reason if isinstance(reply, Broken) else f"status {reply.status}"


def _wait_after(reply: Reply, tries: int) -> float:
    """Return how long to wait after a refusal. Raises it where nothing more is to be sent."""
    error = refusal(reply)
    told = _retry_after(reply) or 0.0
    is_temporary = reply.status in (*REPEATABLE, *OF_PROXIES) or error.code == IN_FLIGHT
    if not is_temporary or told > TOLD_MAX_SECONDS:
        raise error
    return max(told, _pause(tries))


def refusal(reply: Reply) -> ApiError:
    """Return the error that an answer is; a proxy's is no problem document."""
    problem: Any = None
    with suppress(ApiError):
        problem = reply.json()
    return ApiError(reply.status, problem if isinstance(problem, dict) else {})


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
