"""What one worker does for all of them, now and then."""

from __future__ import annotations

import time

from ilios.settings import Settings
from ilios.worker_pool import WorkerPool

TIDY_SECONDS = 600.0
STORE_LOOK_SECONDS = 20.0  #: longer than a look takes that ends in timeouts


class Errands:
    """The first worker that is ready runs them, beside its jobs."""

    def __init__(self, settings: Settings, workers: WorkerPool) -> None:
        self._has_bucket = bool(settings.s3_bucket)  # a folder needs no looking at
        self._workers = workers
        self._tidied_at = -TIDY_SECONDS
        self._looked_at_store_at = -STORE_LOOK_SECONDS

    def send(self) -> None:
        """Have looked after what dead processes left behind, and whether the bucket answers."""
        ready = self._workers.ready()
        if not ready:
            return
        now = time.monotonic()
        if now - self._tidied_at >= TIDY_SECONDS:
            self._tidied_at = now
            ready[0].tidy()
        if self._has_bucket and now - self._looked_at_store_at >= STORE_LOOK_SECONDS:
            self._looked_at_store_at = now
            ready[0].look_at_store()
