"""Places for the threads of a process that compute, which are few; threads that wait hold none.

The interpreter runs one thread at a time, and a thread that comes back from a statement or a system
call waits for the others that want to run. Among dozens, a transaction of 7 ms held the database's
write lock for 60 ms. With few at once it is as fast as alone, and owners take turns.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ilios.core.owner_places import OwnerPlaces

PLACES: Final = 2  #: one thread runs, the other is often in a statement, a hash or a file
GUEST_PLACES: Final = 1
PATIENCE_SECONDS: Final = 1.0
"""After so long a thread goes on without a place: those that hold them may be waiting too."""

_thread = threading.local()


class ComputingPlaces:
    """The places of one process."""

    def __init__(self) -> None:
        self._places = OwnerPlaces(PLACES, GUEST_PLACES)

    @contextmanager
    def held(self, owner: str) -> Iterator[None]:
        """Hold a place, except in `waiting`."""
        _thread.place = place = _Place(self._places, owner)
        place.take()
        try:
            yield
        finally:
            _thread.place = None
            place.give_back()


class _Place:
    """The place of a thread, which may have none for now."""

    def __init__(self, places: OwnerPlaces, owner: str) -> None:
        self._places = places
        self._owner = owner
        self._is_held = False

    def take(self) -> None:
        try:
            self._places.take(self._owner, PATIENCE_SECONDS)
        except TimeoutError:
            return
        self._is_held = True

    def give_back(self) -> bool:
        """Return whether it was held."""
        was_held, self._is_held = self._is_held, False
        if was_held:
            self._places.give_back(self._owner)
        return was_held


@contextmanager
def waiting() -> Iterator[None]:
    """Let another thread have this one's place, while this one waits or writes to the database."""
    place: _Place | None = getattr(_thread, "place", None)
    if place is None or not place.give_back():
        yield
        return
    try:
        yield
    finally:
        place.take()
