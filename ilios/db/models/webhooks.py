"""What is sent to webhooks: the outbox and its history in one table."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ilios.db.models.base import ID, Base, partial_index
from ilios.db.models.statuses import DeliveryStatus

_WAITING = "status = 'pending' AND next_attempt_at IS NOT NULL"


class WebhookDelivery(Base):
    """An event for one address. Triggers insert it: see ilios.db.webhook_triggers."""

    __tablename__ = "webhook_deliveries"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Of the owner's deliveries, from 1; the order in which events happened."""
    id: Mapped[str] = mapped_column(ID)
    event_id: Mapped[str] = mapped_column(ID)  #: also of what repeats it
    stream: Mapped[str] = mapped_column(ID)  #: what it is about: one goes after the other
    type: Mapped[str] = mapped_column(String(30))
    document_id: Mapped[str | None] = mapped_column(ID)
    batch_id: Mapped[str | None] = mapped_column(ID)
    url: Mapped[str] = mapped_column(Text)
    receiver: Mapped[str] = mapped_column(Text)  #: scheme, host and port of the URL
    details: Mapped[str | None] = mapped_column(Text)
    """JSON: what else the event says. None once its document was deleted."""
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]
    status: Mapped[DeliveryStatus]
    attempts: Mapped[int] = mapped_column(default=0)
    first_attempt_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]  #: None too while an earlier one of its stream waits
    last_status: Mapped[int | None]  #: the HTTP status of the last answer
    last_error: Mapped[str | None] = mapped_column(String(30))  #: why there was none, or no success
    ended_at: Mapped[datetime | None]  #: when it was delivered or given up

    __table_args__ = (
        Index("ix_webhook_deliveries_id", "id", unique=True),
        Index("ix_webhook_deliveries_stream", "stream", "number"),
        partial_index(
            "ix_webhook_deliveries_waiting",
            "owner",
            "receiver",
            "next_attempt_at",
            where=_WAITING,
        ),
        partial_index(
            "ix_webhook_deliveries_open",
            "next_attempt_at",
            "created_at",  # so that what waits is counted without its rows
            where="ended_at IS NULL",
        ),
        partial_index("ix_webhook_deliveries_sending", "owner", where="status = 'sending'"),
        partial_index("ix_webhook_deliveries_ended", "ended_at", where="ended_at IS NOT NULL"),
    )
