"""One SQLite file, many writers."""

from __future__ import annotations

import fcntl
import os
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ilios.core.errors import DatabaseBusy, DatabaseRefused
from ilios.core.request_errors import DocumentNotFound
from ilios.core.settings import MIB, Settings
from ilios.core.spare_file import WRITE_ROOM_BYTES
from ilios.db import database as database_module
from ilios.db import sqlite_database, zeroing
from ilios.db.database import LockTimeout
from ilios.db.driver import require_safe_sqlite, sqlite
from ilios.db.sqlite_database import INCREMENTAL, SqliteDatabase
from ilios.db.zeroing import zeroed_if_room
from tests.support.waiting import wait_until


def count(database: SqliteDatabase) -> int:
    with database.reading() as session:
        return int(session.scalar(text("SELECT n FROM counter")) or 0)


@pytest.fixture
def counter(database: SqliteDatabase) -> SqliteDatabase:
    with database.writing() as session:
        session.execute(text("CREATE TABLE counter (n INTEGER)"))
        session.execute(text("INSERT INTO counter VALUES (0)"))
    return database


def increment(database: SqliteDatabase) -> None:
    with database.writing() as session:
        value = session.scalar(text("SELECT n FROM counter"))
        session.execute(text("UPDATE counter SET n = :n"), {"n": value + 1})


def test_no_update_is_lost_between_eight_writers_that_read_first(counter: SqliteDatabase) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: increment(counter), range(200)))

    assert count(counter) == 200


def test_sqlalchemy_looks_at_its_driver_once_for_a_process_and_its_forks(
    counter: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    counter.close()
    sqlite_database._engine.cache_clear()
    dialect = type(sqlite_database._engine(counter.path).dialect)
    monkeypatch.setattr(dialect, "initialize", lambda *_: looks.append("look"))

    for database in (SqliteDatabase(counter.path), SqliteDatabase(counter.path)):
        assert count(database) == 0
        database.close()

    assert looks == ["look"]


def test_a_process_that_forks_has_no_connection_open(counter: SqliteDatabase) -> None:
    assert count(counter) == 0  # it is connected

    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        open_files = [str(entry.readlink()) for entry in descriptors()]
        os.write(writer, str(sum(str(counter.path) in name for name in open_files)).encode())
        os._exit(0)

    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"0"
    increment(counter)
    assert count(counter) == 1
    os.close(reader)
    os.close(writer)


def descriptors() -> list[Path]:
    """Return the open descriptors of this process, but not that of the folder that has them."""
    return [entry for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]


def test_an_exception_rolls_back(counter: SqliteDatabase) -> None:
    def write_and_fail() -> None:
        with counter.writing() as session:
            session.execute(text("UPDATE counter SET n = 7"))
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()

    assert count(counter) == 0


def test_a_reader_is_not_blocked_by_a_writer(counter: SqliteDatabase) -> None:
    with counter.writing() as session:
        session.execute(text("UPDATE counter SET n = 7"))
        assert count(counter) == 0


def test_writers_go_in_order_of_arrival(counter: SqliteDatabase, settings: Settings) -> None:
    """Give each a database of its own, as processes have: threads of one queue before the file."""
    order: list[int] = []
    databases = [SqliteDatabase(settings.database_path) for _ in range(4)]

    def write(number: int) -> None:
        with databases[number].writing():
            order.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    with counter.writing():
        for queued, thread in enumerate(threads, start=1):
            thread.start()
            wait_for_queue(counter, queued)
    for thread in threads:
        thread.join()

    assert order == [0, 1, 2, 3]
    for database in databases:
        database.close()


def test_a_writer_lock_that_is_held_too_long_is_skipped(
    counter: SqliteDatabase, settings: Settings
) -> None:
    """Hold the lock as a process that was stopped would: SQLite's own lock is free."""
    database = SqliteDatabase(
        settings.database_path, lock_timeout=LockTimeout(0.1, busy_ms=30_000, retries=0)
    )
    with counter.path.with_name(f"{counter.path.name}.write-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda _: increment(database), range(6)))

        assert count(counter) == 6
    database.close()


def wait_for_queue(database: SqliteDatabase, length: int) -> None:
    """Wait until so many threads of this process are blocked on the write lock."""
    inode = database.path.with_name(database.path.name + ".write-lock").stat().st_ino
    wait_until(lambda: blocked_on(inode) >= length, timeout_s=30)


def blocked_on(inode: int) -> int:
    with open("/proc/locks", encoding="ascii") as locks:  # noqa: PTH123
        return sum("->" in line and f":{inode} " in line for line in locks)


def test_the_lock_of_another_program_is_waited_for(
    counter: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_BASE_SECONDS", 0.01)
    other_program = sqlite.connect(str(counter.path), isolation_level=None, check_same_thread=False)
    other_program.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: other_program.execute("COMMIT"))
    timer.start()

    increment(counter)

    timer.join()
    other_program.close()
    assert count(counter) == 1


def test_a_lock_of_another_program_that_outlasts_every_retry_raises_database_busy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_BASE_SECONDS", 0.001)
    database = SqliteDatabase(
        settings.database_path, lock_timeout=LockTimeout(10, busy_ms=10, retries=4)
    )
    other_program = sqlite.connect(str(database.path), isolation_level=None)
    other_program.execute("BEGIN IMMEDIATE")

    with pytest.raises(DatabaseBusy), database.writing():
        pass

    other_program.close()
    with database.writing() as session:
        assert session.scalar(text("SELECT 1")) == 1
    database.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 30_000)],
)
def test_every_connection_is_set_up(database: SqliteDatabase, pragma: str, value: object) -> None:
    with database.reading() as session:
        assert session.scalar(text(f"PRAGMA {pragma}")) == value


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 46, 1), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
    ],
)
def test_sqlite_with_the_wal_reset_bug_is_refused(version: tuple[int, ...], safe: bool) -> None:
    check: Callable[[], None] = lambda: require_safe_sqlite(version)  # noqa: E731
    if safe:
        check()
    else:
        with pytest.raises(DatabaseRefused, match=sqlite.__name__):
            check()


def test_a_commit_is_reported_once(counter: SqliteDatabase) -> None:
    with counter.watching() as watch:
        assert watch.changed()
        assert not watch.changed()
        increment(counter)
        assert watch.changed()
        assert not watch.changed()


def test_a_vacuum_removes_the_copies_that_merged_pages_keep(database: SqliteDatabase) -> None:
    """The seed is one for which `secure_delete` leaves some: it does so for few."""
    dice = random.Random(1)  # noqa: S311

    def left_of(gone: list[int]) -> int:
        database.truncate_wal()
        content = database.path.read_bytes()
        return sum(f"MARK{owner:06}MARK".encode() in content for owner in gone)

    with database.watching() as watch:
        watch.query(
            "CREATE TABLE words (owner TEXT, line INT, text TEXT, PRIMARY KEY (owner, line))"
        )
        watch.query("BEGIN IMMEDIATE")
        for owner in range(300):
            for line in range(10):
                words = f"MARK{owner:06}MARK " * dice.choice((5, 50, 400))
                watch.query("INSERT INTO words VALUES (?, ?, ?)", f"doc{owner:020}", line, words)
        gone = list(range(300))
        dice.shuffle(gone)
        gone = gone[:270]
        for owner in gone:
            watch.query("DELETE FROM words WHERE owner = ?", f"doc{owner:020}")
        watch.query("COMMIT")
    assert 0 < left_of(gone) < 10

    database.vacuum()

    assert left_of(gone) == 0


PAGES = "CREATE TABLE leaves (id INTEGER PRIMARY KEY, text TEXT)"


def filled(database: SqliteDatabase, size_bytes: int) -> None:
    with database.watching() as watch:
        watch.query(PAGES)
        watch.query("INSERT INTO leaves VALUES (1, ?)", "MARK" * (size_bytes // 4))
    database.truncate_wal()


@pytest.mark.parametrize("frees_twice", [False, True])
def test_a_deletion_writes_little_where_there_is_no_room_for_what_it_frees(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch, frees_twice: bool
) -> None:
    size = 4 * MIB
    filled(database, size)
    free = 3 * size + WRITE_ROOM_BYTES if frees_twice else size
    monkeypatch.setattr(zeroing, "free_bytes", lambda _folder: free)

    with database.writing() as session, zeroed_if_room(session, size):
        session.execute(text("DELETE FROM leaves"))

    log = database.path.with_name(f"{database.path.name}-wal").stat().st_size
    assert (log > size) is frees_twice
    with database.watching() as watch:
        assert watch.query("PRAGMA secure_delete") == [(1,)]


def test_free_pages_are_given_back_to_the_disk_and_nothing_is_left_of_them(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(database, 8 * MIB)
    monkeypatch.setattr(zeroing, "free_bytes", lambda _folder: 0)
    with database.writing() as session, zeroed_if_room(session, 8 * MIB):
        session.execute(text("DELETE FROM leaves"))

    given = database.give_back()

    assert given > 8 * MIB
    assert database.size_bytes() < MIB
    assert b"MARKMARK" not in database.path.read_bytes()
    assert database.path.with_name(f"{database.path.name}-wal").stat().st_size == 0


def test_a_database_from_before_is_rewritten_once_so_that_it_can_give_pages_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = SqliteDatabase(tmp_path / "old.db")
    filled(database, 2 * MIB)
    with database.watching() as watch:
        assert watch.query("PRAGMA auto_vacuum") == [(0,)]
        watch.query("DELETE FROM leaves")
    monkeypatch.setattr(sqlite_database, "free_bytes", lambda _folder: 0)
    assert database.give_back() == 0
    monkeypatch.undo()

    assert database.give_back() > MIB

    with database.watching() as watch:
        watch.query("SELECT count(*) FROM leaves")  # a connection learns of it with a read
        assert watch.query("PRAGMA auto_vacuum") == [(INCREMENTAL,)]
    database.close()


def test_a_migrated_database_can_give_pages_back(database: SqliteDatabase) -> None:
    with database.watching() as watch:
        assert watch.query("PRAGMA auto_vacuum") == [(INCREMENTAL,)]


def test_a_query_that_is_refused_costs_no_connection(database: SqliteDatabase) -> None:
    def ask(error: Exception) -> Any:
        with pytest.raises(type(error)), database.watching() as watch:
            raise error
        with database.watching() as next_one:
            return watch.driver is next_one.driver

    assert ask(DocumentNotFound())
    assert not ask(KeyError())  # where a query may be half-read
