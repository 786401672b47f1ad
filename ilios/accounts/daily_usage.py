"""What an owner's settled calls add up to by UTC day. Takes a session, never commits.

On PostgreSQL a day has several rows, whose sum counts: see ilios.db.postgres.schema.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ScalarSelect, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ilios.db.dialects import by_writer, upsert
from ilios.db.models import DailyUsage
from ilios.db.prepared import Prepared

_DAY = upsert(DailyUsage)
_ADD = Prepared(
    _DAY.on_conflict_do_update(
        index_elements=[DailyUsage.owner, by_writer(DailyUsage.day)],
        set_={
            "pages": DailyUsage.pages + _DAY.excluded.pages,
            "cost_micros": DailyUsage.cost_micros + _DAY.excluded.cost_micros,
        },
    )
)


def sum_between(
    column: InstrumentedAttribute[int], start: str = "start", end: str = "end"
) -> ScalarSelect[Any]:
    """Return the sum of a column over the days of `of_owner` from `start` to `end`, exclusive.

    All three are parameters; those of the days may have other names.
    """
    return (
        select(func.coalesce(func.sum(column), 0))
        .where(
            DailyUsage.owner == bindparam("of_owner"),
            DailyUsage.day >= bindparam(start),
            DailyUsage.day < bindparam(end),
        )
        .scalar_subquery()
    )


_USED = Prepared(select(sum_between(DailyUsage.pages), sum_between(DailyUsage.cost_micros)))


def add(session: Session, owner: str, pages: int, cost_micros: int, now: datetime) -> None:
    """Add what a call has used that is settled now."""
    day = now.astimezone(UTC).date()
    _ADD.send(session, owner=owner, day=day, pages=pages, cost_micros=cost_micros)


def used(session: Session, owner: str, start: date, end: date) -> tuple[int, int]:
    """Return pages and micro-dollars that were settled from one UTC day to another, exclusive."""
    ((pages, cost_micros),) = _USED.all(session, of_owner=owner, start=start, end=end)
    return pages, cost_micros
