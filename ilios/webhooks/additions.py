"""Deliveries that clients ask for: tests and replays. Takes a session, never commits."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.orm import Session

from ilios.core import ids
from ilios.core.webhook_errors import DeliveryNotFound, DeliveryUnderWay
from ilios.db.models import DeliveryStatus, WebhookDelivery
from ilios.db.prepared import Prepared, Runner
from ilios.webhooks.events import Delivery, EventType
from ilios.webhooks.outbox import COLUMNS, OPEN

_Row: Final = WebhookDelivery
_LAST_NUMBER = Prepared(select(func.max(_Row.number)).where(_Row.owner == bindparam("of_owner")))
_OF_ID = Prepared(
    select(*COLUMNS).where(_Row.id == bindparam("wanted"), _Row.owner == bindparam("of_owner"))
)
_IS_OPEN_STREAM = Prepared(
    select(_Row.number).where(_Row.stream == bindparam("of_stream"), _Row.status.in_(OPEN)).limit(1)
)
_INSERT = Prepared(insert(_Row))


def add_test(session: Session, owner: str, url: str, receiver: str, now: datetime) -> Delivery:
    """Insert an event that tells of nothing."""
    event_id = ids.new_id()
    return _insert(
        session,
        owner=owner,
        event_id=event_id,
        stream=event_id,
        type=EventType.TEST,
        document_id=None,
        batch_id=None,
        url=url,
        receiver=receiver,
        details=None,
        occurred_at=now,
        now=now,
    )


def replay(session: Session, delivery_id: str, owner: str, now: datetime) -> Delivery:
    """Insert another delivery of the same event.

    Raises DeliveryNotFound, and DeliveryUnderWay for one that has not ended.
    """
    found = of_id(session, delivery_id, owner)
    if found.status in OPEN:
        raise DeliveryUnderWay
    return _insert(
        session,
        owner=owner,
        event_id=found.event_id,
        stream=found.document_id or found.batch_id or found.event_id,
        type=found.type,
        document_id=found.document_id,
        batch_id=found.batch_id,
        url=found.url,
        receiver=found.receiver,
        details=found.details,
        occurred_at=found.occurred_at,
        now=now,
    )


def of_id(on: Runner, delivery_id: str, owner: str) -> Delivery:
    """Return a delivery. Raises DeliveryNotFound, also for another owner's."""
    row = _OF_ID.first(on, wanted=delivery_id, of_owner=owner)
    if row is None:
        raise DeliveryNotFound
    return Delivery(*row)


def _insert(session: Session, *, now: datetime, **columns: Any) -> Delivery:
    """Insert a delivery, which waits for those of its stream that have not ended."""
    last = _LAST_NUMBER.first(session, of_owner=columns["owner"])
    waits = _IS_OPEN_STREAM.first(session, of_stream=columns["stream"]) is not None
    row = {
        **columns,
        "number": ((last[0] if last else None) or 0) + 1,
        "id": ids.new_id(),
        "created_at": now,
        "status": DeliveryStatus.PENDING,
        "attempts": 0,
        "first_attempt_at": None,
        "next_attempt_at": None if waits else now,
        "last_status": None,
        "last_error": None,
    }
    _INSERT.run(session, **row, ended_at=None)
    return Delivery(**{field.name: row[field.name] for field in fields(Delivery)})
