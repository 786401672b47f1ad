"""The governor of a cluster: what one node learns of the provider, all know."""

from __future__ import annotations

from contextlib import suppress

import pytest

from ilios.cluster import provider_state
from ilios.cluster.shared_governor import SharedGovernor
from ilios.core import clock
from ilios.db.postgres.database import PostgresDatabase
from ilios.engines import governor
from ilios.engines.governor import ANSWERED, BreakerState, Outcome, ProviderReport

LANE = "mistral"
MOST = 16  #: jobs of each node
THROTTLED = ProviderReport(Outcome.THROTTLED, "429", 0.001)
FAILED = ProviderReport(Outcome.FAILED, "500")
WRONG_KEY = ProviderReport(Outcome.MISCONFIGURED, "Mistral refuses MISTRAL_API_KEY (401)")


class Pair:
    """Two nodes, which say and learn something when a test says so."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.database = database
        self.first, self.second = SharedGovernor(LANE, MOST), SharedGovernor(LANE, MOST)
        for name, one in (("a", self.first), ("b", self.second)):
            one.see(name, {"a": MOST, "b": MOST})

    def exchange(self, *those: SharedGovernor) -> None:
        for one in those or (self.first, self.second):
            with self.database.writing() as session:
                one.exchange(session)
            one.said()


@pytest.fixture
def pair(shared: PostgresDatabase) -> Pair:
    return Pair(shared)


def test_at_first_each_node_runs_what_it_can(pair: Pair) -> None:
    pair.exchange()

    assert (pair.first.may_start(0), pair.second.may_start(10)) == (MOST, 6)
    assert pair.first.summary() == "ok"


def test_a_429_of_one_node_halves_what_all_may_run(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.exchange()
    pair.first.record(THROTTLED)
    was_urgent = pair.first.is_urgent

    pair.exchange(pair.first, pair.second)

    assert (was_urgent, pair.first.is_urgent) == (True, False)
    assert pair.second.blocked_by() in (Outcome.THROTTLED, None)  # for a millisecond
    later = clock.now().timestamp() + 1
    monkeypatch.setattr("ilios.cluster.shared_governor._seconds", lambda: later)
    both = Pair(pair.database)
    both.exchange()
    assert (both.first.may_start(0), both.second.may_start(0)) == (MOST // 2, MOST // 2)
    assert both.second.summary() == f"slowed down: {MOST} of {2 * MOST} jobs at once"


def test_failures_of_all_nodes_in_a_row_open_the_circuit_and_one_node_probes(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.exchange()
    for _ in range(governor.FAILURES_TO_OPEN // 2):
        pair.first.record(FAILED)
        pair.second.record(FAILED)
    pair.exchange(pair.first, pair.second, pair.first)
    for one in (pair.first, pair.second):
        assert one.current_state().breaker is BreakerState.OPEN
        assert one.may_start(0) == 0
        assert one.blocked_by() is Outcome.FAILED

    later = clock.now().timestamp() + governor.OPEN_SECONDS + 1
    monkeypatch.setattr("ilios.cluster.shared_governor._seconds", lambda: later)
    both = Pair(pair.database)
    both.exchange()
    assert both.first.may_start(0) + both.second.may_start(0) == 1
    both.first.record(ANSWERED)
    both.exchange(both.first, both.second)
    assert both.second.current_state().breaker is BreakerState.CLOSED
    assert 0 < both.first.may_start(0) + both.second.may_start(0) < governor.LEAST_CALLS + 2


def test_a_wrong_key_of_one_node_stops_that_one_alone(pair: Pair) -> None:
    pair.exchange()
    pair.first.record(WRONG_KEY)

    pair.exchange()

    assert pair.first.blocked_by() is Outcome.MISCONFIGURED
    assert pair.first.may_start(0) == 0
    assert pair.second.blocked_by() is None
    assert pair.second.may_start(0) == MOST


def test_answers_that_teach_nothing_are_not_written(pair: Pair) -> None:
    pair.exchange()
    for _ in range(100):
        pair.first.record(ANSWERED)

    pair.exchange()

    with pair.database.watching() as watch:
        assert watch.driver.execute("SELECT count(*) FROM provider_state").fetchone() == (0,)


def test_what_was_not_committed_is_said_again(pair: Pair) -> None:
    pair.exchange()
    for _ in range(governor.FAILURES_TO_OPEN):
        pair.first.record(FAILED)
    with suppress(RuntimeError), pair.database.writing() as session:
        pair.first.exchange(session)
        raise RuntimeError

    pair.exchange()

    with pair.database.watching() as watch:
        known = provider_state.read(watch, LANE)
    assert known.broken
    assert pair.second.blocked_by() is Outcome.FAILED


def test_nodes_that_claim_nothing_leave_their_share_to_the_others(pair: Pair) -> None:
    pair.exchange()
    pair.first.record(ProviderReport(Outcome.THROTTLED, "429", 60.0))
    pair.first.see("a", {"a": 0, "b": 0})
    pair.exchange()

    assert pair.first.may_start(0) == 0  # the provider's pause holds for a drained node too
