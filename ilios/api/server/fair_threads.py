"""Threads that callers share, so that none of them holds all while another waits."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Final

from ilios.api.server.callers import NO_KEY
from ilios.core.owner_places import share
from ilios.core.thread_pool import ThreadPool

LEFT_TO_KEYS: Final = 8  #: one in so many of the threads, which no callers without a key get


class FairThreads:
    """Who gets the threads of a pool. For the poller only: it takes no lock.

    A caller may hold half of what the others leave, so that the next one always finds some. Those
    without a key share nearly all among them, for a service without keys has no others. Callers
    that wait take turns.
    """

    def __init__(self, name: str, threads: int) -> None:
        self.pool = ThreadPool(name, threads)
        self._threads = threads
        self._held: Counter[str] = Counter()
        #: What each caller waits to begin, the next caller first.
        self._waiting: OrderedDict[str, deque[Callable[[], None]]] = OrderedDict()

    def submit(self, caller: str, begin: Callable[[], None]) -> None:
        """Begin with a caller's request as soon as it may have a thread of the pool."""
        self._waiting.setdefault(caller, deque()).append(begin)
        self._start()

    def release(self, caller: str) -> None:
        """Take a thread back that a request of the caller has had."""
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]
        self._start()

    def _start(self) -> None:
        while (caller := self._next()) is not None:
            begins = self._waiting.pop(caller)
            begin = begins.popleft()
            if begins:
                self._waiting[caller] = begins  # behind the others
            self._held[caller] += 1
            begin()

    def _next(self) -> str | None:
        if self._held.total() >= self._threads:
            return None
        return next((c for c in self._waiting if self._held[c] < self._share(c)), None)

    def _share(self, caller: str) -> int:
        if caller != NO_KEY:
            return share(self._held, caller, self._threads)
        left = self._threads - (self._held.total() - self._held[caller])
        return max(1, left - self._threads // LEFT_TO_KEYS)
