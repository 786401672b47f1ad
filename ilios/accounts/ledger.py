"""The ledger: one row for each engine call, in micro-dollars. Takes a session, never commits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session

from ilios.accounts import daily_usage
from ilios.core import ids
from ilios.core.prices import CHARACTERS_PER_TOKEN, Charge
from ilios.db.models import Call, CallState, Document
from ilios.db.prepared import Prepared

FREE_ENGINE = "embedded"  #: its calls cost nothing, however they end

# Prepared once: see ilios.queue.jobs.
_OPENED: Final = (
    *("call_id", "document_id", "job_id", "owner", "operation", "engine", "model", "state"),
    *("first_page", "last_page", "expected_pages", "is_batch", "is_annotated", "created_at"),
)
_CHARGED: Final = (
    *("pages", "claimed_pages", "output_tokens", "price_micros", "margin_percent"),
    *("base_cost_micros", "total_cost_micros", "settled_at"),
)
_INSERT = Prepared(insert(Call), _OPENED)
_INSERT_SETTLED = Prepared(insert(Call), (*_OPENED, *_CHARGED))
_SETTLE = Prepared(
    update(Call)
    .where(
        Call.call_id == bindparam("the_call"),
        Call.state.in_((CallState.OPEN, CallState.UNKNOWN)),
    )
    .values(
        state=CallState.SETTLED,
        pages=bindparam("counted"),
        claimed_pages=bindparam("claimed"),
        model=bindparam("resolved"),
        output_tokens=bindparam("tokens"),
        price_micros=bindparam("page_micros"),
        margin_percent=bindparam("margin"),
        base_cost_micros=bindparam("base_micros"),
        total_cost_micros=bindparam("total_micros"),
        settled_at=bindparam("moment"),
    )
    .returning(Call.owner)
)
_CALLS_UNKNOWN = Prepared(
    select(func.count())
    .select_from(Call)
    .where(Call.job_id == bindparam("of_job"), Call.state == CallState.UNKNOWN)
)


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that is about to be made; `indexes` are the pages, None when they are not known."""

    job_id: str
    engine: str
    model: str
    indexes: tuple[int, ...] | None
    is_batch: bool = False
    is_annotated: bool = False


@dataclass(frozen=True, slots=True)
class Used:
    """What a call that was answered has used.

    `claimed_pages` is the provider's own count, where that is more than is believed.
    """

    pages: int
    model: str
    characters: int
    charge: Charge
    claimed_pages: int | None = None


class Recorded(NamedTuple):
    """A call that was answered, and is not in the ledger yet."""

    document: Document
    intent: Intent
    call_id: str
    used: Used


def open_call(
    session: Session,
    document: Document,
    call: Intent,
    now: datetime,
    call_id: str | None = None,
) -> str:
    """Record that a call is about to be made; return its id, which is drawn unless given."""
    call_id = call_id or ids.new_id()
    _INSERT.send(session, **_opened(document, call, call_id, now))
    return call_id


def _opened(document: Document, call: Intent, call_id: str, now: datetime) -> dict[str, object]:
    """Return the columns of a call that is begun."""
    return {
        "call_id": call_id,
        "document_id": document.id,
        "job_id": call.job_id,
        "owner": document.owner,
        "operation": document.operation,
        "engine": call.engine,
        "model": call.model,
        "state": CallState.OPEN,
        "first_page": call.indexes[0] if call.indexes else None,
        "last_page": call.indexes[-1] if call.indexes else None,
        # When the number of pages is not known, there is at least one.
        "expected_pages": len(call.indexes) if call.indexes else 1,
        "is_batch": call.is_batch,
        "is_annotated": call.is_annotated,
        "created_at": now,
    }


def record(session: Session, call: Recorded, now: datetime) -> None:
    """Record a call that was not known before it was answered, because it costs nothing."""
    _INSERT_SETTLED.send(session, **_settled(call, now))
    used = call.used
    daily_usage.add(session, call.document.owner, used.pages, used.charge.total_micros, now)


def record_all(session: Session, calls: Sequence[Recorded], now: datetime) -> None:
    """Record several such calls."""
    _INSERT_SETTLED.run_many(session, (_settled(call, now) for call in calls))
    pages: Counter[str] = Counter()
    micros: Counter[str] = Counter()
    for call in calls:
        pages[call.document.owner] += call.used.pages
        micros[call.document.owner] += call.used.charge.total_micros
    for owner in sorted(pages):  # in everybody's order
        daily_usage.add(session, owner, pages[owner], micros[owner], now)


def _settled(call: Recorded, now: datetime) -> dict[str, object]:
    used = call.used
    return _opened(call.document, call.intent, call.call_id, now) | {
        "state": CallState.SETTLED,
        "model": used.model,
        "pages": used.pages,
        "claimed_pages": used.claimed_pages,
        "output_tokens": used.characters // CHARACTERS_PER_TOKEN,
        "price_micros": used.charge.page_micros,
        "margin_percent": used.charge.margin_percent,
        "base_cost_micros": used.charge.base_micros,
        "total_cost_micros": used.charge.total_micros,
        "settled_at": now,
    }


def settle(session: Session, call_id: str, used: Used, now: datetime) -> bool:
    """Move open or unknown → settled: the call was answered.

    Returns False when it was settled before: a spooled answer may be read twice.
    """
    settled = _SETTLE.first(
        session,
        the_call=call_id,
        counted=used.pages,
        claimed=used.claimed_pages,
        resolved=used.model,
        tokens=used.characters // CHARACTERS_PER_TOKEN,
        page_micros=used.charge.page_micros,
        margin=used.charge.margin_percent,
        base_micros=used.charge.base_micros,
        total_micros=used.charge.total_micros,
        moment=now,
    )
    if settled is None:
        return False
    (owner,) = settled
    daily_usage.add(session, owner, used.pages, used.charge.total_micros, now)
    return True


def refuse(session: Session, call_id: str, now: datetime) -> None:
    """Move open → refused: it was not done, or answered with an error; nothing is billed."""
    _close(session, Call.call_id == call_id, state=CallState.REFUSED, settled_at=now)


def doubt(session: Session, call_id: str, now: datetime) -> None:
    """Move open → unknown: it was sent, and how it ended is not known."""
    _close(session, Call.call_id == call_id, state=CallState.UNKNOWN, settled_at=now)


def refuse_all(session: Session, job_id: str, now: datetime) -> None:
    """Move open → refused for all calls of a job: none of them was made."""
    _close(session, Call.job_id == job_id, state=CallState.REFUSED, settled_at=now)


def abandon(session: Session, job_ids: list[str], now: datetime) -> None:
    """Close the open calls of jobs whose process is gone: unknown, or refused if free."""
    calls = Call.job_id.in_(job_ids)
    _close(session, calls & (Call.engine == FREE_ENGINE), state=CallState.REFUSED, settled_at=now)
    _close(session, calls, state=CallState.UNKNOWN, settled_at=now)


def calls_open(session: Session, job_id: str) -> bool:
    """Return whether a paid call of this job has been begun, and not ended."""
    begun = select(Call.call_id).where(
        Call.job_id == job_id, Call.state == CallState.OPEN, Call.engine != FREE_ENGINE
    )
    return session.scalar(begun.limit(1)) is not None


def calls_unknown(session: Session, job_id: str) -> int:
    """Return how many calls of this job have an unknown outcome."""
    (calls,) = _CALLS_UNKNOWN.all(session, of_job=job_id)[0]
    return int(calls)


def calls_of(session: Session, job_id: str) -> list[Call]:
    """Return all calls of a job, or of a provider's batch."""
    return list(session.scalars(select(Call).where(Call.job_id == job_id)))


def overcounted(session: Session, since: datetime) -> tuple[int, int]:
    """Return how many calls the provider counted more pages for than it was sent, and how many."""
    calls, pages = session.execute(
        select(func.count(), func.sum(Call.claimed_pages - Call.pages)).where(
            Call.claimed_pages.is_not(None), Call.settled_at >= since
        )
    ).one()
    return calls, pages or 0


def _close(session: Session, which: ColumnElement[bool], **values: object) -> None:
    session.execute(
        update(Call)
        .where(which, Call.state == CallState.OPEN)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
