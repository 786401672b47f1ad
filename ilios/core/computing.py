"""Places for the threads of a process that compute, which are few; threads that wait hold none.

The interpreter runs one thread at a time, and a thread that comes back from a statement or a system
call waits for the others that want to run. Among dozens, a transaction of 7 ms held the database's
write lock for 60 ms. With few at once it is as fast as alone, and owners take turns.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
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

    def held(self, owner: str) -> AbstractContextManager[None]:
        """Hold a place, except in `waiting`."""
        return _Place(self._places, owner)


class _Place:
    """The place of a thread, which may have none for now."""

    def __init__(self, places: OwnerPlaces, owner: str) -> None:
        self._places = places
        self._owner = owner
        self._is_held = False

    def __enter__(self) -> None:
        _thread.place = self
        self.take()

    def __exit__(self, *_: object) -> None:
        _thread.place = None
        self.give_back()

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


class waiting:  # noqa: N801  # used like a function; as a generator it takes thrice as long
    """Let another thread have this one's place, while this one waits or writes to the database."""

    def __enter__(self) -> None:
        place: _Place | None = getattr(_thread, "place", None)
        self._place = place if place is not None and place.give_back() else None

    def __exit__(self, *_: object) -> None:
        if self._place is not None:
            self._place.take()
