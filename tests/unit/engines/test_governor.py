"""How many calls may be in flight, by the outcomes of earlier ones.

Both governors: of a single node, and of a node of a cluster, as long as it has heard of no other.
"""

from __future__ import annotations

from functools import partial

import pytest

from ilios.cluster.shared_governor import SharedGovernor
from ilios.core.conversion_errors import (
    CorruptDocument,
    ModelUnavailable,
    OutcomeUnknown,
    PagesMissing,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
    RefusedByProvider,
)
from ilios.engines import governor
from ilios.engines.governor import ANSWERED, Governor, Outcome, ProviderReport, report_of

Subject = Governor | SharedGovernor
MOST = 32
FAILED = ProviderReport(Outcome.FAILED, "500")
WRONG_KEY = ProviderReport(Outcome.MISCONFIGURED, "Mistral refuses MISTRAL_API_KEY (401)")


def throttled(retry_after_seconds: float | None = None) -> ProviderReport:
    return ProviderReport(Outcome.THROTTLED, "429", retry_after_seconds)


class Clock:
    """A clock that changes only when a test changes it."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=[Governor, partial(SharedGovernor, "mistral")], ids=["one", "shared"])
def subject(request: pytest.FixtureRequest, clock: Clock) -> Subject:
    made: Subject = request.param(MOST, clock=clock)
    return made


def break_circuit(subject: Subject) -> None:
    for _ in range(governor.FAILURES_TO_OPEN):
        subject.record(FAILED)


def test_at_first_as_many_may_start_as_are_configured(subject: Subject) -> None:
    assert subject.may_start(0) == MOST
    assert subject.may_start(30) == 2
    assert subject.may_start(MOST) == 0
    assert subject.summary() == "ok"


def test_a_429_pauses_for_what_it_asks_and_halves_what_follows(
    subject: Subject, clock: Clock
) -> None:
    subject.record(throttled(7))

    assert (subject.may_start(0), subject.seconds_to_wait()) == (0, 7)
    assert subject.summary() == "paused: 429"
    clock.seconds += 7
    assert subject.may_start(0) == MOST / 2
    assert subject.summary() == f"slowed down: 16 of {MOST} jobs at once"


def test_simultaneous_429_count_once(subject: Subject, clock: Clock) -> None:
    for _ in range(MOST):
        subject.record(throttled(1))

    clock.seconds += 1
    assert subject.may_start(0) == MOST / 2


def test_retry_after_is_capped(subject: Subject) -> None:
    subject.record(throttled(86_400))

    assert subject.seconds_to_wait() == governor.MAX_PAUSE_SECONDS


def test_throttling_keeps_a_minimum_of_calls(subject: Subject, clock: Clock) -> None:
    for _ in range(20):
        subject.record(throttled())
        clock.seconds += governor.DEFAULT_PAUSE_SECONDS

    assert subject.may_start(0) == governor.LEAST_CALLS


def test_each_round_of_answers_allows_one_more_call(subject: Subject, clock: Clock) -> None:
    subject.record(throttled(1))
    clock.seconds += 1
    for _ in range(17):
        subject.record(ANSWERED)

    assert subject.may_start(0) == MOST / 2 + 1
    for _ in range(1_000):
        subject.record(ANSWERED)
    assert subject.may_start(0) == MOST


def test_failures_in_a_row_open_the_circuit(subject: Subject, clock: Clock) -> None:
    break_circuit(subject)

    assert subject.may_start(0) == 0
    clock.seconds += governor.OPEN_SECONDS
    assert (subject.may_start(3), subject.may_start(0), subject.may_start(1)) == (0, 1, 0)


def test_an_answer_in_between_keeps_it_closed(subject: Subject) -> None:
    for _ in range(5):
        for _ in range(governor.FAILURES_TO_OPEN - 1):
            subject.record(FAILED)
        subject.record(ANSWERED)

    assert subject.may_start(0) > 0


def test_a_failed_probe_doubles_the_pause_up_to_a_minute(subject: Subject, clock: Clock) -> None:
    break_circuit(subject)
    pauses = []
    for _ in range(6):
        pauses.append(subject.seconds_to_wait())
        clock.seconds += subject.seconds_to_wait()
        subject.record(FAILED)

    assert pauses == [5, 10, 20, 40, 60, 60]


def test_failures_of_calls_in_flight_do_not_prolong_an_open_circuit(subject: Subject) -> None:
    break_circuit(subject)
    for _ in range(MOST):
        subject.record(FAILED)

    assert subject.seconds_to_wait() == governor.OPEN_SECONDS


def test_a_probe_that_is_answered_closes_it(subject: Subject, clock: Clock) -> None:
    break_circuit(subject)
    clock.seconds += governor.OPEN_SECONDS

    subject.record(ANSWERED)

    assert subject.may_start(0) >= governor.LEAST_CALLS
    break_circuit(subject)
    assert subject.seconds_to_wait() == governor.OPEN_SECONDS


def test_a_wrong_setting_stops_everything_but_a_probe_each_minute(
    subject: Subject, clock: Clock
) -> None:
    subject.record(WRONG_KEY)

    assert subject.may_start(0) == 0
    assert subject.summary() == f"misconfigured: {WRONG_KEY.reason}"
    clock.seconds += governor.REPAIR_PROBE_SECONDS
    assert subject.may_start(0) == 1
    assert subject.summary() == f"misconfigured: {WRONG_KEY.reason}"
    subject.record(ANSWERED)
    assert subject.may_start(0) > 1


def test_without_a_key_nothing_ever_starts(clock: Clock) -> None:
    subject = Governor(MOST, "MISTRAL_API_KEY is not set", clock)
    clock.seconds += 1_000

    assert subject.may_start(0) == 0
    assert subject.summary() == "misconfigured: MISTRAL_API_KEY is not set"


@pytest.mark.parametrize(
    ("error", "report"),
    [
        (ProviderThrottled("429", 3), ProviderReport(Outcome.THROTTLED, "429", 3)),
        (ProviderMisconfigured("401"), ProviderReport(Outcome.MISCONFIGURED, "401")),
        (ProviderUnavailable("500"), ProviderReport(Outcome.FAILED, "500")),
        (OutcomeUnknown("reset"), ProviderReport(Outcome.FAILED, "reset")),
        (RefusedByProvider("no"), ANSWERED),
        (ModelUnavailable("no"), ANSWERED),
        (PagesMissing("two"), ANSWERED),
        (CorruptDocument("broken"), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_are_reported_as_outcomes_of_calls(
    error: Exception, report: ProviderReport | None
) -> None:
    assert report_of(error) == report  # type: ignore[arg-type]


@pytest.mark.parametrize("cause", [FAILED, WRONG_KEY], ids=["outage", "wrong key"])
def test_what_broke_the_circuit_blocks_calls_until_a_probe_has_an_answer(
    subject: Subject, clock: Clock, cause: ProviderReport
) -> None:
    assert subject.blocked_by() is None
    for _ in range(governor.FAILURES_TO_OPEN):
        subject.record(cause)
    assert subject.blocked_by() is cause.outcome

    clock.seconds += subject.seconds_to_wait()
    assert (subject.may_start(0), subject.blocked_by()) == (1, cause.outcome)
    subject.record(ANSWERED)

    assert subject.blocked_by() is None


def test_a_pause_blocks_calls_until_it_is_over(subject: Subject, clock: Clock) -> None:
    subject.record(throttled(3))
    assert subject.blocked_by() is Outcome.THROTTLED

    clock.seconds += 3

    assert subject.blocked_by() is None


def test_without_a_key_calls_are_blocked_for_good() -> None:
    assert Governor(MOST, "MISTRAL_API_KEY is not set").blocked_by() is Outcome.MISCONFIGURED
