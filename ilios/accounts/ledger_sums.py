"""What the calls of the ledger come to: documents, pages, tokens and micro-dollars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, SQLColumnExpression, bindparam, case, func, select
from sqlalchemy.orm import Session

from ilios.db.dialects import utc_day
from ilios.db.models import Call, CallState
from ilios.db.prepared import Prepared, Runner

Grouping = Literal["operation", "model", "day"]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over settled calls; `group` is the operation, model or day, None over all."""

    documents: int
    operations: int
    pages: int
    input_tokens: int
    output_tokens: int
    cost_micros: int
    ambiguous_calls: int = 0  #: outcome unknown: perhaps billed by the provider, never charged
    ambiguous_pages: int = 0
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open: from `start` (inclusive) to `end` (exclusive); None is unbounded."""

    start: datetime | None = None
    end: datetime | None = None


def of_document(on: Runner, document_id: str, owner: str) -> Totals:
    """Return what one document has cost."""
    ((*sums,),) = _OF_DOCUMENT.all(on, of_document=document_id, of_owner=owner)
    return _as_totals(sums)


def summary(session: Session, owner: str, period: Period) -> Totals:
    """Return the sums over all calls of an owner that were settled in the period."""
    return _totals(session, *_owned(owner, period))


def breakdown(session: Session, owner: str, period: Period, by: Grouping) -> list[Totals]:
    """Return the sums of `summary` for each operation, model or UTC day, in order."""
    groups: dict[Grouping, SQLColumnExpression[str]] = {
        "operation": Call.operation,
        "model": Call.model,
        "day": utc_day(Call.settled_at),
    }
    group = groups[by]
    rows = session.execute(
        select(group, *_SUMS)
        .where(*_counted(*_owned(owner, period)))
        .group_by(group)
        .order_by(group)
    )
    return [_as_totals(sums, group=name) for name, *sums in rows]


def _owned(owner: str, period: Period) -> list[ColumnElement[bool]]:
    conditions = [Call.owner == owner]
    if period.start is not None:
        conditions.append(Call.settled_at >= period.start)
    if period.end is not None:
        conditions.append(Call.settled_at < period.end)
    return conditions


_SETTLED = Call.state == CallState.SETTLED
_UNKNOWN = Call.state == CallState.UNKNOWN
_SUMS: tuple[ColumnElement[int], ...] = (
    func.count(case((_SETTLED, Call.document_id)).distinct()),
    func.count(case((_SETTLED, Call.call_id))),
    *(
        func.coalesce(func.sum(case((_SETTLED, column))), 0)
        for column in (Call.pages, Call.input_tokens, Call.output_tokens, Call.total_cost_micros)
    ),
    func.count(case((_UNKNOWN, Call.call_id))),
    func.coalesce(func.sum(case((_UNKNOWN, Call.expected_pages))), 0),
)


def _totals(session: Session, *conditions: ColumnElement[bool]) -> Totals:
    sums = session.execute(select(*_SUMS).where(*_counted(*conditions))).one()
    return _as_totals(tuple(sums))


def _as_totals(sums: Sequence[int], group: str | None = None) -> Totals:
    documents, operations, pages, input_tokens, output_tokens, cost, doubts, doubtful_pages = sums
    return Totals(
        documents,
        operations,
        pages,
        input_tokens,
        output_tokens,
        cost,
        ambiguous_calls=doubts,
        ambiguous_pages=doubtful_pages,
        group=group,
    )


def _counted(*conditions: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    return (Call.state.in_((CallState.SETTLED, CallState.UNKNOWN)), *conditions)


_OF_DOCUMENT = Prepared(
    select(*_SUMS).where(
        *_counted(Call.document_id == bindparam("of_document"), Call.owner == bindparam("of_owner"))
    )
)
