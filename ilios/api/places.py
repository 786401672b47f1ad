"""How many threads may wait for results, so that the others always find one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ilios.errors import Busy

KEPT_FREE = 4  #: threads of a worker that never wait
POLLS_SHARE = 2  #: one place in so many may be a poll's


class Places:
    """The waiting places of one web process: conversions take what is free, polls at most half."""

    def __init__(self, threads: int) -> None:
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
