"""The ledger: one row for each engine call, in micro-dollars. Takes a session, never commits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, SQLColumnExpression, String, cast, func, select, update
from sqlalchemy.orm import Session

from ilios import ids
from ilios.engines.base import Conversion
from ilios.models import Call, CallState, Document

CHARACTERS_A_TOKEN = 4  #: an estimate; OCR is billed by the page

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
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open: from `start` (inclusive) to `end` (exclusive); None is unbounded."""

    start: datetime | None = None
    end: datetime | None = None


def open_call(
    session: Session, document: Document, job_id: str, *, engine: str, model: str, now: datetime
) -> str:
    """Record that a call is about to be made; returns its id."""
    call = Call(
        call_id=ids.new_id(),
        document_id=document.id,
        job_id=job_id,
        owner=document.owner,
        operation=document.operation,
        engine=engine,
        model=model,
        state=CallState.OPEN,
        created_at=now,
    )
    session.add(call)
    return call.call_id


def settle(session: Session, call_id: str, conversion: Conversion, now: datetime) -> None:
    """open → settled: the call was answered, and this is what it cost."""
    usage = conversion.usage
    characters = sum(len(page.markdown) for page in conversion.pages)
    _close(
        session,
        Call.call_id == call_id,
        state=CallState.SETTLED,
        pages=usage.pages,
        model=usage.model,
        output_tokens=characters // CHARACTERS_A_TOKEN,
        base_cost_micros=usage.cost_micros,
        total_cost_micros=usage.cost_micros,
        settled_at=now,
    )


def refuse(session: Session, call_id: str, now: datetime) -> None:
    """open → refused: the engine answered with an error, and bills nothing."""
    _close(session, Call.call_id == call_id, state=CallState.REFUSED, settled_at=now)


def abandon(session: Session, job_ids: list[str], now: datetime) -> None:
    """open → unknown: whoever made these jobs' calls is gone, and nobody knows how they ended."""
    _close(session, Call.job_id.in_(job_ids), state=CallState.UNKNOWN, settled_at=now)


def of_document(session: Session, document_id: str, owner: str) -> Totals:
    """What one document has cost."""
    return _totals(session, Call.document_id == document_id, Call.owner == owner)


def summary(session: Session, owner: str, period: Period) -> Totals:
    return _totals(session, *_owned(owner, period))


def breakdown(session: Session, owner: str, period: Period, by: Grouping) -> list[Totals]:
    """The same sums for each operation, model or UTC day, in order."""
    groups: dict[Grouping, SQLColumnExpression[str]] = {
        "operation": Call.operation,
        "model": Call.model,
        "day": func.substr(cast(Call.settled_at, String), 1, 10),
    }
    group = groups[by]
    rows = session.execute(
        select(group, *_sums()).where(*_owned(owner, period)).group_by(group).order_by(group)
    )
    return [_as_totals(sums, group=name) for name, *sums in rows]


def _close(session: Session, which: ColumnElement[bool], **values: object) -> None:
    session.execute(
        update(Call)
        .where(which, Call.state == CallState.OPEN)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _owned(owner: str, period: Period) -> list[ColumnElement[bool]]:
    conditions = [Call.owner == owner, Call.state == CallState.SETTLED]
    if period.start is not None:
        conditions.append(Call.settled_at >= period.start)
    if period.end is not None:
        conditions.append(Call.settled_at < period.end)
    return conditions


def _sums() -> tuple[ColumnElement[int], ...]:
    columns = (Call.pages, Call.input_tokens, Call.output_tokens, Call.total_cost_micros)
    sums = (func.coalesce(func.sum(column), 0) for column in columns)
    return (func.count(Call.document_id.distinct()), func.count(), *sums)


def _totals(session: Session, *conditions: ColumnElement[bool]) -> Totals:
    return _as_totals(session.execute(select(*_sums()).where(*conditions)).one())


def _as_totals(sums: Iterable[Any], group: str | None = None) -> Totals:
    documents, operations, pages, input_tokens, output_tokens, cost_micros = sums
    return Totals(documents, operations, pages, input_tokens, output_tokens, cost_micros, group)
