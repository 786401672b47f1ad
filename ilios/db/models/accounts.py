"""Keys, and what was spent on them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import BigInteger, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from ilios.db.models.base import ID, Base, partial_index
from ilios.db.models.statuses import CallState


class Call(Base):
    """The ledger: one row for each engine call. No foreign key: it outlives the document."""

    __tablename__ = "usage"

    call_id: Mapped[str] = mapped_column(ID, primary_key=True)
    document_id: Mapped[str] = mapped_column(ID)
    job_id: Mapped[str] = mapped_column(ID)
    owner: Mapped[str] = mapped_column(String(64))
    operation: Mapped[str] = mapped_column(String(30))
    engine: Mapped[str] = mapped_column(String(20))
    model: Mapped[str] = mapped_column(String(100))
    state: Mapped[CallState]
    first_page: Mapped[int | None]  #: from 0: what was asked for, when that is known
    last_page: Mapped[int | None]  #: inclusive
    expected_pages: Mapped[int] = mapped_column(default=0)  #: asked for; may be billed if unknown
    is_batch: Mapped[bool] = mapped_column(default=False)  #: in the provider's batch lane
    pages: Mapped[int] = mapped_column(default=0)
    claimed_pages: Mapped[int | None]  #: the provider's count, where it is beyond what it was sent
    input_tokens: Mapped[int] = mapped_column(default=0)  #: an estimate
    output_tokens: Mapped[int] = mapped_column(default=0)  #: an estimate: characters / 4
    price_micros: Mapped[int] = mapped_column(BigInteger, default=0)  #: per page, that applied
    margin_percent: Mapped[int] = mapped_column(default=0)
    base_cost_micros: Mapped[int] = mapped_column(BigInteger, default=0)
    total_cost_micros: Mapped[int] = mapped_column(BigInteger, default=0)  #: with the margin
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    is_annotated: Mapped[bool] = mapped_column(default=False, server_default=false())
    """At the price of pages with fields by a schema."""

    __table_args__ = (
        Index("ix_usage_owner", "owner", "settled_at"),
        Index("ix_usage_job", "job_id"),
    )


class DailyUsage(Base):
    """Sums of an owner's settled calls by UTC day, kept with them in one transaction.

    A month's budget is looked up at every submit: that has to cost the same whatever was used.
    """

    __tablename__ = "daily_usage"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    pages: Mapped[int]
    cost_micros: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_daily_usage_day", "day"),)


class OwnerTotals(Base):
    """What an owner holds now. Triggers keep it: see ilios.db.owner_totals."""

    __tablename__ = "owner_totals"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    stored_bytes: Mapped[int] = mapped_column(BigInteger)  #: those that were announced included
    announced_bytes: Mapped[int] = mapped_column(BigInteger)  #: by upload links, not here yet
    waiting_documents: Mapped[int]  #: to be uploaded or converted, and those that are converted


UNLIMITED: Final = 2**63 - 1
"""The limit of a key that has none, where None stands for that of the settings."""


class ApiKey(Base):
    """A key that `ilios keys` made. Its secret is nowhere: only hashes of it are kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))  #: unique among those that are not revoked
    owner: Mapped[str] = mapped_column(String(64))  #: of its documents; outlives every secret
    hash: Mapped[str] = mapped_column(String(64))  #: of the present secret, hex
    prefix: Mapped[str] = mapped_column(String(16))  #: the secret's beginning, to recognise it by
    previous_hash: Mapped[str | None] = mapped_column(String(64))  #: of the secret before
    previous_until: Mapped[datetime | None]  #: how long that one still works
    scopes: Mapped[list[str]]
    requests_per_minute: Mapped[int | None]  #: None is unlimited, also for pages and budget
    pages_per_day: Mapped[int | None]
    budget_micros_month: Mapped[int | None] = mapped_column(BigInteger)
    storage_bytes: Mapped[int | None] = mapped_column(BigInteger)
    """At most stored; None is the setting's, here and below, and UNLIMITED is without a limit."""
    waiting_documents: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    rotated_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]  #: to some minutes; see ilios.accounts.authentication
    webhook_url: Mapped[str | None] = mapped_column(Text)
    """Where the events of its documents go that name no address of their own."""
    webhook_secrets: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many signing secrets were made for it; see ilios.accounts.webhook_secrets."""
    webhook_secret_hash: Mapped[str | None] = mapped_column(String(64))
    """Of the one in use, hex; None without one."""

    __table_args__ = (
        Index("ix_api_keys_hash", "hash", unique=True),
        partial_index(
            "ix_api_keys_previous_hash",
            "previous_hash",
            unique=True,
            where="previous_hash IS NOT NULL",
        ),
        Index("ix_api_keys_owner", "owner", unique=True),
        partial_index("ix_api_keys_name", "name", unique=True, where="revoked_at IS NULL"),
    )
