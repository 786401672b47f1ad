"""Transactions on the driver: the ORM and prepared statements share them, and leave nothing."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from ilios.core import clock, ids
from ilios.db.database import Database
from ilios.db.models import Batch
from ilios.db.prepared import IN_TRANSACTION, Prepared

pytestmark = pytest.mark.both_databases

KEPT = 3  #: idle connections, in place of more than PostgreSQL gives a process
ADD = Prepared(insert(Batch))
OWNERS = Prepared(select(Batch.owner).order_by(Batch.owner))


def batch(owner: str) -> dict[str, Any]:
    row = {"id": ids.new_id(), "owner": owner, "total_documents": 3, "priority": 5}
    return {**row, "created_at": clock.now(), "webhook_url": None}


def owners(database: Database) -> list[str]:
    with database.reading() as session:
        return [owner for (owner,) in OWNERS.all(session)]


def test_the_orm_and_prepared_statements_are_committed_together(database: Database) -> None:
    with database.writing() as session:
        ADD.run(session, **batch("prepared"))
        session.add(Batch(**batch("orm")))
        assert owners(database) == []

    assert owners(database) == ["orm", "prepared"]


def test_they_are_rolled_back_together(database: Database) -> None:
    def write_and_fail() -> None:
        with database.writing() as session:
            ADD.run(session, **batch("prepared"))
            session.add(Batch(**batch("orm")))
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()

    assert owners(database) == []


def test_both_see_one_snapshot(database: Database) -> None:
    with database.reading() as session:
        assert OWNERS.all(session) == []
        with database.writing() as writer:
            ADD.run(writer, **batch("later"))
        assert session.scalars(select(Batch)).all() == []
        assert OWNERS.all(session) == []

    assert owners(database) == ["later"]


def test_a_unit_without_the_orm_begins_no_transaction_of_it(database: Database) -> None:
    with database.writing() as session:
        ADD.run(session, **batch("o"))
        assert is_in_transaction(session.driver)
        assert not session.in_transaction()

    assert not is_in_transaction(session.driver)


def is_in_transaction(driver: Any) -> bool:
    """Ask SQLite's driver, or that of PostgreSQL."""
    if hasattr(driver, "in_transaction"):
        return bool(driver.in_transaction)
    return bool(driver.info.transaction_status == IN_TRANSACTION)


def test_the_next_unit_finds_no_objects_of_the_one_before(database: Database) -> None:
    row = batch("before")
    with database.writing() as session:
        kept = Batch(**row)
        session.add(kept)
    with database.writing() as session:
        session.add(Batch(**batch("never written")))
        session.rollback()

    with database.reading() as session:
        found = session.get_one(Batch, row["id"])

    assert found is not kept
    assert owners(database) == ["before"]


@pytest.mark.only_sqlite  # to PostgreSQL it is a warning
def test_a_transaction_that_cannot_begin_raises_sqlalchemys_error(database: Database) -> None:
    with database.reading() as session, pytest.raises(OperationalError, match="within"):
        session.start("IMMEDIATE")


def test_idle_connections_are_kept_up_to_a_number(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ilios.db.database.CONNECTIONS_KEPT", KEPT)
    opened = [database.reading() for _ in range(KEPT + 2)]
    sessions = [one.__enter__() for one in opened]
    for one in opened:
        one.__exit__(None, None, None)

    with database.reading() as session:
        assert session in sessions
    assert sum(is_open(session.driver) for session in sessions) == KEPT


def is_open(driver: Any) -> bool:
    try:
        driver.execute("SELECT 1").fetchall()
    except Exception:  # noqa: BLE001  # the driver's ProgrammingError
        return False
    return True
