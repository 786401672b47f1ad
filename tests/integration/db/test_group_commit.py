"""Threads that write in one transaction: each gets its own result or error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import insert as insertion
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ilios.core import clock
from ilios.core.errors import DatabaseBusy
from ilios.core.request_errors import NothingToRetry, TooManyWaiting
from ilios.db import group_commit
from ilios.db.database import Database, Scope
from ilios.db.group_commit import GroupCommit, _Entry
from ilios.db.models import Batch
from ilios.db.prepared import Prepared
from ilios.db.sqlite_database import SqliteDatabase
from tests.support.waiting import wait_until

pytestmark = pytest.mark.both_databases

THREADS = 20


@pytest.fixture
def table(database: Database) -> Database:
    with database.writing() as session:
        session.execute(text("CREATE TABLE notes (number INTEGER PRIMARY KEY)"))
    return database


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[Database]:
    """Note each transaction that is begun."""
    begun: list[Database] = []
    writing = SqliteDatabase.writing

    def counted(self: SqliteDatabase, *scope: Scope) -> object:
        begun.append(self)
        return writing(self, *scope)

    monkeypatch.setattr(SqliteDatabase, "writing", counted)
    return begun


def insert(number: int) -> Callable[[Session], int]:
    def unit(session: Session) -> int:
        session.execute(text("INSERT INTO notes VALUES (:number)"), {"number": number})
        return number

    return unit


def numbers(database: Database) -> list[int]:
    with database.reading() as session:
        return list(session.scalars(text("SELECT number FROM notes ORDER BY number")))


def held_back(subject: GroupCommit, entered: threading.Event, release: threading.Event) -> None:
    """Be the leader until `release` is set, so that others queue up."""

    def unit(_session: Session) -> None:
        entered.set()
        release.wait(30)

    subject.write(unit)


def all_at_once(subject: GroupCommit, units: list[Callable[[Session], int]]) -> list[object]:
    """Write the units while a leader holds them up; return results and errors in order."""
    entered, release = threading.Event(), threading.Event()
    with ThreadPoolExecutor(len(units) + 1) as pool:
        pool.submit(held_back, subject, entered, release)
        entered.wait(30)
        futures = [pool.submit(subject.write, unit) for unit in units]
        wait_until(lambda: len(subject._waiting) == len(units), timeout_s=30)
        release.set()
        return [future.exception(60) or future.result() for future in futures]


def test_each_thread_gets_its_own_result(table: Database) -> None:
    written = all_at_once(GroupCommit(table), [insert(number) for number in range(THREADS)])

    assert written == list(range(THREADS))
    assert numbers(table) == list(range(THREADS))


def test_units_that_wait_share_transactions(table: Database, transactions: list[Database]) -> None:
    all_at_once(GroupCommit(table), [insert(number) for number in range(THREADS)])

    assert len(transactions) < THREADS


@pytest.mark.only_sqlite
def test_units_that_come_while_the_leader_waits_for_the_lock_share_its_transaction(
    table: Database, transactions: list[Database]
) -> None:
    subject = GroupCommit(table)
    with ThreadPoolExecutor(5) as pool:
        with table.writing():  # as another process does
            futures = [pool.submit(subject.write, insert(number)) for number in range(5)]
            wait_until(lambda: len(subject._waiting) == 4, timeout_s=30)
        assert sorted(future.result(60) for future in futures) == list(range(5))

    assert len(transactions) == 2


def test_a_unit_that_fails_fails_no_other(table: Database) -> None:
    def fail(_session: Session) -> int:
        raise LookupError("mine alone")

    units = [insert(0), fail, insert(1), fail, insert(2)]
    written = all_at_once(GroupCommit(table), units)

    assert [str(item) for item in written] == ["0", "mine alone", "1", "mine alone", "2"]
    assert numbers(table) == [0, 1, 2]


def test_a_unit_that_is_refused_costs_the_others_no_transaction(
    table: Database, transactions: list[Database]
) -> None:
    def refused(session: Session) -> int:
        insert(100)(session)
        raise TooManyWaiting(7, 1, 7)

    units = [insert(0), refused, insert(1), refused, insert(2), refused]
    written = all_at_once(GroupCommit(table), units)

    assert [type(item) for item in written] == [int, TooManyWaiting] * 3
    assert numbers(table) == [0, 1, 2]
    assert len(transactions) < len(units)


def test_a_unit_that_is_refused_before_it_changes_anything_has_no_other_run_again(
    table: Database,
) -> None:
    runs: list[int] = []

    def refused(_session: Session) -> int:
        raise TooManyWaiting(7, 1, 7)

    def counted(number: int) -> Callable[[Session], int]:
        def unit(session: Session) -> int:
            runs.append(number)
            return insert(number)(session)

        return unit

    written = all_at_once(GroupCommit(table), [counted(0), refused, counted(1), refused])

    assert [type(item) for item in written] == [int, TooManyWaiting] * 2
    assert numbers(table) == sorted(runs) == [0, 1]


@pytest.mark.only_sqlite
def test_a_database_error_reaches_every_thread_and_the_next_write_succeeds(
    table: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = GroupCommit(table)

    def locked(*_: object) -> None:
        raise DatabaseBusy("The database is locked.")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteDatabase, "_begin", locked)
        for number in range(3):
            with pytest.raises(DatabaseBusy):
                subject.write(insert(number))
    subject.write(insert(7))

    assert numbers(table) == [7]


def test_more_units_than_fit_take_several_transactions(
    table: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "UNITS_MAX", 3)

    all_at_once(GroupCommit(table), [insert(number) for number in range(THREADS)])

    assert numbers(table) == list(range(THREADS))


def test_an_owner_with_many_units_lets_the_first_of_another_go_before(
    table: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "UNITS_MAX", 2)
    subject = GroupCommit(table)
    written: list[str] = []

    def unit(name: str) -> Callable[[Session], None]:
        return lambda _session: written.append(name)

    entered, release = threading.Event(), threading.Event()
    with ThreadPoolExecutor(8) as pool:
        pool.submit(held_back, subject, entered, release)
        entered.wait(30)
        for number in range(5):
            pool.submit(subject.write, unit(f"greedy-{number}"), "greedy")
            wait_until(lambda n=number: len(subject._waiting) == n + 1, timeout_s=30)  # type: ignore[misc]
        pool.submit(subject.write, unit("modest"), "modest")
        wait_until(lambda: len(subject._waiting) == 6, timeout_s=30)
        release.set()

    assert set(written[:2]) == {"greedy-0", "modest"}
    assert written[2:] == [f"greedy-{number}" for number in range(1, 5)]


def test_a_refusal_after_a_change_undoes_nothing_of_units_that_use_prepared_statements(
    database: Database,
) -> None:
    add = Prepared(insertion(Batch))

    def unit(batch_id: str, *, is_refused: bool) -> Callable[[Session], None]:
        def run(session: Session) -> None:
            values = {"id": batch_id, "owner": "a", "total_documents": 1, "priority": 5}
            add.run(session, **values, created_at=clock.now(), webhook_url=None)
            if is_refused:
                raise NothingToRetry("no")

        return run

    entries: list[Any] = [
        _Entry(unit("kept", is_refused=False), ""),
        _Entry(unit("refused", is_refused=True), ""),
    ]

    GroupCommit(database)._write(entries)

    with database.reading() as session:
        assert session.scalars(select(Batch.id)).all() == ["kept"]
    with pytest.raises(NothingToRetry):
        entries[1].outcome()
