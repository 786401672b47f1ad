"""The governor: how many calls the provider may have in flight, from what its answers say.

Additive increase, multiplicative decrease (Chiu and Jain 1989), as TCP finds its rate; and a
circuit breaker (Nygard, Release It!) with half-open probes for outages. Pure: it is told what
happened and asked how many calls may start; the supervisor's one thread owns it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ilios.core.conversion_errors import (
    BatchLaneClosed,
    ConversionError,
    ModelUnavailable,
    OutcomeUnknown,
    PagesMissing,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
    RefusedByProvider,
)

LEAST_CALLS = 4  #: throttling goes no lower: each 429 is free, and waiting for a probe is not
DECREASE = 0.5
DEFAULT_PAUSE_SECONDS = 1.0  #: after a 429 that names no Retry-After
MAX_PAUSE_SECONDS = 120.0  #: whatever Retry-After says
FAILURES_TO_OPEN = 10  #: in a row
OPEN_SECONDS = 5.0  #: doubles with each failed probe
MAX_OPEN_SECONDS = 60.0
REPAIR_PROBE_SECONDS = 60.0  #: between two looks at whether a wrong setting was repaired elsewhere


class Outcome(StrEnum):
    ANSWERED = "answered"  #: whatever the answer was, the provider works
    THROTTLED = "throttled"
    FAILED = "failed"  #: an outage, or no answer
    MISCONFIGURED = "misconfigured"  #: no call can succeed
    BATCH_CLOSED = "batch closed"  #: the batch lane refuses batches; single calls go on
    BATCH_OPEN = "batch open"  #: it has taken one


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """How a call to the provider ended; goes up the pipe with the end of its job."""

    outcome: Outcome
    reason: str = ""
    retry_after_seconds: float | None = None


ANSWERED = ProviderReport(Outcome.ANSWERED)


class Breaker(StrEnum):
    CLOSED = "closed"  #: calls go, as many as the limit allows
    OPEN = "open"  #: no call goes before the pause is over
    HALF_OPEN = "half-open"  #: one call looks whether it works again


@dataclass(frozen=True, slots=True)
class GovernorState:
    """Where a governor stands. `allowed` jobs may be in flight now, `most` when all is well."""

    breaker: Breaker
    allowed: int
    most: int
    wait_seconds: float  #: until the pause is over; 0 without one


def report_of(error: ConversionError) -> ProviderReport | None:
    """What an error says of the provider; None when it says nothing."""
    match error:
        case ProviderThrottled():
            return ProviderReport(Outcome.THROTTLED, error.detail, error.retry_after_seconds)
        case BatchLaneClosed():
            return ProviderReport(Outcome.BATCH_CLOSED, error.detail)
        case ProviderMisconfigured():
            return ProviderReport(Outcome.MISCONFIGURED, error.detail)
        case ProviderUnavailable() | OutcomeUnknown():
            return ProviderReport(Outcome.FAILED, error.detail)
        case PagesMissing() | RefusedByProvider() | ModelUnavailable():
            return ANSWERED
        case _:
            return None


class Governor:
    """Decides how many calls may start. `missing` names a setting without which none can."""

    def __init__(
        self, most: int, missing: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._least = min(LEAST_CALLS, most)
        self._limit = float(most)
        self._missing = missing
        self._clock = clock
        self._paused_until = 0.0
        self._paused_because = ""
        self._failures = 0
        self._open_seconds = OPEN_SECONDS
        self._broken = False  #: the circuit is open, or half-open once the pause is over
        self._batch_closed_because = ""

    def may_start(self, in_flight: int) -> int:
        """How many calls may start now, beside those in flight."""
        return max(0, self._allowed() - in_flight)

    def seconds_to_wait(self) -> float:
        """Until `may_start` may answer differently by itself; 0 when it would not."""
        return max(0.0, self._paused_until - self._clock())

    def standing(self) -> GovernorState:
        """For operators; `state` says why."""
        wait_seconds = self.seconds_to_wait()
        closed_for = self._missing or (self._broken and wait_seconds)
        breaker = Breaker.OPEN if closed_for else Breaker.CLOSED
        if self._broken and not closed_for:
            breaker = Breaker.HALF_OPEN
        return GovernorState(breaker, self._allowed(), self._most, wait_seconds)

    def hear(self, news: ProviderReport) -> None:
        """Take in how a call ended."""
        match news.outcome:
            case Outcome.ANSWERED:
                self._answered()
            case Outcome.THROTTLED:
                self._throttled(news)
            case Outcome.FAILED:
                self._failed(news)
            case Outcome.MISCONFIGURED:
                self._broken = True
                self._pause(REPAIR_PROBE_SECONDS, f"misconfigured: {news.reason}")
            case Outcome.BATCH_CLOSED:
                self._batch_closed_because = news.reason
                self._answered()
            case Outcome.BATCH_OPEN:
                self._batch_closed_because = ""
                self._answered()

    def state(self) -> str:
        """For `/health`: `ok`, or what is the matter."""
        if self._missing:
            return f"misconfigured: {self._missing}"
        if self._broken or self._clock() < self._paused_until:
            return self._paused_because
        if self._limit < self._most:
            return f"slowed down: {int(self._limit)} of {self._most} jobs at once"
        if self._batch_closed_because:
            return f"batch lane misconfigured: {self._batch_closed_because}"
        return "ok"

    def _allowed(self) -> int:
        if self._missing or self._clock() < self._paused_until:
            return 0
        return 1 if self._broken else int(self._limit)  # one: the probe

    def _answered(self) -> None:
        self._failures = 0
        if self._broken:
            self._broken = False
            self._open_seconds = OPEN_SECONDS
            self._paused_until = 0.0
            self._limit = float(self._least)
        # One more call in flight for each round of answers.
        self._limit = min(float(self._most), self._limit + 1 / self._limit)

    def _throttled(self, news: ProviderReport) -> None:
        self._failures = 0  # it answers, so it is up
        self._broken = False
        seconds = news.retry_after_seconds or DEFAULT_PAUSE_SECONDS
        if self._clock() >= self._paused_until:
            # The calls that were in flight with this one say the same thing: counted once.
            self._limit = max(float(self._least), self._limit * DECREASE)
        self._pause(min(seconds, MAX_PAUSE_SECONDS), f"paused: {news.reason}")

    def _failed(self, news: ProviderReport) -> None:
        self._failures += 1
        if self._broken and self._clock() >= self._paused_until:
            self._open_seconds = min(MAX_OPEN_SECONDS, self._open_seconds * 2)
            self._pause(self._open_seconds, f"paused: {news.reason}")
        elif not self._broken and self._failures >= FAILURES_TO_OPEN:
            self._broken = True
            self._pause(self._open_seconds, f"paused: {news.reason}")

    def _pause(self, seconds: float, because: str) -> None:
        until = self._clock() + seconds
        if until >= self._paused_until:
            self._paused_until = until
            self._paused_because = because
