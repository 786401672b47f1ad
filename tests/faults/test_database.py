"""Other programs at the database: one that holds its lock, one that reads for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.driver import sqlite
from ilios.db.models import DocumentStatus
from tests.support import documents
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]
WAL_MAX_BYTES = 8 * 1024 * 1024


@pytest.fixture
def lock_s(request: pytest.FixtureRequest) -> float:
    """Provide a time that in the long form is beyond SQLite's own patience (30 s)."""
    return 60.0 if request.config.getoption("repeat_faults", 0) else 3.0


@contextmanager
def other_program(settings: Settings, begin: str) -> Iterator[None]:
    """Be another program in the middle of a transaction."""
    path = str(settings.database_path)
    with closing(sqlite.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.execute(begin)
        connection.execute("SELECT count(*) FROM documents").fetchall()
        yield
        connection.execute("ROLLBACK")


def completed(database: Database) -> int:
    rows = documents.documents(database)
    return sum(row.status is DocumentStatus.COMPLETED for row in rows)


def test_another_programs_lock_delays_what_runs_and_fails_nothing(
    start_supervisor: Start, settings: Settings, database: Database, lock_s: float
) -> None:
    supervisor = start_supervisor("slow", worker_count=1)
    for _ in range(30):
        documents.add_document(database, settings=settings)
    wait_until(lambda: completed(database) > 2, 30)
    workers = [worker.pid for worker in supervisor.workers]

    with other_program(settings, "BEGIN IMMEDIATE"):
        until = time.monotonic() + lock_s
        wait_until(lambda: time.monotonic() > until, lock_s + 5)

    wait_until(lambda: completed(database) == 30, 60)
    assert {job.attempts for job in documents.jobs(database)} == {1}
    assert [worker.pid for worker in supervisor.workers] == workers


def test_a_long_reader_holds_up_nobody_and_the_log_shrinks_when_it_has_left(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    start_supervisor("echo", worker_count=1)
    large = b"word " * 20_000

    with other_program(settings, "BEGIN"):
        for _ in range(100):
            documents.add_document(database, settings=settings, content=large)
        wait_until(lambda: completed(database) == 100, 60)

    documents.add_document(database, settings=settings)
    wait_until(lambda: completed(database) == 101, 30)
    wait_until(database.truncate_wal, 30)  # a worker may read, to index what came last
    wal = settings.database_path.with_name(settings.database_path.name + "-wal")
    assert wal.stat().st_size < WAL_MAX_BYTES
