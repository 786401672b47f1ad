"""What the supervisor asks of workers beside jobs: to look at the bucket, to tidy up, to index.

The supervisor itself does none of it: it would stand still while the network does.
"""

from __future__ import annotations

import time

from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.storage.health import StoreReport
from ilios.workers.pool import WorkerPool

log = logs.get(__name__)

TIDY_SECONDS = 600.0
TIDY_SOON_SECONDS = 30.0  #: while the disk is full: what is deleted gives room
INDEX_SECONDS = 10.0  #: a round takes less
LOOK_SECONDS = 20.0
LOOK_AGAIN_SECONDS = 1.0  #: while it does not answer
ANSWER_SECONDS = 20.0  #: longer than a look takes that ends in timeouts
FIRST_ANSWER_SECONDS = 1.0
"""A bucket that takes longer after a start is unreachable until it answers."""


class StoreWatch:
    """Whether the object store answers, as workers report; a folder always does.

    While a bucket does not, no job starts: none could read its document.
    """

    def __init__(self, settings: Settings) -> None:
        self.fault: str | None = None  #: in one sentence
        self._has_bucket = bool(settings.s3_bucket)
        #: None until the first look: a start during an outage is to cost no attempt.
        self.answers: bool | None = None if self._has_bucket else True
        self._next_look_at = 0.0
        self._first_look_at: float | None = None

    @property
    def may_be_used(self) -> bool:
        return self.answers is True

    @property
    def is_look_due(self) -> bool:
        return self._has_bucket and time.monotonic() >= self._next_look_at

    def note_look(self) -> None:
        """Note that a worker was asked to look, or still does."""
        now = time.monotonic()
        if self._first_look_at is None:
            self._first_look_at = now
        if self.answers is None and now - self._first_look_at > FIRST_ANSWER_SECONDS:
            self.answers = False

    def record(self, report: StoreReport) -> None:
        """Take in what a look, or a job that needed the store, has found."""
        if not self._has_bucket:
            return
        if report.fault != self.fault:
            log.warning("storage.state", fault=report.fault, was=self.fault)
        self.fault = report.fault
        self.answers = report.fault is None
        pause_seconds = LOOK_SECONDS if self.answers else LOOK_AGAIN_SECONDS
        self._next_look_at = time.monotonic() + pause_seconds


class Maintenance:
    """Asks the first worker that is ready, when it is time."""

    def __init__(self, workers: WorkerPool, store: StoreWatch) -> None:
        self._workers = workers
        self._store = store
        self._tidied_at = -TIDY_SECONDS
        self._indexed_at = -INDEX_SECONDS

    def send_due(self, *, is_disk_full: bool = False) -> None:
        """Have leftovers removed, the index kept, and the bucket looked at by one at a time."""
        ready = self._workers.ready()
        if not ready:
            return
        now = time.monotonic()
        if self._store.is_look_due:
            self._store.note_look()
            if all(now - worker.asked_of_store_at > ANSWER_SECONDS for worker in ready):
                ready[0].look_at_store()
        if now - self._tidied_at >= (TIDY_SOON_SECONDS if is_disk_full else TIDY_SECONDS):
            self._tidied_at = now
            ready[0].tidy()
        if now - self._indexed_at >= INDEX_SECONDS:
            self._indexed_at = now
            ready[-1].keep_index()
