"""A database that another program locks, or reads for long."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator

import pytest

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.driver import sqlite
from ilios.db.models import JobStatus
from ilios.db.sqlite_database import WAL_KEPT_BYTES, SqliteDatabase
from ilios.operations import heartbeat
from ilios.operations.heartbeat import BlockReason
from tests.support import documents
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]
MIB = 1024 * 1024


@pytest.fixture
def other_program(settings: Settings, database: SqliteDatabase) -> Iterator[sqlite.Connection]:
    """Provide another program's connection to the database."""
    connection = sqlite.connect(str(database.path), isolation_level=None)
    with contextlib.closing(connection):
        yield connection


def is_heard_of(settings: Settings) -> bool:
    beat = heartbeat.read(data_folder.supervisor_state(settings))
    return beat is not None and beat.is_fresh


def test_a_stop_under_another_programs_lock_costs_no_attempt(
    start_supervisor: Start,
    settings: Settings,
    database: SqliteDatabase,
    other_program: sqlite.Connection,
) -> None:
    supervisor = start_supervisor("waiting", worker_count=1, shutdown_grace_seconds=0)
    _, job_id = documents.add_document(database, settings=settings)
    wait_until(lambda: documents.job(database, job_id).status is JobStatus.PROCESSING, timeout_s=20)

    other_program.execute("BEGIN IMMEDIATE")
    supervisor.process.send_signal(signal.SIGTERM)
    wait_until(lambda: supervisor.process.poll() is not None or not is_heard_of(settings), 40)
    assert supervisor.process.wait(timeout=15) == 0  # it was heard of until its end
    other_program.execute("ROLLBACK")
    start_supervisor("waiting", worker_count=1)

    wait_until(lambda: documents.job(database, job_id).status is JobStatus.PROCESSING, timeout_s=20)
    assert documents.job(database, job_id).attempts == 1
    assert not data_folder.interrupted(settings).exists()


def test_a_start_under_another_programs_lock_waits_and_says_for_what(
    start_supervisor: Start,
    settings: Settings,
    database: SqliteDatabase,
    other_program: sqlite.Connection,
) -> None:
    _, job_id = documents.add_document(database, settings=settings)
    other_program.execute("BEGIN IMMEDIATE")
    supervisor = start_supervisor("echo", worker_count=1)

    supervisor.wait_until_blocked(BlockReason.DATABASE_BUSY)
    assert documents.job(database, job_id).attempts == 0
    other_program.execute("ROLLBACK")

    wait_until(lambda: documents.job(database, job_id).status is JobStatus.COMPLETED, timeout_s=20)
    supervisor.wait_until_blocked(None)
    assert documents.job(database, job_id).attempts == 1
    assert supervisor.log.count("supervisor.database_failed") == 1


def test_a_lock_while_every_slot_is_taken_blocks_claims_until_it_ends(
    start_supervisor: Start,
    settings: Settings,
    database: SqliteDatabase,
    other_program: sqlite.Connection,
) -> None:
    supervisor = start_supervisor("waiting", impatient=True, worker_count=1)
    _, job_id = documents.add_document(database, settings=settings)
    wait_until(lambda: documents.job(database, job_id).status is JobStatus.PROCESSING, timeout_s=20)

    other_program.execute("BEGIN IMMEDIATE")
    supervisor.wait_until_blocked(BlockReason.DATABASE_BUSY)
    assert reasons_of_beats(settings, 3) == {BlockReason.DATABASE_BUSY}
    other_program.execute("ROLLBACK")

    supervisor.wait_until_blocked(None)
    assert supervisor.log.count("supervisor.database_failed") == 1
    assert documents.job(database, job_id).attempts == 1


def reasons_of_beats(settings: Settings, count: int) -> set[BlockReason | None]:
    """Return why no job started, by the next heartbeats."""
    reasons: dict[float, BlockReason | None] = {}

    def are_seen() -> bool:
        beat = heartbeat.read(data_folder.supervisor_state(settings))
        if beat is not None:
            reasons[beat.beat_seconds] = beat.claims_blocked
        return len(reasons) > count  # the first may have been written before

    wait_until(are_seen, timeout_s=30)
    return set(reasons.values())


def test_what_a_long_reader_made_the_log_grow_to_is_given_back(
    database: SqliteDatabase, other_program: sqlite.Connection
) -> None:
    log = database.path.with_name(database.path.name + "-wal")
    with database.watching() as watch:
        watch.query("CREATE TABLE filler (content BLOB)")
        other_program.execute("BEGIN").execute("SELECT count(*) FROM filler").fetchall()
        for _ in range(WAL_KEPT_BYTES // MIB + 8):
            watch.query("INSERT INTO filler VALUES (zeroblob(?))", MIB)
        assert log.stat().st_size > WAL_KEPT_BYTES + MIB
        other_program.execute("COMMIT")

        for _ in range(3):  # a checkpoint, and a writer that begins the log anew
            watch.query("INSERT INTO filler VALUES (1)")

    assert log.stat().st_size <= WAL_KEPT_BYTES
