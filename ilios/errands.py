"""What one worker does for all of them, now and then, beside its jobs."""

from __future__ import annotations

import time

from ilios.workers.maintenance import StoreWatch
from ilios.workers.pool import WorkerPool

TIDY_SECONDS = 600.0


class Errands:
    """The first worker that is ready runs them."""

    def __init__(self, workers: WorkerPool, store: StoreWatch) -> None:
        self._workers = workers
        self._store = store
        self._tidied_at = -TIDY_SECONDS

    def send(self) -> None:
        """Have looked after what dead processes left behind, and whether the bucket answers."""
        self._store.tend()
        ready = self._workers.ready()
        now = time.monotonic()
        if ready and now - self._tidied_at >= TIDY_SECONDS:
            self._tidied_at = now
            ready[0].tidy()
