"""Places that owners share: however many one of them wants, the next owner finds one.

There are ordinary places, and guest places beside them, which only an owner that holds none may
take. So nobody holds all while another waits, and a lone owner has all the ordinary ones.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from ilios.core.wakeup import Wakeup

PLACES_PER_GUEST_PLACE: Final = 8
OWNER_SHARE: Final = 2  #: where nobody waits, one owner gets one in so many of what others leave


def guest_places(ordinary: int) -> int:
    """Return how many guest places there are beside so many ordinary ones: at least one."""
    return max(1, ordinary // PLACES_PER_GUEST_PLACE)


def share(held: Counter[str], owner: str, total: int) -> int:
    """Return how many of `total` an owner may hold: half of what the others leave, rounded up."""
    left = total - (held.total() - held[owner])
    return -(-left // OWNER_SHARE)


@dataclass(slots=True, eq=False)
class _Waiter:
    owner: str
    admitted: Wakeup = field(default_factory=Wakeup)


class OwnerPlaces:
    """The places of one process, for its threads. Owners that wait take turns."""

    def __init__(self, ordinary: int, guests: int) -> None:
        self._ordinary = ordinary
        self._guests = guests
        self._held: dict[str, int] = {}  #: places, by owner that has any
        self._taken = 0  #: places in all
        self._waiting: list[_Waiter] = []  #: in the order of their arrival
        self._turns = itertools.count(1)
        self._last_turns: dict[str, int] = {}  #: of owners that hold or await a place
        self._lock = threading.Lock()

    def resize(self, ordinary: int, guests: int) -> None:
        """Have as many places from now on; those that are taken beyond them stay so."""
        with self._lock:
            self._ordinary, self._guests = ordinary, guests
            self._admit()

    @property
    def taken(self) -> int:
        """How many places are taken."""
        return self._taken

    @contextmanager
    def held(self, owner: str, timeout_seconds: float | None = None) -> Iterator[None]:
        """Hold a place; wait for one if need be.

        Raises TimeoutError when none has become free within `timeout_seconds`.
        """
        self.take(owner, timeout_seconds)
        try:
            yield
        finally:
            self.give_back(owner)

    def take(self, owner: str, timeout_seconds: float | None = None) -> None:
        """Take a place, as `held` does."""
        with self._lock:
            if not self._waiting and self._has_room(owner):
                self._enter(owner)
                return
            waiter = _Waiter(owner)
            self._waiting.append(waiter)
            self._admit()
        if waiter.admitted.wait(timeout_seconds):
            return
        with self._lock:
            if waiter.admitted.wait(0):  # after the wait has ended
                return
            self._waiting.remove(waiter)
            self._forget(owner)
        raise TimeoutError

    def give_back(self, owner: str) -> None:
        """Give a place back that was taken for the owner."""
        with self._lock:
            self._taken -= 1
            if self._held[owner] == 1:
                del self._held[owner]
            else:
                self._held[owner] -= 1
            self._admit()
            self._forget(owner)

    def _admit(self) -> None:
        while self._waiting and (waiter := self._next()) is not None:
            self._waiting.remove(waiter)
            self._enter(waiter.owner)
            waiter.admitted.set()

    def _enter(self, owner: str) -> None:
        self._taken += 1
        self._held[owner] = self._held.get(owner, 0) + 1
        self._last_turns[owner] = next(self._turns)

    def _next(self) -> _Waiter | None:
        """Return who goes next: of those that may, the owner whose last turn is longest ago."""
        if self._taken >= self._ordinary + self._guests:
            return None
        may = (one for one in self._waiting if self._has_room(one.owner))
        return min(may, key=lambda one: self._last_turns.get(one.owner, 0), default=None)

    def _has_room(self, owner: str) -> bool:
        if self._taken < self._ordinary:
            return True
        return self._taken < self._ordinary + self._guests and owner not in self._held

    def _forget(self, owner: str) -> None:
        if owner not in self._held and all(one.owner != owner for one in self._waiting):
            self._last_turns.pop(owner, None)
