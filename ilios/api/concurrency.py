"""How many threads may be held by requests that wait, so that the others always find one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ilios.core.request_errors import Busy

RESERVED_THREADS = 4  #: of a worker: these never wait for a result
POLLS_SHARE = 2  #: polls may hold one in so many of the slots
UPLOADS_SHARE = 2  #: the uploads of one key may hold one in so many of the threads


class WaitSlots:
    """The slots of one web process: a request holds one while it waits.

    Conversions and estimates may take all slots, polls half of them. Uploads take none, but those
    of one key hold at most half of the threads.
    """

    def __init__(self, threads: int) -> None:
        self._uploads_per_owner = threads // UPLOADS_SHARE
        self._uploads: Counter[str] = Counter()
        self.total = threads - min(RESERVED_THREADS, threads // 2)
        self._free = self.total
        self._free_for_polls = self.total // POLLS_SHARE
        self._lock = threading.Lock()

    def for_conversion(self) -> AbstractContextManager[None]:
        """Hold a slot for an immediate conversion. Raise Busy if none is free."""
        return self._slot(
            "Too many conversions are being waited for. Try again, or send `Prefer: respond-async`."
        )

    def for_estimate(self) -> AbstractContextManager[None]:
        """Hold a slot for an estimate. Raise Busy if none is free."""
        return self._slot("Too many requests are waiting. Try again.")

    @contextmanager
    def for_upload(self, owner: str) -> Iterator[None]:
        """Count an upload of the owner while its body arrives.

        Raise Busy if the owner's uploads hold their share of the threads already: a client that
        stalls keeps its thread until it is given up, and other owners send too.
        """
        with self._lock:
            if self._uploads[owner] >= self._uploads_per_owner:
                raise Busy("Too many uploads of this key are arriving at once. Try again.")
            self._uploads[owner] += 1
        try:
            yield
        finally:
            with self._lock:
                self._uploads[owner] -= 1
                self._uploads += Counter()  # drops owners without an upload

    @contextmanager
    def for_poll(self, seconds: float) -> Iterator[float]:
        """Hold a slot for a poll, and give the seconds that it may wait: 0 if no slot is free."""
        with self._lock:
            found = bool(seconds and self._free and self._free_for_polls)
            self._free -= found
            self._free_for_polls -= found
        try:
            yield seconds if found else 0
        finally:
            with self._lock:
                self._free += found
                self._free_for_polls += found

    @contextmanager
    def _slot(self, refusal: str) -> Iterator[None]:
        with self._lock:
            if not self._free:
                raise Busy(refusal)
            self._free -= 1
        try:
            yield
        finally:
            with self._lock:
                self._free += 1
