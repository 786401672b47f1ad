"""Transactions on PostgreSQL."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from ilios.core import clock
from ilios.core.errors import DatabaseBusy, OutcomeUnknown
from ilios.db.database import LockTimeout, Scope
from ilios.db.group_commit import GroupCommit
from ilios.db.postgres.database import PostgresDatabase
from ilios.db.postgres.driver import connect, psycopg
from ilios.db.postgres.session import PostgresSession
from ilios.db.prepared import Prepared
from tests.postgres_server.process import PostgresServer
from tests.support.ending_commits import end_at_commit

HASTY = LockTimeout(0.05, 0, 0)


@pytest.fixture
def counter(empty: PostgresDatabase) -> PostgresDatabase:
    with empty.writing() as session:
        session.execute(text("CREATE TABLE counter (n INTEGER)"))
        session.execute(text("INSERT INTO counter VALUES (0)"))
    return empty


def count(database: PostgresDatabase) -> int:
    with database.reading() as session:
        return int(session.scalar(text("SELECT n FROM counter")) or 0)


def increment(database: PostgresDatabase) -> None:
    with database.writing() as session:
        value = session.scalar(text("SELECT n FROM counter"))
        session.execute(text("UPDATE counter SET n = :n"), {"n": value + 1})


def test_no_update_is_lost_between_eight_writers_that_read_first(counter: PostgresDatabase) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: increment(counter), range(100)))

    assert count(counter) == 100


def test_an_exception_rolls_back(counter: PostgresDatabase) -> None:
    with suppress(ZeroDivisionError), counter.writing() as session:
        session.execute(text("UPDATE counter SET n = 7"))
        raise ZeroDivisionError

    assert count(counter) == 0


def test_a_reader_sees_one_snapshot(counter: PostgresDatabase) -> None:
    with counter.reading() as session:
        before = session.scalar(text("SELECT n FROM counter"))
        increment(counter)
        after = session.scalar(text("SELECT n FROM counter"))

    assert (before, after) == (0, 0)
    assert count(counter) == 1


def test_a_writer_of_rows_waits_for_none_of_its_kind(url: str, empty: PostgresDatabase) -> None:
    with closing(PostgresDatabase(url, HASTY)) as other, empty.writing(Scope.ROWS):
        with other.writing(Scope.ROWS):
            pass
        with pytest.raises(DatabaseBusy), other.writing():
            pass


def test_a_writer_that_waits_too_long_is_told(url: str, empty: PostgresDatabase) -> None:
    with (
        closing(PostgresDatabase(url, HASTY)) as other,
        empty.writing(),
        pytest.raises(DatabaseBusy),
        other.writing(),
    ):
        pass


def test_a_restart_of_the_server_costs_no_transaction(
    postgres_server: PostgresServer, counter: PostgresDatabase
) -> None:
    with counter.watching() as watch:
        watch.changed()

    postgres_server.stop()
    postgres_server.start()

    increment(counter)
    with counter.watching() as watch:
        assert watch.changed()
    assert count(counter) == 1


def test_a_connection_whose_end_is_not_seen_costs_no_transaction(
    postgres_server: PostgresServer, counter: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresSession, "is_dead", False)
    with counter.reading() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
    with postgres_server.connect() as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (pid,))

    increment(counter)

    assert count(counter) == 1


def test_a_server_that_is_not_there_is_a_database_that_is_busy(
    postgres_server: PostgresServer,
) -> None:
    absent = PostgresDatabase(postgres_server.url("absent"))

    with pytest.raises(DatabaseBusy, match="cannot be reached"), absent.reading():
        pass


def test_connections_are_bounded_and_waited_for(url: str) -> None:
    with closing(PostgresDatabase(url, HASTY, connections=1)) as database:
        with (
            database.reading(),
            pytest.raises(DatabaseBusy, match="connections"),
            database.reading(),
        ):
            pass
        with database.reading(), pytest.raises(DatabaseBusy), database.watching():
            pass
        with database.watching():
            pass


def test_rows_that_are_read_one_by_one_are_not_all_fetched(empty: PostgresDatabase) -> None:
    numbers = func.generate_series(1, 10**5).column_valued("n")
    endless = Prepared(select(numbers, func.repeat("x", 10_000)))

    with empty.reading() as session, closing(endless.each(session)) as rows:
        assert [next(rows)[0] for _ in range(3)] == [1, 2, 3]
        assert session.scalar(select(func.count())) == 1  # others are asked meanwhile


def test_a_query_that_takes_too_long_is_broken_off(empty: PostgresDatabase) -> None:
    sleep = Prepared(select(func.pg_sleep(600)))

    with empty.watching() as watch:
        with pytest.raises(TimeoutError), watch.limited(0.01):
            sleep.all(watch)
        with watch.limited(600):
            assert Prepared(select(func.count())).all(watch) == [(1,)]


def test_a_commit_is_seen_by_who_watches(counter: PostgresDatabase) -> None:
    with counter.watching() as watch:
        watch.changed()
        seen = threading.Event()

        def look() -> None:
            while not watch.changed():
                pass
            seen.set()

        thread = threading.Thread(target=look)
        thread.start()
        increment(counter)
        thread.join()

    assert seen.is_set()


def test_the_clock_follows_that_of_the_database(
    empty: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # noqa: ARG003
            return datetime(2001, 1, 1, tzinfo=UTC)

    with empty.reading() as session:
        moment = session.scalar(text("SELECT clock_timestamp()"))
    monkeypatch.setattr(clock, "datetime", Wrong)

    assert isinstance(moment, datetime)
    assert abs(clock.now() - moment) < timedelta(seconds=60)


def test_a_connection_that_ends_in_a_transaction_says_that_it_cannot_be_reached(
    counter: PostgresDatabase,
) -> None:
    with pytest.raises(DatabaseBusy, match="cannot be reached") as refusal:
        write(counter, "UPDATE counter SET n = 7", "SELECT pg_terminate_backend(pg_backend_pid())")

    assert not isinstance(refusal.value, OutcomeUnknown)
    assert count(counter) == 0


def test_a_connection_that_ends_while_it_is_watched_says_so_too(counter: PostgresDatabase) -> None:
    with pytest.raises(DatabaseBusy, match="cannot be reached"), counter.watching() as watch:
        watch.query("SELECT pg_terminate_backend(pg_backend_pid())")

    assert count(counter) == 0


def test_nobody_knows_what_became_of_a_commit_that_the_connection_ended_at(
    counter: PostgresDatabase,
) -> None:
    end_at_commit(counter, "counter")

    with pytest.raises(OutcomeUnknown, match="may have been"), counter.writing() as session:
        session.execute(text("INSERT INTO counter VALUES (1)"))

    assert count(counter) == 0


def test_units_that_were_committed_together_are_not_written_again_then(
    counter: PostgresDatabase,
) -> None:
    end_at_commit(counter, "counter")
    group_commit = GroupCommit(counter)
    runs: list[int] = []

    def insert(number: int) -> None:
        def unit(session: Session) -> None:
            runs.append(number)
            session.execute(text("INSERT INTO counter VALUES (:n)"), {"n": number})

        with pytest.raises(OutcomeUnknown):
            group_commit.write(unit)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(insert, range(8)))

    assert sorted(runs) == list(range(8))


def test_what_a_caught_error_has_undone_is_not_taken_for_committed(
    counter: PostgresDatabase,
) -> None:
    def catch(session: Session) -> None:
        session.execute(text("UPDATE counter SET n = 7"))
        with suppress(DatabaseError):
            session.execute(text("SELECT 1 / 0"))

    with pytest.raises(DatabaseError, match="a statement of it had failed"):
        GroupCommit(counter).write(catch)

    assert count(counter) == 0


def test_an_answer_that_does_not_come_is_not_waited_for_without_end(
    postgres_server: PostgresServer, url: str
) -> None:
    with closing(connect(url, answer_seconds=0.1)) as connection:
        connection.execute("SELECT 1")
        with postgres_server.hanging(), pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")

        assert connection.closed


def test_a_server_that_goes_and_comes_is_logged_once_each(
    postgres_server: PostgresServer, counter: PostgresDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    postgres_server.stop()
    for _ in range(3):
        with pytest.raises(DatabaseBusy):
            count(counter)
    postgres_server.start()
    for _ in range(3):
        count(counter)

    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events == ["database.unreachable", "database.reachable"]


def test_an_error_quotes_nothing_of_a_row(empty: PostgresDatabase) -> None:
    with pytest.raises(DatabaseError, match="null value") as error:
        write(
            empty,
            "CREATE TABLE named (name TEXT, size INTEGER NOT NULL)",
            "INSERT INTO named VALUES ('what a client wrote', NULL)",
        )

    assert "client" not in str(error.value.orig)


def write(database: PostgresDatabase, *statements: str) -> None:
    with database.writing() as session:
        for statement in statements:
            session.execute(text(statement))
