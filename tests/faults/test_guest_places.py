"""Guest places: what one owner's long documents leave to others, and to their own workers' ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import psutil

from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus, JobStatus
from ilios.documents import removal
from tests.support import documents
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]
TIMEOUT_S = 30.0


def add(database: Database, settings: Settings, owner: str, content: bytes = b"long") -> str:
    return documents.add_document(database, settings=settings, owner=owner, content=content)[0]


def running(database: Database) -> list[str]:
    """Return the owners of the jobs that run."""
    return sorted(
        job.owner for job in documents.jobs(database) if job.status is JobStatus.PROCESSING
    )


def parsers(supervisor: SupervisorProcess) -> list[psutil.Process]:
    """Return the parser children of the one worker."""
    (worker,) = supervisor.workers
    return worker.children()


def test_an_owner_with_endless_documents_delays_nobody_elses(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    for _ in range(20):
        add(database, settings, "a")
    start_supervisor("dawdling", worker_count=2)
    wait_until(lambda: running(database) == ["a", "a"], TIMEOUT_S)

    short = [add(database, settings, owner, b"quick") for owner in ("b", "c", "c", "d")]

    wait_until(
        lambda: (
            {documents.document(database, one).status for one in short}
            == {DocumentStatus.COMPLETED}
        ),
        TIMEOUT_S,
    )
    assert running(database) == ["a", "a"]


def test_each_owner_has_one_guest_place_at_most(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    for owner in "aabb":
        add(database, settings, owner)
    start_supervisor("dawdling", worker_count=1)

    wait_until(lambda: len(running(database)) == 2, TIMEOUT_S)

    assert running(database) == ["a", "b"]
    assert documents.add_document(database, settings=settings, owner="c", content=b"quick")
    wait_until(lambda: running(database) == ["a", "b"], TIMEOUT_S)


def test_a_cancelled_guest_gives_its_place_to_the_next_and_the_other_goes_on(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    add(database, settings, "a")
    supervisor = start_supervisor("dawdling", worker_count=1)
    wait_until(lambda: running(database) == ["a"] and len(parsers(supervisor)) == 1, TIMEOUT_S)
    first = parsers(supervisor)
    cancelled = add(database, settings, "b")
    wait_until(lambda: len(parsers(supervisor)) == 2, TIMEOUT_S)

    with database.writing() as session:
        removal.cancel(session, cancelled, cancelled, clock.now())
    next_one = add(database, settings, "c", b"quick")

    wait_until(
        lambda: documents.document(database, next_one).status is DocumentStatus.COMPLETED, TIMEOUT_S
    )
    assert running(database) == ["a"]
    assert set(first) < {one for one in parsers(supervisor) if one.is_running()}


def test_a_worker_killed_while_a_guest_runs_gives_both_back(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    add(database, settings, "a")
    add(database, settings, "b")
    supervisor = start_supervisor("dawdling", worker_count=1)
    wait_until(lambda: running(database) == ["a", "b"], TIMEOUT_S)
    (worker,) = supervisor.workers
    wait_until(lambda: len(parsers(supervisor)) == 2, TIMEOUT_S)

    os.kill(worker.pid, signal.SIGKILL)

    wait_until(lambda: {job.attempts for job in documents.jobs(database)} == {2}, TIMEOUT_S)
    wait_until(lambda: running(database) == ["a", "b"], TIMEOUT_S)
