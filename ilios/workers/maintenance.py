"""Whether the bucket answers. While it does not, no job starts: none could read its document.

One worker at a time looks, and whoever needed the bucket in vain says so at the end of its job.
"""

from __future__ import annotations

import time

from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.storage.health import StoreReport
from ilios.workers.pool import WorkerPool

log = logs.get(__name__)

LOOK_SECONDS = 20.0
LOOK_AGAIN_SECONDS = 1.0  #: while it does not answer
ANSWER_SECONDS = 20.0  #: longer than a look takes that ends in timeouts


class StoreWatch:
    """Told by the workers. A folder in place of a bucket needs no looking at."""

    def __init__(self, settings: Settings, workers: WorkerPool) -> None:
        self.fault: str | None = None
        self._has_bucket = bool(settings.s3_bucket)
        # Not before the first look: a start during an outage is to cost no attempt.
        self.may_be_used = not self._has_bucket
        self._workers = workers
        self._look_at = 0.0

    def tend(self) -> None:
        """Have a worker look when it is time, unless one still does."""
        now = time.monotonic()
        ready = self._workers.ready()
        if not self._has_bucket or not ready or now < self._look_at:
            return
        if all(now - worker.asked_of_store_at > ANSWER_SECONDS for worker in ready):
            ready[0].look_at_store()

    def hear(self, seen: StoreReport) -> None:
        if not self._has_bucket:
            return
        if seen.fault != self.fault:
            log.warning("storage.state", fault=seen.fault, was=self.fault)
        self.fault = seen.fault
        self.may_be_used = seen.fault is None
        pause_seconds = LOOK_SECONDS if self.may_be_used else LOOK_AGAIN_SECONDS
        self._look_at = time.monotonic() + pause_seconds


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
