"""Requests per minute: never more than the quota in any 60 seconds, in all processes and nodes."""

from __future__ import annotations

import multiprocessing
import random
from multiprocessing.context import SpawnContext
from pathlib import Path

import pytest

from ilios.accounts.rate_limits import WINDOW_NS, RateLimits, RequestRates
from ilios.accounts.shared_rates import SharedRates
from ilios.db.database import Database

pytestmark = pytest.mark.both_databases
SECOND = 10**9
QUOTA = 50
PROCESSES = 4


class Clock:
    def __init__(self) -> None:
        self.now_ns = 1000 * SECOND

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(database: Database, tmp_path: Path, clock: Clock) -> RateLimits:
    """Provide what counts on one host, and what counts for all nodes of a cluster."""
    if database.is_remote:
        return SharedRates(database, clock)
    return RequestRates(tmp_path, clock)


def test_a_quota_is_used_up_and_comes_back_request_by_request(
    rates: RateLimits, clock: Clock
) -> None:
    assert [rates.count("a", 3).remaining for _ in range(3)] == [2, 1, 0]
    clock.now_ns += 10 * SECOND
    refused = rates.count("a", 3)
    assert (refused.is_allowed, refused.remaining, refused.reset_seconds) == (False, 0, 50)

    clock.now_ns += 50 * SECOND

    assert rates.count("a", 3).is_allowed


def test_any_window_of_a_minute_holds_at_most_the_quota(
    rates: RateLimits, clock: Clock, database: Database
) -> None:
    chance = random.Random(1)  # noqa: S311
    allowed: list[int] = []
    rounds = 1000 if database.is_remote else 3000  # each asks the server
    for _ in range(rounds):
        clock.now_ns += chance.randrange(3 * SECOND)
        if rates.count("a", 7).is_allowed:
            allowed.append(clock.now_ns)

    assert len(allowed) > rounds / 10
    for earlier, later in zip(allowed, allowed[7:], strict=False):
        assert later - earlier >= WINDOW_NS


def test_keys_do_not_count_for_each_other(rates: RateLimits) -> None:
    assert rates.count("a", 1).is_allowed
    assert rates.count("b", 1).is_allowed
    assert not rates.count("a", 1).is_allowed


def test_a_clock_that_begins_anew_is_a_fresh_start(rates: RateLimits, clock: Clock) -> None:
    rates.count("a", 1)

    clock.now_ns = 5 * SECOND  # the machine was restarted; or the server's clock was put right

    assert rates.count("a", 1).is_allowed
    assert not rates.count("a", 1).is_allowed


def test_another_quota_begins_anew(rates: RateLimits) -> None:
    assert rates.count("a", 1).is_allowed

    assert [rates.count("a", 2).is_allowed for _ in range(3)] == [True, True, False]


def test_a_disk_that_cannot_be_written_refuses_no_request(tmp_path: Path) -> None:
    assert RequestRates(tmp_path / "missing").count("a", 1).is_allowed


def count_many(folder: Path, results: multiprocessing.SimpleQueue[int]) -> None:
    rates = RequestRates(folder)
    results.put(sum(rates.count("a", QUOTA).is_allowed for _ in range(QUOTA)))


def test_processes_count_together(tmp_path: Path) -> None:
    spawn: SpawnContext = multiprocessing.get_context("spawn")
    results = spawn.SimpleQueue()
    processes = [spawn.Process(target=count_many, args=(tmp_path, results))
                 for _ in range(PROCESSES)]  # fmt: skip
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert sum(results.get() for _ in processes) == QUOTA
