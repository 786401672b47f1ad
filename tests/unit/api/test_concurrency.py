"""How many slots the requests of one key may hold, and what is left for others."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from ilios.accounts.keys import ANONYMOUS
from ilios.api.concurrency import WaitSlots
from ilios.core.request_errors import Busy

SLOTS = 64


def conversions(slots: WaitSlots, taken: ExitStack, owner: str) -> int:
    """Take all the slots that an owner gets; return how many."""
    number = 0
    while True:
        try:
            taken.enter_context(slots.for_conversion(owner))
        except Busy:
            return number
        number += 1


def test_each_key_takes_at_most_half_of_what_the_others_leave() -> None:
    slots = WaitSlots(SLOTS)
    with ExitStack() as taken:
        assert [conversions(slots, taken, owner) for owner in "abcd"] == [32, 16, 8, 4]

        with pytest.raises(Busy), slots.for_estimate("a"):
            pass
        with slots.for_estimate("e"):
            pass
    with ExitStack() as taken:
        assert conversions(slots, taken, "d") == SLOTS // 2


def uploads(slots: WaitSlots, taken: ExitStack, owner: str) -> int:
    """Begin all the uploads that an owner may; return how many."""
    number = 0
    while True:
        try:
            taken.enter_context(slots.for_upload(owner))
        except Busy:
            return number
        number += 1


def test_the_uploads_of_a_key_leave_some_to_the_next_whatever_conversions_wait() -> None:
    slots = WaitSlots(SLOTS)
    with ExitStack() as taken:
        conversions(slots, taken, "a")
        assert [uploads(slots, taken, owner) for owner in "abcd"] == [32, 16, 8, 4]
    with ExitStack() as taken:
        assert uploads(slots, taken, ANONYMOUS) == SLOTS // 2


def test_without_keys_nobody_else_waits() -> None:
    with ExitStack() as taken:
        assert conversions(WaitSlots(SLOTS), taken, ANONYMOUS) == SLOTS


def test_polls_without_a_slot_wait_not_at_all_and_leave_slots_to_conversions() -> None:
    slots = WaitSlots(SLOTS)
    with ExitStack() as taken:
        waits = [taken.enter_context(slots.for_poll("a", 60)) for _ in range(200)]

        assert waits == [60] * (SLOTS // 4) + [0] * (200 - SLOTS // 4)
        assert taken.enter_context(slots.for_poll("b", 60)) == 60
        assert conversions(slots, taken, "b") > SLOTS // 4
    with slots.for_poll("a", 5) as seconds:
        assert seconds == 5
