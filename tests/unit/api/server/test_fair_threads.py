"""Threads that callers share: who gets how many, and who is next."""

from __future__ import annotations

from functools import partial

import pytest

from ilios.api.server.callers import NO_KEY
from ilios.api.server.fair_threads import FairThreads

THREADS = 64


@pytest.fixture
def run() -> list[str]:
    """Return the callers of what was run, in this order."""
    return []


@pytest.fixture
def threads() -> FairThreads:
    return FairThreads("test", THREADS)


def ask(threads: FairThreads, run: list[str], caller: str, times: int = THREADS) -> int:
    """Submit requests that never end; return how many of the caller's run."""
    for _ in range(times):
        threads.submit(caller, lambda: run.append(caller))
    return run.count(caller)


def test_each_caller_gets_at_most_half_of_what_the_others_leave(
    threads: FairThreads, run: list[str]
) -> None:
    got = partial(ask, threads, run)
    assert [got(caller) for caller in "abcdefgh"] == [32, 16, 8, 4, 2, 1, 1, 0]


def test_callers_without_a_key_leave_some_to_those_with_one(
    threads: FairThreads, run: list[str]
) -> None:
    assert ask(threads, run, NO_KEY, 2 * THREADS) == 56
    assert ask(threads, run, "a") == 4
    assert ask(threads, run, "b") == 2


def test_those_without_a_key_get_one_whatever_others_hold(
    threads: FairThreads, run: list[str]
) -> None:
    for caller in "abc":
        ask(threads, run, caller)
    assert ask(threads, run, NO_KEY) == 1


def test_callers_that_wait_take_turns(run: list[str]) -> None:
    threads = FairThreads("test", 1)
    for caller in "aaabb":
        ask(threads, run, caller, 1)
    for _ in range(4):
        threads.release(run[-1])
    assert "".join(run) == "aabab"


def test_a_caller_alone_runs_all_of_its_requests_in_their_order(run: list[str]) -> None:
    threads = FairThreads("test", 2)
    for number in range(5):
        threads.submit("a", partial(run.append, str(number)))
    for _ in range(5):
        threads.release("a")
    assert "".join(run) == "01234"
