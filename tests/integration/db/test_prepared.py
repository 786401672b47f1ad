"""Prepared statements do what SQLAlchemy's own do, at a fraction of the cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.sql.compiler import SQLCompiler

from ilios.core import clock, ids
from ilios.core.errors import DatabaseFull
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Batch, Document, DocumentStatus, Job
from ilios.db.models.statuses import OPEN
from ilios.db.opening import compile_statements
from ilios.db.prepared import Prepared
from ilios.db.sqlite_database import SqliteDatabase

pytestmark = pytest.mark.both_databases

NOW = clock.now()
ADD = Prepared(insert(Batch))
BY_ID = Prepared(
    select(Batch.id, Batch.total_documents, Batch.created_at).where(Batch.id == bindparam("wanted"))
)
COUNT = Prepared(select(func.count()).select_from(Batch))
GROW = Prepared(
    update(Batch)
    .where(Batch.id == bindparam("wanted"))
    .values(total_documents=Batch.total_documents + 1)
)


def batch(**changes: Any) -> dict[str, Any]:
    row = {"id": ids.new_id(), "owner": "o", "total_documents": 3, "priority": 5}
    return {**row, "created_at": NOW, "webhook_url": None, **changes}


def count(database: Database) -> int:
    with database.watching() as watch:
        return int(COUNT.all(watch)[0][0])


def test_what_a_transaction_writes_is_read_by_itself_with_the_types_of_its_columns(
    database: Database,
) -> None:
    row = batch()
    with database.writing() as session:
        assert ADD.run(session, **row) == 1
        assert GROW.run(session, wanted=row["id"]) == 1
        assert GROW.run(session.connection(), wanted="another") == 0

    with database.watching() as watch:
        assert BY_ID.first(watch, wanted=row["id"]) == (row["id"], 4, NOW)
        assert BY_ID.first(watch, wanted="another") is None


def test_what_is_looked_for_with_nul_is_not_there(database: Database) -> None:
    """No text of PostgreSQL has NUL."""
    row = batch()
    with database.writing() as session:
        ADD.run(session, **row)

    with database.watching() as watch:
        assert BY_ID.first(watch, wanted=f"{row['id']}\0") is None


def test_a_transaction_that_fails_takes_them_with_it(database: Database) -> None:
    def write_and_fail() -> None:
        with database.writing() as session:
            ADD.run_many(session, [batch(), batch()])
            assert COUNT.first(session) == (2,)
            assert count(database) == 0
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()

    assert count(database) == 0


@pytest.mark.only_sqlite
def test_one_statement_serves_several_databases_and_lists_of_fixed_length(
    database: SqliteDatabase,
) -> None:
    document_id = add_document(database)
    statement = Prepared(
        select(Document.id, Document.status, Document.options)
        .where(Document.status.in_(OPEN), Document.created_at <= bindparam("moment"))
        .limit(1)
    )

    for opened in (database, SqliteDatabase(database.path)):
        with opened.watching() as watch:
            found = statement.first(watch, moment=NOW)
            assert found == (document_id, DocumentStatus.PENDING, {"a": [1]})
            assert statement.first(watch, moment=NOW - timedelta(seconds=1)) is None


def test_a_limit_is_a_part_of_the_statement(database: Database) -> None:
    """SQLite would compile the statement anew each time if it were bound."""
    statement = Prepared(select(Batch.id).where(Batch.owner == bindparam("of_owner")).limit(1))
    with database.watching() as watch:
        statement.all(watch, of_owner="o")
        assert statement._compiled is not None
        assert "LIMIT 1" in statement._compiled._sql


def test_columns_that_are_left_out_get_their_defaults(database: Database) -> None:
    document_id = add_document(database)

    with database.reading() as session:
        stored = session.get_one(Document, document_id)
    assert (stored.options, stored.pages_done, stored.to_erase) == ({"a": [1]}, 0, False)


def add_document(database: Database) -> str:
    """Add one by the columns that have no default."""
    needed = [name for name, column in Document.__table__.columns.items() if not column.default]
    values: dict[str, Any] = {
        "id": ids.new_id(),
        "owner": "o",
        "file_name": "a",
        "mime_type": "m",
        "file_size": 1,
        "storage_key": "k",
        "status": DocumentStatus.PENDING,
        "operation": "convert",
        "options": {"a": [1]},
        "warnings": [],
        "retention_days": 1,
        "created_at": NOW,
    }
    with database.writing() as session:
        Prepared(insert(Document), needed).run(session, **{**dict.fromkeys(needed), **values})
    return str(values["id"])


def test_returned_rows_have_types_too(database: Database) -> None:
    row = batch()
    ended = Prepared(
        delete(Batch).where(Batch.id == bindparam("wanted")).returning(Batch.created_at)
    )
    with database.writing() as session:
        ADD.run(session, **row)
        assert ended.all(session, wanted=row["id"]) == [(NOW,)]


def test_errors_are_those_of_sqlalchemy_without_the_parameters(database: Database) -> None:
    row = batch(owner="not for a log")
    with pytest.raises(IntegrityError) as raised, database.writing() as session:
        ADD.run_many(session, [row, row])

    assert "unique constraint" in str(raised.value).lower()
    assert "not for a log" not in str(raised.value)
    with pytest.raises(DatabaseError, match="nowhere"), database.watching() as watch:
        Prepared(select(text("1")).select_from(text("nowhere"))).all(watch)


@pytest.mark.only_sqlite
def test_a_full_disk_is_one_here_too(database: Database) -> None:
    def fill() -> None:
        with database.writing() as session:
            session.execute(text("PRAGMA max_page_count = 1"))
            ADD.run_many(session, [batch(owner="o" * 4096) for _ in range(20)])

    with pytest.raises(DatabaseFull):
        fill()


@pytest.mark.parametrize("given", [{}, {"wanted": "a", "unknown": 1}])
def test_parameters_that_are_missing_or_unknown_are_refused(
    database: Database, given: dict[str, object]
) -> None:
    with database.watching() as watch, pytest.raises(TypeError, match="in place of"):
        BY_ID.all(watch, **given)


def test_what_cannot_be_prepared_says_so(database: Database) -> None:
    changing = select(Job.id).where(Job.id.in_(bindparam("wanted", expanding=True)))
    with database.watching() as watch, pytest.raises(TypeError, match="length changes"):
        Prepared(changing).all(watch, wanted=[])


@pytest.mark.only_sqlite
def test_they_take_a_fraction_of_what_the_orm_takes(database: Database) -> None:
    row = batch()
    with database.writing() as session:
        ADD.run(session, **row)

    def by_orm() -> None:
        with database.reading() as session:
            session.scalar(select(Batch).where(Batch.id == row["id"]))

    def prepared() -> None:
        with database.watching() as watch:
            BY_ID.first(watch, wanted=row["id"])

    assert cost(prepared) < cost(by_orm) / 3


def cost(ask: Callable[[], None]) -> float:
    ask()
    began = time.thread_time()
    for _ in range(300):
        ask()
    return time.thread_time() - began


@pytest.mark.only_sqlite
def test_what_was_compiled_before_the_fork_is_not_compiled_again(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = Prepared(select(Batch.id).where(Batch.owner == bindparam("of_owner")))
    compile_statements(settings)

    def compile_again(*_: object, **__: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(SQLCompiler, "__init__", compile_again)

    with database.reading() as session:
        assert some.all(session, of_owner="nobody") == []
