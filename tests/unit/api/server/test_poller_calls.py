"""What threads have the poller do: all of it is called, and one byte wakes for many."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ilios.api.server.poller_calls import PollerCalls

MANY = 200


@pytest.fixture
def calls() -> Iterator[PollerCalls]:
    calls = PollerCalls()
    calls.init()
    yield calls
    calls.close()


def wake_ups(calls: PollerCalls) -> bytes:
    try:
        return os.read(calls.fileno(), 4096)
    except BlockingIOError:
        return b""


def test_one_byte_wakes_for_all_that_came_before_the_poller_looked(calls: PollerCalls) -> None:
    called: list[int] = []
    for number in range(MANY):
        calls.defer(called.append, number)
    assert len(wake_ups(calls)) == 1
    calls.run_callbacks(None)
    assert called == list(range(MANY))


def test_what_comes_after_the_look_wakes_again(calls: PollerCalls) -> None:
    called: list[str] = []
    calls.defer(calls.defer, called.append, "later")
    calls.run_callbacks(None)
    assert not called
    assert len(wake_ups(calls)) == 1
    calls.run_callbacks(None)
    assert called == ["later"]
