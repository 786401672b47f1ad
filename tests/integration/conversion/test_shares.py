"""What one owner's slow calls, and documents that are slow to plan, leave to others in a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest

from ilios.conversion.converter import Converter
from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus
from ilios.documents import results
from ilios.engines.base import Conversion, Engine, Keep, Options, Part, Plan, Progress, Source
from ilios.engines.page_selection import PageSelection
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs
from ilios.queue.jobs import Lease
from tests.support import documents
from tests.support.engines import EchoEngine
from tests.support.waiting import wait_until

pytestmark = pytest.mark.both_databases

TIMEOUT_S = 20.0
Step = Literal["plan", "convert"]


class StallingEngine(EchoEngine):
    """Stands still in one step of each document whose text is `slow`."""

    concurrency = 1

    def __init__(self, settings: Settings, step: Step) -> None:
        super().__init__(settings)
        self._step = step
        self.begun: list[str] = []  #: texts of documents, in the order in which the step began
        self.go_on = threading.Event()

    def plan(
        self,
        source: Source,
        pages: PageSelection | None,
        workspace: Path,
        *,
        in_one_call: bool = False,
    ) -> Plan:
        self._reach("plan", source)
        return super().plan(source, pages, workspace)

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion | bytes:
        self._reach("convert", part.source)
        return super().convert(part, options, workspace, progress, keep)

    def _reach(self, step: Step, source: Source) -> None:
        if step == self._step:
            self.begun.append(source.path.read_text())
            if self.begun[-1] == "slow":
                self.go_on.wait(TIMEOUT_S)


def lease(database: Database, settings: Settings, owner: str, text: str) -> Lease:
    """Return the lease of a document of its own."""
    _, job_id = documents.add_document(
        database, settings=settings, owner=owner, content=text.encode()
    )
    with database.writing() as session:
        lease = jobs.claim(session, EMBEDDED, "node/worker-0", clock.now())
        assert lease is not None
        assert lease.job_id == job_id  # the others are claimed already
        results.begin(session, job_id, clock.now())
    return lease


@pytest.mark.parametrize("step", ["plan", "convert"])
def test_an_owner_whose_documents_stand_still_delays_only_its_own(
    settings: Settings,
    database: Database,
    make_converter: Callable[[Engine], Converter],
    step: Step,
) -> None:
    engine = StallingEngine(settings, step)
    subject = make_converter(engine)
    slow, waiting, quick = (
        lease(database, settings, *which) for which in (("a", "slow"), ("a", "next"), ("b", "b"))
    )
    with ThreadPoolExecutor(2) as threads:
        threads.submit(subject.run, slow)
        wait_until(lambda: engine.begun == ["slow"], TIMEOUT_S)
        threads.submit(subject.run, waiting)

        subject.run(quick)

        assert engine.begun == ["slow", "b"]
        engine.go_on.set()
    statuses = {document.status for document in documents.documents(database)}
    assert statuses == {DocumentStatus.COMPLETED}
