"""What clients' idempotency keys stand for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ilios.db.models.base import ID, Base


class IdempotencyKey(Base):
    """What a request with an `Idempotency-Key` has created; see ilios.documents.idempotency.

    Neither the key nor what was sent is here, only hashes of both.
    """

    __tablename__ = "idempotency_keys"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  #: of owner and key: hex
    owner: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]  #: rises with each key of the owner
    content: Mapped[str] = mapped_column(String(64))  #: of the request: hex
    batch_id: Mapped[str | None] = mapped_column(ID)
    documents: Mapped[list[str]]  #: their ids; none for a batch, which has its own
    accepted: Mapped[str] = mapped_column(Text)  #: a letter for each document: how it began
    keeps_failures: Mapped[bool]  #: whether the answer stands when a conversion fails
    created_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_idempotency_keys_owner", "owner", "number"),
        Index("ix_idempotency_keys_created_at", "created_at"),
    )
