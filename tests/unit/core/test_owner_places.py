"""Places that owners share: who gets one, and who waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from ilios.core.owner_places import OwnerPlaces, guest_places
from tests.support.waiting import wait_until

TIMEOUT_S = 20.0


class Holder:
    """Takes a place in a thread of its own, and holds it until it is released."""

    def __init__(self, places: OwnerPlaces, owner: str, taken: list[str]) -> None:
        self._release = threading.Event()
        self._places, self._owner, self._taken = places, owner, taken
        self.has_place = False
        self._thread = threading.Thread(target=self._hold)
        self._thread.start()

    def release(self) -> None:
        self.may_end()
        self._thread.join(TIMEOUT_S)

    def may_end(self) -> None:
        """Hold no place from now on, had or still to come."""
        self._release.set()

    def _hold(self) -> None:
        with self._places.held(self._owner):
            self._taken.append(self._owner)
            self.has_place = True
            self._release.wait(TIMEOUT_S)


Hold = Callable[[str], Holder]


@pytest.fixture
def places() -> OwnerPlaces:
    return OwnerPlaces(ordinary=2, guests=1)


@pytest.fixture
def taken() -> list[str]:
    """Owners, in the order in which they were given places."""
    return []


@pytest.fixture
def hold(places: OwnerPlaces, taken: list[str]) -> Iterator[Hold]:
    """Start a holder; it has asked for its place when this returns."""
    holders: list[Holder] = []

    def start(owner: str) -> Holder:
        known = len(places._waiting) + len(taken)
        holders.append(Holder(places, owner, taken))
        wait_until(lambda: len(places._waiting) + len(taken) > known, TIMEOUT_S)
        return holders[-1]

    yield start
    for holder in holders:  # all of them first: one that waits needs the place of another
        holder.may_end()
    for holder in holders:
        holder.release()


def has_taken(taken: list[str], count: int) -> bool:
    return len(taken) == count


def has_none(places: OwnerPlaces, owner: str) -> bool:
    """Return whether the owner is given no place at once."""
    try:
        with places.held(owner, timeout_seconds=0):
            return False
    except TimeoutError:
        return True


def test_one_owner_has_all_ordinary_places_and_no_guest_place(
    hold: Hold, places: OwnerPlaces, taken: list[str]
) -> None:
    hold("a")
    hold("a")

    assert has_none(places, "a")
    assert not has_none(places, "b")
    assert taken == ["a", "a"]


def test_a_guest_place_holds_one_owner_once(hold: Hold, places: OwnerPlaces) -> None:
    hold("a")
    hold("a")
    guest = hold("b")

    assert guest.has_place
    assert has_none(places, "b")
    assert has_none(places, "c")


def test_owners_that_wait_take_turns_however_many_of_one_came_before(
    hold: Hold, taken: list[str]
) -> None:
    running = [hold("a"), hold("a"), hold("b")]
    for owner in ("a", "a", "b", "a", "c"):
        hold(owner)

    for number, holder in enumerate(running, start=1):
        holder.release()
        wait_until(partial(has_taken, taken, 3 + number), TIMEOUT_S)

    assert taken == ["a", "a", "b", "c", "a", "b"]


def test_who_has_stopped_waiting_is_not_given_a_place(hold: Hold, places: OwnerPlaces) -> None:
    running = [hold("a"), hold("a"), hold("b")]
    assert has_none(places, "c")

    for holder in running:
        holder.release()

    assert (places._waiting, places._held, places._taken, places._last_turns) == ([], {}, 0, {})


@pytest.mark.parametrize(("ordinary", "guests"), [(1, 1), (7, 1), (16, 2), (24, 3)])
def test_there_is_a_guest_place_for_eight_others_and_at_least_one(
    ordinary: int, guests: int
) -> None:
    assert guest_places(ordinary) == guests
