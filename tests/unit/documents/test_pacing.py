"""Steps of several kinds of work, with pauses."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from ilios.documents import pacing
from ilios.documents.pacing import PAUSE_FACTOR, in_turns


class Clock:
    """A clock that steps and pauses advance."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def step(self, name: str, parts: int, took: list[str]) -> Callable[[], bool]:
        left = iter(range(parts - 1, -1, -1))

        def step() -> bool:
            took.append(name)
            self.now += 1
            return next(left) > 0

        return step


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pacing, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


def test_no_kind_of_work_waits_until_another_is_done(clock: Clock) -> None:
    took: list[str] = []
    steps = [clock.step("a", 3, took), clock.step("b", 1, took), clock.step("c", 2, took)]

    assert in_turns(steps, math.inf, clock.pause)

    assert took == ["a", "b", "c", "a", "c", "a"]
    assert clock.pauses == [PAUSE_FACTOR] * 3  # none after the last step of each


def test_what_is_left_when_time_is_up_is_left(clock: Clock) -> None:
    took: list[str] = []

    assert not in_turns([clock.step("a", 3, took)], 2 * (1 + PAUSE_FACTOR), clock.pause)

    assert took == ["a", "a"]
    assert not in_turns([clock.step("a", 1, took)], clock.now, clock.pause)
