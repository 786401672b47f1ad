"""The governor: how many calls the provider may have in flight, from what its answers say.

Additive increase, multiplicative decrease (Chiu and Jain 1989), as TCP finds its rate; and a
circuit breaker (Nygard, Release It!) with half-open probes for outages. Pure: it takes reports and
answers how many calls may start. Not thread-safe: the supervisor's one thread owns it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

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

LEAST_CALLS = 4  #: throttling goes no lower: a 429 costs nothing, a pause until a probe does
DECREASE = 0.5
DEFAULT_PAUSE_SECONDS = 1.0  #: after a 429 that names no Retry-After
MAX_PAUSE_SECONDS = 120.0  #: whatever Retry-After says
FAILURES_TO_OPEN = 10  #: in succession
OPEN_SECONDS = 5.0  #: doubles with each failed probe
MAX_OPEN_SECONDS = 60.0
REPAIR_PROBE_SECONDS = 60.0  #: between probes whether the provider's side was repaired


class Outcome(StrEnum):
    """What the end of a call says about the provider."""

    ANSWERED = "answered"  #: whatever the answer was, the provider works
    THROTTLED = "throttled"
    FAILED = "failed"  #: an outage, or no answer
    MISCONFIGURED = "misconfigured"  #: no call can succeed
    BATCH_CLOSED = "batch closed"  #: the batch lane refuses batches; single calls go on
    BATCH_OPEN = "batch open"  #: it has taken one


class ProviderReport(NamedTuple):
    """How a call to the provider ended; goes up the pipe with the end of its job.

    See ilios.workers.messages for the kind of class.
    """

    outcome: Outcome
    reason: str = ""
    retry_after_seconds: float | None = None


ANSWERED = ProviderReport(Outcome.ANSWERED)


class BreakerState(StrEnum):
    """State of the circuit breaker."""

    CLOSED = "closed"  #: calls go, as many as the limit allows
    OPEN = "open"  #: no call goes before the pause is over
    HALF_OPEN = "half-open"  #: one call probes whether the provider works again


@dataclass(frozen=True, slots=True)
class GovernorState:
    """A snapshot of a governor: `allowed` jobs may be in flight now, `most` when all is well."""

    breaker: BreakerState
    allowed: int
    most: int
    wait_seconds: float  #: until the pause is over; 0 without one


@dataclass(frozen=True, slots=True)
class Memory:
    """What a governor has learnt: with it, and the same clock, another one goes on.

    `limit` is None while as many calls may be in flight as there are to be had.
    """

    limit: float | None = None
    paused_until: float = 0.0
    paused_because: str = ""
    paused_by: Outcome = Outcome.ANSWERED
    failures: int = 0
    open_seconds: float = OPEN_SECONDS
    broken: bool = False
    batch_closed_because: str = ""


def report_of(error: ConversionError) -> ProviderReport | None:
    """Return what an error says about the provider; None when it says nothing."""
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
    """Decides how many calls may start, at most `most` in flight.

    `missing` names a setting without which no call can succeed; None when there is none.
    """

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
        self._paused_by = Outcome.ANSWERED  #: what the last pause began with
        self._failures = 0
        self._open_seconds = OPEN_SECONDS
        self._broken = False  #: the circuit is open, or half-open once the pause is over
        self._batch_closed_because = ""

    def memory(self) -> Memory:
        """Return what this governor has learnt."""
        return Memory(
            None if self._limit >= self._most else self._limit,
            self._paused_until,
            self._paused_because,
            self._paused_by,
            self._failures,
            self._open_seconds,
            self._broken,
            self._batch_closed_because,
        )

    def recall(self, memory: Memory, most: int) -> None:
        """Go on with what another governor has learnt, and at most `most` calls in flight."""
        self._most, self._least = most, min(LEAST_CALLS, most)
        self._limit = float(most if memory.limit is None else min(most, memory.limit))
        self._paused_until = memory.paused_until
        self._paused_because = memory.paused_because
        self._paused_by = memory.paused_by
        self._failures = memory.failures
        self._open_seconds = memory.open_seconds
        self._broken = memory.broken
        self._batch_closed_because = memory.batch_closed_because

    def may_start(self, in_flight: int) -> int:
        """Return how many calls may start now, beside those in flight."""
        return max(0, self._allowed() - in_flight)

    def blocked_by(self) -> Outcome | None:
        """Return what keeps calls waiting: MISCONFIGURED, THROTTLED, FAILED or nothing (None).

        While a probe looks whether the provider works again, that is still what broke it.
        """
        if self._missing:
            return Outcome.MISCONFIGURED
        if self._broken or self._clock() < self._paused_until:
            return self._paused_by
        return None

    def seconds_to_wait(self) -> float:
        """Return seconds until `may_start` may change without a report; 0 when it would not."""
        return max(0.0, self._paused_until - self._clock())

    def current_state(self) -> GovernorState:
        """Return the numbers for operators; `summary` says why."""
        wait_seconds = self.seconds_to_wait()
        closed_for = self._missing or (self._broken and wait_seconds)
        breaker = BreakerState.OPEN if closed_for else BreakerState.CLOSED
        if self._broken and not closed_for:
            breaker = BreakerState.HALF_OPEN
        return GovernorState(breaker, self._allowed(), self._most, wait_seconds)

    def record(self, report: ProviderReport) -> None:
        """Take in how a call ended."""
        match report.outcome:
            case Outcome.ANSWERED:
                self._answered()
            case Outcome.THROTTLED:
                self._throttled(report)
            case Outcome.FAILED:
                self._failed(report)
            case Outcome.MISCONFIGURED:
                self._broken = True
                self._pause(REPAIR_PROBE_SECONDS, report)
            case Outcome.BATCH_CLOSED:
                self._batch_closed_because = report.reason
                self._answered()
            case Outcome.BATCH_OPEN:
                self._batch_closed_because = ""
                self._answered()

    def summary(self) -> str:
        """Return `ok`, or the reason why calls are held back, for `/health`."""
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

    def _throttled(self, report: ProviderReport) -> None:
        self._failures = 0  # it answers, so it is up
        self._broken = False
        seconds = report.retry_after_seconds or DEFAULT_PAUSE_SECONDS
        if self._clock() >= self._paused_until:
            # The calls that were in flight with this one say the same thing: counted once.
            self._limit = max(float(self._least), self._limit * DECREASE)
        self._pause(min(seconds, MAX_PAUSE_SECONDS), report)

    def _failed(self, report: ProviderReport) -> None:
        self._failures += 1
        if self._broken and self._clock() >= self._paused_until:
            self._open_seconds = min(MAX_OPEN_SECONDS, self._open_seconds * 2)
            self._pause(self._open_seconds, report)
        elif not self._broken and self._failures >= FAILURES_TO_OPEN:
            self._broken = True
            self._pause(self._open_seconds, report)

    def _pause(self, seconds: float, report: ProviderReport) -> None:
        until = self._clock() + seconds
        if until >= self._paused_until:
            word = "misconfigured" if report.outcome is Outcome.MISCONFIGURED else "paused"
            self._paused_until = until
            self._paused_because = f"{word}: {report.reason}"
            self._paused_by = report.outcome
