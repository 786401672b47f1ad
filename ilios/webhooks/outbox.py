"""The outbox: which deliveries are due, and what becomes of them. Takes a session, never commits.

Of one document, or one batch, one delivery is due at a time: those behind it have no time of their
next attempt until it has ended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import bindparam, delete, func, literal_column, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from ilios.db.models import DeliveryStatus, WebhookDelivery
from ilios.db.prepared import Prepared, Runner
from ilios.webhooks import schedule
from ilios.webhooks.events import Delivery

KEPT: Final = timedelta(days=7)  #: after its end, a delivery can be listed and replayed
PORTION_ROWS: Final = 1000  #: that are swept or made due in one transaction

_Row = WebhookDelivery
OPEN: Final = (DeliveryStatus.PENDING, DeliveryStatus.SENDING)
# Literals, as the partial indexes say it.
_IS_PENDING: Final = literal_column("webhook_deliveries.status") == literal_column("'pending'")
_IS_SENDING: Final = literal_column("webhook_deliveries.status") == literal_column("'sending'")
_HAS_TIME: Final = _Row.next_attempt_at.is_not(None)
COLUMNS: Final = tuple(getattr(_Row, field.name) for field in fields(Delivery))
_MOMENT: Final = bindparam("moment", type_=_Row.created_at.type)
_THIS: Final = (_Row.owner == bindparam("of_owner"), _Row.number == bindparam("numbered"))

_NEXT_RECEIVER = Prepared(
    select(_Row.owner, _Row.receiver, _Row.number, _Row.next_attempt_at)
    .where(
        _IS_PENDING,
        _HAS_TIME,
        tuple_(_Row.owner, _Row.receiver) > tuple_(bindparam("owner"), bindparam("receiver")),
    )
    .order_by(_Row.owner, _Row.receiver, _Row.next_attempt_at)
    .limit(1)
)
_DUE_AT = Prepared(
    select(_Row.owner, _Row.receiver, _Row.number, _Row.next_attempt_at)
    .where(
        _IS_PENDING,
        _Row.owner == bindparam("of_owner"),
        _Row.receiver == bindparam("of_receiver"),
        _Row.next_attempt_at <= bindparam("moment"),
    )
    .order_by(_Row.next_attempt_at)
    .limit(bindparam("at_most"))
)
_NEXT = Prepared(
    select(_Row.next_attempt_at)
    .where(_Row.ended_at.is_(None), _HAS_TIME)
    .order_by(_Row.next_attempt_at)
    .limit(1)
)
_OPEN_ONE = Prepared(select(_Row.number).where(_Row.ended_at.is_(None)).limit(1))
_CLAIM = Prepared(
    update(_Row)
    .where(*_THIS, _IS_PENDING, _HAS_TIME)
    .values(
        status=DeliveryStatus.SENDING,
        attempts=_Row.attempts + 1,
        first_attempt_at=func.coalesce(_Row.first_attempt_at, _MOMENT),
        next_attempt_at=None,
    )
    .returning(*COLUMNS)
)
_SETTLE = Prepared(
    update(_Row)
    .where(*_THIS, _IS_SENDING)
    .values(
        status=bindparam("becomes", type_=_Row.status.type),
        next_attempt_at=bindparam("again_at", type_=_Row.next_attempt_at.type),
        ended_at=bindparam("ended", type_=_Row.ended_at.type),
        last_status=bindparam("answered"),
        last_error=bindparam("failed"),
    )
    .returning(_Row.stream)
)
_RELEASE = Prepared(
    update(_Row)
    .where(*_THIS, _IS_SENDING)
    .values(status=DeliveryStatus.PENDING, next_attempt_at=bindparam("moment"))
)
_TO_SWEEP = Prepared(
    select(_Row.number)
    .where(_Row.ended_at.is_not(None), _Row.ended_at < bindparam("moment"))
    .limit(1)
)
_SENDING = Prepared(select(_Row.owner, _Row.number).where(_IS_SENDING))
_BEHIND = Prepared(
    select(_Row.owner, _Row.number)
    .where(_Row.stream == bindparam("of_stream"), _Row.status.in_(OPEN))
    .order_by(_Row.number)
    .limit(1)
)
_MAKE_DUE = Prepared(update(_Row).where(*_THIS).values(next_attempt_at=bindparam("moment")))


Key = tuple[str, int]
"""Owner and number of a delivery."""


class Due(NamedTuple):
    """A delivery that may go now."""

    owner: str
    receiver: str
    number: int
    moment: datetime


class Settled(NamedTuple):
    """What becomes of a delivery after an attempt."""

    status: DeliveryStatus
    next_attempt_at: datetime | None


def each_receiver(on: Runner, after: tuple[str, str] = ("", "")) -> Iterator[Due]:
    """Yield what goes next to each receiver of each owner, in their order, due or not.

    Each is found by one look at the index, however many others wait.
    """
    owner, receiver = after
    while (row := _NEXT_RECEIVER.first(on, owner=owner, receiver=receiver)) is not None:
        due = Due(*row)
        yield due
        owner, receiver = due.owner, due.receiver


def due_at(on: Runner, owner: str, receiver: str, now: datetime, at_most: int) -> list[Due]:
    """Return what is due at a receiver, the first that became due first."""
    rows = _DUE_AT.all(on, of_owner=owner, of_receiver=receiver, moment=now, at_most=at_most)
    return [Due(*row) for row in rows]


def next_moment(on: Runner) -> datetime | None:
    """Return when the next delivery is due; None when none waits for its time."""
    found = _NEXT.first(on)
    return found[0] if found else None


def is_empty(on: Runner) -> bool:
    """Return whether all deliveries have ended."""
    return _OPEN_ONE.first(on) is None


def claim(session: Session, due: Due, now: datetime) -> Delivery | None:
    """Move pending → sending; None when it is not due any more."""
    row = _CLAIM.first(session, of_owner=due.owner, numbered=due.number, moment=now)
    return None if row is None else Delivery(*row)


def settle(
    session: Session, delivery: Delivery, *, status: int | None, error: str | None, now: datetime
) -> Settled:
    """Move sending → delivered, failed or pending, by what an attempt has brought.

    `error` is None for a success. What is behind it is due once it has ended.
    """
    settled = _after(delivery, error, now)
    is_ended = settled.next_attempt_at is None
    row = _SETTLE.first(
        session,
        of_owner=delivery.owner,
        numbered=delivery.number,
        becomes=settled.status,
        again_at=settled.next_attempt_at,
        ended=now if is_ended else None,
        answered=status,
        failed=error,
    )
    if row is not None and is_ended:
        _hasten_behind(session, row[0], now)
    return settled


def stranded(on: Runner, held: Collection[Key]) -> list[Key]:
    """Return what was claimed, and no attempt is made at any more."""
    return [(owner, number) for owner, number in _SENDING.all(on) if (owner, number) not in held]


def release(session: Session, left: Collection[Key], now: datetime) -> None:
    """Move sending → pending, due at once."""
    for owner, number in left:
        _RELEASE.run(session, of_owner=owner, numbered=number, moment=now)


def anything_to_sweep(on: Runner, now: datetime) -> bool:
    return _TO_SWEEP.first(on, moment=now - KEPT) is not None


def hasten(session: Session, now: datetime) -> int:
    """Make due what waits for a later time, or a portion of it; return how many."""
    later = (
        select(_Row.owner, _Row.number)
        .where(_Row.ended_at.is_(None), _Row.next_attempt_at > now)
        .limit(PORTION_ROWS)
    )
    hastened = session.execute(
        update(_Row)
        .where(tuple_(_Row.owner, _Row.number).in_(later))
        .values(next_attempt_at=now)
        .returning(_Row.number)
        .execution_options(synchronize_session=False)
    )
    return len(hastened.all())


def resume(session: Session, now: datetime) -> int:
    """Make due what waits for an earlier delivery that is there no more; return how many."""
    earlier = aliased(_Row)
    is_first = (
        ~select(earlier.number)
        .where(
            earlier.stream == _Row.stream,
            earlier.status.in_(OPEN),
            earlier.number < _Row.number,
        )
        .exists()
    )
    resumed = session.execute(
        update(_Row)
        .where(_Row.ended_at.is_(None), _IS_PENDING, _Row.next_attempt_at.is_(None), is_first)
        .values(next_attempt_at=now)
        .returning(_Row.number)
        .execution_options(synchronize_session=False)
    )
    return len(resumed.all())


def sweep(session: Session, now: datetime) -> int:
    """Delete some of what ended before KEPT; return how many."""
    ended = (
        select(_Row.owner, _Row.number)
        .where(_Row.ended_at.is_not(None), _Row.ended_at < now - KEPT)
        .order_by(_Row.ended_at)
        .limit(PORTION_ROWS)
    )
    gone = session.execute(
        delete(_Row)
        .where(tuple_(_Row.owner, _Row.number).in_(ended))
        .returning(_Row.number)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def _after(delivery: Delivery, error: str | None, now: datetime) -> Settled:
    """Return what comes after an attempt that failed for this reason; None is a success."""
    if error is None:
        return Settled(DeliveryStatus.DELIVERED, None)
    again_at = now + schedule.delay(delivery.attempts)
    begun_at = delivery.first_attempt_at or now
    if error in FINAL or again_at > begun_at + schedule.TRIED_FOR_MAX:
        return Settled(DeliveryStatus.FAILED, None)
    return Settled(DeliveryStatus.PENDING, again_at)


FINAL: Final = ("gone", "key_revoked")
"""Errors after which nothing is tried again: the receiver said 410, or the key has ended."""


def _hasten_behind(session: Session, stream: str, now: datetime) -> None:
    """Make the next delivery of a stream due, if there is one."""
    behind = _BEHIND.first(session, of_stream=stream)
    if behind is not None:
        _MAKE_DUE.run(session, of_owner=behind[0], numbered=behind[1], moment=now)
