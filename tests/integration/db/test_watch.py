"""Queries on a watch are broken off when they take too long, and the next ones are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, literal_column, select
from sqlalchemy.exc import OperationalError

from ilios.db.database import Database
from ilios.db.prepared import Prepared
from ilios.db.watch import Watch

pytestmark = pytest.mark.both_databases

_NUMBERS = select(literal_column("1").label("n")).cte(recursive=True)
_ALL_NUMBERS = _NUMBERS.union_all(select(_NUMBERS.c.n + literal_column("1")))
ENDLESS = Prepared(select(func.max(_ALL_NUMBERS.c.n)))
ENDLESSLY_MANY = Prepared(select(_ALL_NUMBERS.c.n))
WRONG = Prepared(select(literal_column("nothing")))


@pytest.mark.parametrize(
    "read",
    [ENDLESS.all, ENDLESSLY_MANY.all, lambda watch: list(ENDLESSLY_MANY.each(watch))],
    ids=["before its first row", "after it", "read one by one"],
)
def test_a_query_that_takes_too_long_is_broken_off(
    database: Database, read: Callable[[Watch], object]
) -> None:
    with database.watching() as watch:
        with pytest.raises(TimeoutError), watch.limited(0.01):
            read(watch)

        assert watch.query("SELECT 1") == [(1,)]


def test_what_else_fails_is_told_as_it_is(database: Database) -> None:
    with (
        pytest.raises(OperationalError, match="nothing"),
        database.watching() as watch,
        watch.limited(60),
    ):
        WRONG.all(watch)
