"""Calls that are waited for only so long."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from ilios.core.bounded_calls import BoundedCall


def test_what_the_call_returns_is_returned() -> None:
    numbers = count(1)
    call = BoundedCall(lambda: next(numbers), 20)

    assert [call(), call()] == [1, 2]


def test_what_the_call_raises_is_raised() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    call = BoundedCall(fail, 20)

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            call()


def test_one_that_takes_too_long_is_given_up_and_no_other_is_begun() -> None:
    may_end = threading.Event()
    begun: list[None] = []

    def work() -> str:
        begun.append(None)
        may_end.wait()
        return "done"

    call = BoundedCall(work, 0.01)
    for _ in range(3):
        with pytest.raises(TimeoutError, match=r"no answer for 0\.01 s"):
            call()
    may_end.set()

    assert len(begun) == 1


def test_those_who_ask_meanwhile_share_an_answer() -> None:
    may_end = threading.Event()
    begun: list[None] = []

    def work() -> int:
        begun.append(None)
        may_end.wait()
        return len(begun)

    call = BoundedCall(work, 20)
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(call) for _ in range(4)]
        may_end.set()

        assert {one.result() for one in asked} <= {1, 2, 3, 4}
    assert call() == len(begun)
