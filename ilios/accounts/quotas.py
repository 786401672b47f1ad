"""Quotas: what a key may still use, in pages of a UTC day and money of a UTC month.

What counts is what the ledger has settled, and what open documents reserve. A document reserves at
least one page when it is taken in, and all of its pages as soon as they are counted, before its
first call; each settled call gives back what it has used. Check and reservation are in the same
write transaction, which locks the row of the key: two cannot take the last page. What is used and
reserved is read by one statement, for a call may be settled between two. A reservation is a column
of its document and counts while that is open: a process that dies leaves no reservation behind.
Takes a session, never commits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    SQLColumnExpression,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from ilios.accounts import daily_usage
from ilios.core import clock
from ilios.core.conversion_errors import BudgetSpent, DailyPagesSpent
from ilios.core.prices import dollars
from ilios.db.models import RESERVING, ApiKey, DailyUsage, Document
from ilios.db.prepared import Prepared

DAY: Final = timedelta(days=1)


def _greater(one: SQLColumnExpression[int], other: SQLColumnExpression[int]) -> ColumnElement[int]:
    return case((one > other, one), else_=other)


_IS_LIMITED = or_(ApiKey.pages_per_day.is_not(None), ApiKey.budget_micros_month.is_not(None))
_LIMITS = Prepared(
    select(ApiKey.pages_per_day, ApiKey.budget_micros_month)
    .where(ApiKey.owner == bindparam("of_owner"), _IS_LIMITED)
    .with_for_update(key_share=True)
)
# Prepared once: see ilios.queue.jobs.
_RESERVED = select(
    func.coalesce(func.sum(Document.reserved_pages), 0).label("pages"),
    func.coalesce(func.sum(Document.reserved_micros), 0).label("micros"),
).where(Document.owner == bindparam("of_owner"), RESERVING)
_HELD = _RESERVED.subquery("held")
_TAKEN = Prepared(
    select(
        _HELD.c.pages,
        _HELD.c.micros,
        daily_usage.sum_between(DailyUsage.pages, "today", "tomorrow"),
        daily_usage.sum_between(DailyUsage.cost_micros, "month", "next_month"),
    )
)
_RESERVE = Prepared(
    update(Document)
    .where(Document.id == bindparam("of_document"))
    .values(
        reserved_pages=_greater(Document.reserved_pages, bindparam("pages", type_=Integer)),
        reserved_micros=_greater(Document.reserved_micros, bindparam("micros", type_=BigInteger)),
    )
)
_RELEASE = Prepared(
    update(Document)
    .where(Document.id == bindparam("of_document"), Document.reserved_pages > 0)
    .values(
        reserved_pages=_greater(Document.reserved_pages - bindparam("pages"), literal(0)),
        reserved_micros=_greater(Document.reserved_micros - bindparam("micros"), literal(0)),
    )
)


@dataclass(frozen=True, slots=True)
class Amount:
    """Pages, and what they cost in micro-dollars."""

    pages: int
    cost_micros: int


NOTHING: Final = Amount(0, 0)


def admit(session: Session, owner: str, amount_of: Callable[[], Amount], now: datetime) -> Amount:
    """Return what a new document of this owner has to reserve; nothing without a quota.

    Only with one, `amount_of` is asked. Raises BudgetSpent or DailyPagesSpent.
    """
    limits = _limits(session, owner)
    if limits is None:
        return NOTHING
    amount = amount_of()
    _require(session, owner, limits, amount, now)
    return amount


def claim(session: Session, document_id: str, owner: str, amount: Amount, now: datetime) -> bool:
    """Let an open document reserve this amount, unless it reserves as much already.

    Returns False without a quota: nothing is reserved then. Raises BudgetSpent or DailyPagesSpent
    when this, with all that is used and reserved, is more than the key's quota.
    """
    limits = _limits(session, owner)
    if limits is None:
        return False
    pages, micros = amount.pages, amount.cost_micros
    _RESERVE.send(session, of_document=document_id, pages=pages, micros=micros)
    _require(session, owner, limits, NOTHING, now)
    return True


def release(session: Session, document_id: str, used: Amount) -> None:
    """Reduce a document's reservation by what one of its calls has used, as that is settled."""
    _RELEASE.send(session, of_document=document_id, pages=used.pages, micros=used.cost_micros)


def has_quota(owner: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """Return the condition that an owner has a quota, to be looked at without its lock."""
    return exists().where(ApiKey.owner == owner, _IS_LIMITED)


def reserved(session: Session, owner: str) -> Amount:
    """Return what the owner's open documents reserve."""
    row = session.connection().execute(_RESERVED, {"of_owner": owner}).one()
    return Amount(row.pages, row.micros)


def used(session: Session, owner: str, start: date, end: date) -> Amount:
    """Return what was settled from one UTC day to another, exclusive."""
    pages, cost_micros = daily_usage.used(session, owner, start, end)
    return Amount(pages, cost_micros)


def day_of(moment: datetime) -> tuple[date, date]:
    """Return the UTC day of a moment, and the next one."""
    today = moment.astimezone(UTC).date()
    return today, today + DAY


def month_of(moment: datetime) -> tuple[date, date]:
    """Return the first day of a moment's UTC month, and of the next one."""
    first = moment.astimezone(UTC).date().replace(day=1)
    return first, (first + 31 * DAY).replace(day=1)


@dataclass(frozen=True, slots=True)
class _Limits:
    pages_per_day: int | None
    budget_micros_month: int | None


def _limits(session: Session, owner: str) -> _Limits | None:
    """Return the quota of an owner, of which nobody else takes until the commit; None without."""
    row = _LIMITS.first(session, of_owner=owner)
    return None if row is None else _Limits(*row)


def _require(session: Session, owner: str, limits: _Limits, amount: Amount, now: datetime) -> None:
    (today, tomorrow), (month, next_month) = day_of(now), month_of(now)
    days = {"today": today, "tomorrow": tomorrow, "month": month, "next_month": next_month}
    ((held_pages, held_micros, pages, spent),) = _TAKEN.all(session, of_owner=owner, **days)
    budget, quota = limits.budget_micros_month, limits.pages_per_day
    if budget is not None and spent + held_micros + amount.cost_micros > budget:
        raise _budget_spent(budget, spent, now)
    if quota is not None and pages + held_pages + amount.pages > quota:
        raise _daily_pages_spent(quota, pages, now)


def _budget_spent(budget_micros: int, spent_micros: int, now: datetime) -> BudgetSpent:
    renewed = _midnight(month_of(now)[1])
    return BudgetSpent(
        f"This needs more than is left of the key's budget: {dollars(budget_micros)} a month, "
        f"{dollars(spent_micros)} of it spent, the rest spent or promised to documents under way. "
        f"The month ends at {clock.iso(renewed)}: send it again then, or use a key with a larger "
        "budget."
    )


def _daily_pages_spent(quota: int, pages: int, now: datetime) -> DailyPagesSpent:
    renewed = _midnight(day_of(now)[1])
    return DailyPagesSpent(
        f"This needs more than is left of the key's pages: {quota} a day, {pages} of them used, "
        f"the rest used or promised to documents under way. The day ends at {clock.iso(renewed)}: "
        "send it again then, or use a key with more pages.",
        retry_after_seconds=-((now - renewed) // timedelta(seconds=1)),
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
