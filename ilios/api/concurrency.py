"""How many threads may wait for results, so that the others always find one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ilios.core.request_errors import Busy

KEPT_FREE = 4  #: threads of a worker that never wait
POLLS_SHARE = 2  #: one place in so many may be a poll's
ARRIVING_SHARE = 2  #: one thread in so many may receive a body of one and the same key


class WaitSlots:
    """The places of one web process.

    Conversions wait in what is free, polls in half of it; uploads of one key take half the threads.
    """

    def __init__(self, threads: int) -> None:
        self._arriving_at_most = threads // ARRIVING_SHARE
        self._arriving: Counter[str] = Counter()
        self.total = threads - min(KEPT_FREE, threads // 2)
        self._free = self.total
        self._polls_free = self.total // POLLS_SHARE
        self._lock = threading.Lock()

    def to_convert(self) -> AbstractContextManager[None]:
        """A place for an immediate conversion. Raises Busy when none is free."""
        return self._place(
            "Too many conversions are being waited for. Try again, or send `Prefer: respond-async`."
        )

    def to_estimate(self) -> AbstractContextManager[None]:
        """A place for an estimate. Raises Busy when none is free."""
        return self._place("Too many requests are waiting. Try again.")

    @contextmanager
    def to_arrive(self, owner: str) -> Iterator[None]:
        """A place for a body on its way in; one that stalls holds it until it is given up.

        Raises Busy when the owner's own bodies have taken its share: others send too.
        """
        with self._lock:
            if self._arriving[owner] >= self._arriving_at_most:
                raise Busy("Too many uploads of this key are arriving at once. Try again.")
            self._arriving[owner] += 1
        try:
            yield
        finally:
            with self._lock:
                self._arriving[owner] -= 1
                self._arriving += Counter()  # forgets who has none

    @contextmanager
    def to_poll(self, seconds: float) -> Iterator[float]:
        """How long a poll may wait: as long as it asks, or not at all when no place is free."""
        with self._lock:
            found = bool(seconds and self._free and self._polls_free)
            self._free -= found
            self._polls_free -= found
        try:
            yield seconds if found else 0
        finally:
            with self._lock:
                self._free += found
                self._polls_free += found

    @contextmanager
    def _place(self, refusal: str) -> Iterator[None]:
        with self._lock:
            if not self._free:
                raise Busy(refusal)
            self._free -= 1
        try:
            yield
        finally:
            with self._lock:
                self._free += 1
