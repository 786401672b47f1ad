"""How many threads may be held by requests that wait, so that the others always find one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ilios.accounts.keys import ANONYMOUS
from ilios.core.owner_places import share
from ilios.core.request_errors import Busy

POLLS_SHARE = 2  #: polls may hold one in so many of the slots


class WaitSlots:
    """The slots of one web process: a request holds one while it waits.

    Conversions and estimates may take all slots, polls half of them; but those of one key at most
    half of what other keys leave, so that the next key always finds some. Uploads have as many of
    their own, shared in the same way. While there are no keys, nobody else waits: then all slots
    may be taken, and half of those for uploads, so that more are refused instead of kept waiting.
    """

    def __init__(self, threads: int) -> None:
        self.total = threads
        self._total_of_polls = threads // POLLS_SHARE
        self._uploads: Counter[str] = Counter()
        self._held: Counter[str] = Counter()  #: by owner, polls included
        self._polls: Counter[str] = Counter()  #: by owner
        self._lock = threading.Lock()

    def for_conversion(self, owner: str) -> AbstractContextManager[None]:
        """Hold a slot for an immediate conversion. Raise Busy if the owner may take none."""
        return self._slot(
            owner,
            "Too many conversions are waited for. Try again, or send `Prefer: respond-async`.",
        )

    def for_estimate(self, owner: str) -> AbstractContextManager[None]:
        """Hold a slot for an estimate. Raise Busy if the owner may take none."""
        return self._slot(owner, "Too many requests are waiting. Try again.")

    @contextmanager
    def for_upload(self, owner: str) -> Iterator[None]:
        """Count an upload of the owner while its body arrives.

        Raise Busy if the owner's uploads hold their share of the threads already: a client that
        stalls keeps its thread until it is given up, and other owners send too.
        """
        with self._lock:
            if self._uploads[owner] >= share(self._uploads, owner, self.total):
                raise Busy("Too many uploads of this key are arriving at once. Try again.")
            self._uploads[owner] += 1
        try:
            yield
        finally:
            with self._lock:
                _give_back(self._uploads, owner)

    @contextmanager
    def for_poll(self, owner: str, seconds: float) -> Iterator[float]:
        """Hold a slot for a poll, and give the seconds that it may wait: 0 without a slot."""
        with self._lock:
            found = bool(
                seconds
                and _may_take(self._held, owner, self.total)
                and _may_take(self._polls, owner, self._total_of_polls)
            )
            if found:
                self._held[owner] += 1
                self._polls[owner] += 1
        try:
            yield seconds if found else 0
        finally:
            if found:
                with self._lock:
                    _give_back(self._held, owner)
                    _give_back(self._polls, owner)

    @contextmanager
    def _slot(self, owner: str, refusal: str) -> Iterator[None]:
        with self._lock:
            if not _may_take(self._held, owner, self.total):
                raise Busy(refusal)
            self._held[owner] += 1
        try:
            yield
        finally:
            with self._lock:
                _give_back(self._held, owner)


def _may_take(held: Counter[str], owner: str, total: int) -> bool:
    """Return whether the owner may hold one more of the slots."""
    if owner == ANONYMOUS:
        return held.total() < total
    return held[owner] < share(held, owner, total)


def _give_back(held: Counter[str], owner: str) -> None:
    held[owner] -= 1
    if not held[owner]:
        del held[owner]
