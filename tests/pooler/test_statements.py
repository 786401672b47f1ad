"""Transactions and statements by way of PgBouncer, whose connections change with each of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text

from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Scope
from ilios.db.postgres.database import PostgresDatabase
from ilios.db.prepared import Prepared
from tests.pooler.pgbouncer import PgBouncer
from tests.postgres_server.process import PostgresServer
from tests.support import documents
from tests.support.migrating import upgrade

THREADS = 8  #: more than PgBouncer has connections


@pytest.fixture
def database(
    server: PostgresServer, pgbouncer: PgBouncer, name: str, tmp_path: Path
) -> Iterator[PostgresDatabase]:
    upgrade(Settings(data_dir=tmp_path / "data", database_url=SecretStr(server.url(name))))
    with closing(
        PostgresDatabase(pgbouncer.url(name), connections=THREADS, is_pooled=True)
    ) as database:
        yield database
    clock.follow(None)


def test_statements_that_are_repeated_find_their_way_on_any_connection(
    database: PostgresDatabase,
) -> None:
    double = Prepared(select(func.count()).select_from(text("generate_series(1, 3)")))

    def ask(_: int) -> int:
        with database.watching() as watch:
            ((found,),) = double.all(watch)
        with database.reading() as session:
            ((again,),) = double.all(session)
        return int(found + again)

    with ThreadPoolExecutor(THREADS) as threads:
        assert set(threads.map(ask, range(200))) == {6}


def test_writers_take_turns_and_lose_no_update(database: PostgresDatabase) -> None:
    with database.writing() as session:
        session.execute(text("CREATE TABLE counter (n INTEGER)"))
        session.execute(text("INSERT INTO counter VALUES (0)"))

    def increment(_: int) -> None:
        with database.writing() as session:
            value = session.scalar(text("SELECT n FROM counter"))
            session.execute(text("UPDATE counter SET n = :n"), {"n": value + 1})

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(increment, range(80)))

    with database.reading() as session:
        assert session.scalar(text("SELECT n FROM counter")) == 80


def test_rows_are_read_one_by_one_within_a_transaction(database: PostgresDatabase) -> None:
    numbers = func.generate_series(1, 10**5).column_valued("n")

    with (
        database.reading() as session,
        closing(Prepared(select(numbers)).each(session)) as rows,
    ):
        assert [next(rows)[0] for _ in range(3)] == [1, 2, 3]


def test_limits_of_a_transaction_do_not_reach_the_next_one(database: PostgresDatabase) -> None:
    sleep = Prepared(select(func.pg_sleep(600)))

    with database.watching() as watch, pytest.raises(TimeoutError), watch.limited(0.01):
        sleep.all(watch)
    for _ in range(THREADS):
        with database.watching() as watch:
            assert watch.query("SHOW statement_timeout") == [("0",)]
        with database.writing(Scope.ROWS) as session:
            assert session.scalar(text("SHOW lock_timeout")) != "0"
        with database.watching() as watch:
            assert watch.query("SHOW lock_timeout") == [("0",)]


def test_documents_are_entered_and_a_commit_is_seen_by_who_watches(
    database: PostgresDatabase,
) -> None:
    with database.watching() as watch:
        watch.changed()
        documents.add_document(database)
        while not watch.changed():
            pass
