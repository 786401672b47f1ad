"""Words that each database has in its own SQL mean the same on both."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, select

from ilios.core import ids
from ilios.db.database import Database
from ilios.db.dialects import any_case_like, by_writer, is_in, unindexed, upsert, utc_day
from ilios.db.models import Batch, DailyUsage
from ilios.db.prepared import Prepared

pytestmark = pytest.mark.both_databases

LATE = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)


@pytest.fixture
def batch(database: Database) -> str:
    """Provide the id of a batch of the owner `Ärzte_1`, submitted late in the day."""
    batch_id = ids.new_id()
    with database.writing() as session:
        session.add(
            Batch(id=batch_id, owner="Ärzte_1", total_documents=1, priority=5, created_at=LATE)
        )
    return batch_id


def test_a_day_is_that_of_utc_wherever_the_moment_was_written(
    database: Database, batch: str
) -> None:
    elsewhere = LATE.astimezone(timezone(timedelta(hours=9)))
    with database.writing() as session:
        session.get_one(Batch, batch).created_at = elsewhere

    with database.reading() as session:
        assert session.scalars(select(utc_day(Batch.created_at))).all() == ["2026-11-30"]
        assert session.get_one(Batch, batch).created_at == LATE


@pytest.mark.parametrize("others", [0, 1, 200])
def test_a_list_of_any_length_is_one_parameter(database: Database, batch: str, others: int) -> None:
    found = Prepared(select(Batch.id).where(is_in(Batch.id, bindparam("listed"))))
    listed = [ids.new_id() for _ in range(others)]

    with database.watching() as watch:
        assert found.all(watch, listed=json.dumps([*listed, batch])) == [(batch,)]
        assert found.all(watch, listed=json.dumps(listed)) == []


@pytest.mark.parametrize(
    ("pattern", "is_found"), [("%RZTE%", True), ("%te/_1", True), ("%te/_x", False), ("x%", False)]
)
@pytest.mark.usefixtures("batch")
def test_a_pattern_is_met_in_either_case(database: Database, pattern: str, is_found: bool) -> None:
    like = Prepared(select(any_case_like(Batch.owner, bindparam("named"))))

    with database.watching() as watch:
        assert [bool(found) for (found,) in like.all(watch, named=pattern)] == [is_found]


def test_a_column_without_its_index_is_the_column(database: Database, batch: str) -> None:
    found = Prepared(select(Batch.id).where(unindexed(Batch.owner) == bindparam("of_owner")))

    with database.watching() as watch:
        assert found.all(watch, of_owner="Ärzte_1") == [(batch,)]


def test_an_insert_updates_the_row_that_is_there(database: Database) -> None:
    day = upsert(DailyUsage)
    add = Prepared(
        day.on_conflict_do_update(
            index_elements=[DailyUsage.owner, by_writer(DailyUsage.day)],
            set_={"pages": DailyUsage.pages + day.excluded.pages},
        )
    )
    ignore = Prepared(upsert(DailyUsage).on_conflict_do_nothing())
    row = {"owner": "a", "day": LATE.date(), "pages": 2, "cost_micros": 3}

    with database.writing() as session:
        add.run(session, **row)
        add.run(session, **row)
        assert ignore.run(session, **row) == 0

    with database.reading() as session:
        assert session.execute(select(DailyUsage.pages, DailyUsage.cost_micros)).all() == [(4, 3)]
