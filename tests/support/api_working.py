"""A worker inside the test: it converts what is queued, as the test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ilios.core.conversion_errors import ConversionError, EncryptedDocument, ObjectMissing
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import JobType
from ilios.engines.base import (
    Conversion,
    ConversionWarning,
    ImageFile,
    Keep,
    Options,
    Page,
    Part,
    Progress,
    Usage,
)
from ilios.engines.registry import EMBEDDED
from ilios.outbound.guard import Resolve, system_resolver
from ilios.queue.jobs import FETCH_LANE, Lease
from ilios.storage.opening import open_store
from ilios.workers.dispatcher import Dispatcher, FreeSlot, Offer
from ilios.workers.maintenance import StoreWatch
from ilios.workers.start_gate import StartGate
from tests.support import working
from tests.support.engines import EchoEngine

IMAGE = b"\x89PNG\r\n\x1a\n not really"
COST_MICROS = 1300  #: of a page: the price of tests.support.working, with its margin
LANES = (FETCH_LANE, EMBEDDED)
POLL_SECONDS = 0.005


class EngineFault(ObjectMissing):
    """A failure for which no document is to blame, and which is not tried again."""

    code = "engine_failed"


FAILURES: dict[str, ConversionError] = {
    "fail: document": EncryptedDocument("The document is encrypted. Send it without a password."),
    "fail: engine": EngineFault("The engine is out of order."),
}


class TextEngine(EchoEngine):
    """Gives each line of a text as a page; an image, a warning or a failure where it says so."""

    is_paid = True

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion:
        text = part.source.path.read_text()
        if text in FAILURES:
            raise FAILURES[text]
        pages = tuple(
            self._page(index, line, workspace) for index, line in enumerate(text.splitlines())
        )
        if options.pages:
            pages = tuple(pages[index] for index in options.pages.indexes(len(pages)))
        return Conversion(pages, Usage(pages=len(pages), model="test-model"))

    def _page(self, index: int, line: str, workspace: Path) -> Page:
        images: tuple[ImageFile, ...] = ()
        if "](figure.png)" in line:
            path = workspace / "figure.png"
            path.write_bytes(IMAGE)
            images = (ImageFile("figure.png", path, "image/png"),)
        warnings = (ConversionWarning("empty_page", "Empty.", index + 1),) if line == "-" else ()
        return Page(index=index, markdown=line, images=images, warnings=warnings)


class InTestWorker:
    """Claims, fetches and converts in the test's own process."""

    def __init__(
        self, settings: Settings, database: Database, resolve: Resolve = system_resolver
    ) -> None:
        self._dispatcher = Dispatcher(database, settings.ambiguous_retries)
        self._gate = StartGate(settings, StoreWatch(settings))
        store = open_store(settings)
        self._engine = TextEngine(settings)
        self._converter = working.converter(settings, database, store, self._engine)
        self._fetches = working.fetches(settings, database, store, resolve)

    def free(self) -> None:
        """Convert at no cost from now on, as the embedded engine does."""
        self._engine.is_paid = False

    def work(self) -> int:
        """Do all jobs that are ready; returns how many that were."""
        done = 0
        while claimed := self._claim():
            for _, lease in claimed:
                run = self._fetches.run if lease.type is JobType.FETCH else self._converter.run
                run(lease)
                done += 1
        return done

    def _claim(self) -> list[tuple[FreeSlot, Lease]]:
        if not self._gate.look(is_paused=self._dispatcher.commands("test").is_paused):
            return []
        return self._dispatcher.claim(Offer([FreeSlot(lane, "test/0") for lane in LANES]))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Convert whatever comes, in a thread."""
        stop = threading.Event()

        def loop() -> None:
            while not stop.is_set():
                if not self.work():
                    time.sleep(POLL_SECONDS)

        thread = threading.Thread(target=loop)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
