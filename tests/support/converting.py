"""An engine at work on what is submitted, inside a test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.documents import results
from ilios.engines import registry
from ilios.queue import jobs
from ilios.queue.jobs import Lease
from ilios.storage.base import ObjectStore
from tests.support import working

POLL_SECONDS = 0.01


@contextmanager
def converting(settings: Settings, database: Database, store: ObjectStore) -> Iterator[None]:
    """Convert, with the configured engine, whatever comes during the block."""
    lane = settings.engine_name
    stop = threading.Event()
    with closing(registry.open_engines(settings, "test")[lane]) as engine:
        converter = working.converter(
            settings, database, store, engine, lane=lane, pricing=settings.pricing
        )

        def loop() -> None:
            while not stop.is_set():
                lease = _claimed(database, lane)
                if lease is None:
                    stop.wait(POLL_SECONDS)
                else:
                    converter.run(lease)

        thread = threading.Thread(target=loop)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _claimed(database: Database, lane: str) -> Lease | None:
    with database.writing() as session:
        lease = jobs.claim(session, lane, "node/worker-0", clock.now())
        if lease is not None:
            results.begin(session, lease.job_id, clock.now())
    return lease
