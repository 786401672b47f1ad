"""Waiting for documents to end: many threads wait, one polls.

The watcher thread asks the database whether anything was committed (of SQLite, a read of one
shared-memory counter), and only then queries which of the awaited documents have ended.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final, NoReturn

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ilios.core import computing
from ilios.core.telemetry import logs
from ilios.db.database import Database
from ilios.db.dialects import is_in
from ilios.db.models import PENDING, PROCESSING, Document
from ilios.db.prepared import Prepared
from ilios.db.watch import Watch

log = logs.get(__name__)

POLL_SECONDS = 0.005
PREDICATE_POLL_SECONDS = 0.25
GIVEN_UP_POLL_SECONDS = 1.0  #: between two looks at whether a wait is given up
_ENDED: Final = Prepared(
    select(Document.id).where(
        is_in(Document.id, bindparam("awaited")),
        Document.status.not_in((PENDING, PROCESSING)),
    )
)


class Waiter:
    """Lets threads wait; the watcher starts with the first and sleeps when none is left."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, set[threading.Event]] = defaultdict(set)
        self._lock = threading.Condition()
        self._watcher: threading.Thread | None = None
        self._recheck = False
        self._draining = False
        self.failures = 0  #: of the watcher to read the database

    def until_ended(
        self,
        document_id: str,
        timeout_seconds: float,
        given_up: Callable[[], bool] = lambda: False,
    ) -> None:
        """Return when the document has ended, after the timeout, or when the server drains.

        Also once the wait is `given_up`, which is asked every GIVEN_UP_POLL_SECONDS.
        """
        deadline = time.monotonic() + timeout_seconds
        ended = threading.Event()
        with self._lock:
            if self._draining:
                return
            self._waiting[document_id].add(ended)
            self._recheck = True  # it may have ended before this wait was registered
            self._start()
            self._lock.notify()
        try:
            with computing.waiting():
                while (left := deadline - time.monotonic()) > 0:
                    if ended.wait(min(left, GIVEN_UP_POLL_SECONDS)) or given_up():
                        return
        finally:
            with self._lock:
                self._waiting[document_id].discard(ended)
                if not self._waiting[document_id]:
                    del self._waiting[document_id]

    def until(self, done: Callable[[Session], bool], timeout_seconds: float) -> None:
        """Return when the predicate holds, after the timeout, or when the server drains."""
        deadline = time.monotonic() + timeout_seconds
        while (left := deadline - time.monotonic()) > 0 and not self._draining:
            with self._database.reading() as session:
                if done(session):
                    return
            with computing.waiting():
                time.sleep(min(left, PREDICATE_POLL_SECONDS))

    def drain(self) -> None:
        """End every wait, and let none begin: the server is about to stop."""
        with self._lock:
            self._draining = True
            for events in self._waiting.values():
                for event in events:
                    event.set()

    def _start(self) -> None:
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="waiter", daemon=True)
            self._watcher.start()

    def _watch(self) -> None:
        while True:
            try:
                with self._database.watching() as watch:
                    self._poll_for_ever(watch)
            except Exception:
                # A watcher that dies would leave every waiter to its timeout.
                log.exception("waiter.failed")
                self.failures += 1
                time.sleep(PREDICATE_POLL_SECONDS)

    def _poll_for_ever(self, watch: Watch) -> NoReturn:
        while True:
            with self._lock:
                while not self._waiting:
                    self._lock.wait()
                recheck, self._recheck = self._recheck, False
            if watch.changed() or recheck:
                self._release_ended(watch)
            time.sleep(POLL_SECONDS)

    def _release_ended(self, watch: Watch) -> None:
        with self._lock:
            awaited = list(self._waiting)
        ended = _ENDED.all(watch, awaited=json.dumps(awaited))
        with self._lock:
            for (document_id,) in ended:
                for event in self._waiting.get(document_id, ()):
                    event.set()
