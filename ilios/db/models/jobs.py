"""The queue."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ilios.db.models.base import ID, Base, partial_index
from ilios.db.models.statuses import JobStatus, JobType


class Job(Base):
    """One piece of work: a document, its address, a range of its pages, or a step of a batch."""

    __tablename__ = "job_queue"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    document_id: Mapped[str | None] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE")
    )  #: None for a provider's batch
    provider_batch_id: Mapped[str | None] = mapped_column(ID)
    owner: Mapped[str] = mapped_column(String(64))
    type: Mapped[JobType]
    lane: Mapped[str] = mapped_column(String(20))  #: the engine that does it, or `fetch`
    first_page: Mapped[int | None]  #: from 0; None for the whole document
    last_page: Mapped[int | None]  #: inclusive
    status: Mapped[JobStatus]
    priority: Mapped[int]  #: 1 to 10, the most urgent
    rank: Mapped[int] = mapped_column(BigInteger)  #: virtual time in ms; the lowest goes first
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=3)
    crashes: Mapped[int] = mapped_column(default=0)  #: parser processes that it has crashed
    lease_token: Mapped[str | None] = mapped_column(ID)
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(60))  #: `<node>/<slot>`
    scheduled_at: Mapped[datetime | None]  #: not before; None when ready
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(String(100))  #: of the request it goes back to
    traceparent: Mapped[str | None] = mapped_column(String(55))  #: of that request

    __table_args__ = (
        partial_index(
            "ix_job_ready",
            "lane",
            "rank",
            "id",
            where="status = 'pending' AND scheduled_at IS NULL",
        ),
        partial_index(
            "ix_job_ready_of_owner",
            "lane",
            "owner",
            "rank",
            "id",
            where="status = 'pending' AND scheduled_at IS NULL",
        ),
        partial_index(
            "ix_job_delayed",
            "scheduled_at",
            where="status = 'pending' AND scheduled_at IS NOT NULL",
        ),
        partial_index("ix_job_leased", "lease_until", where="status = 'processing'"),
        partial_index(
            "ix_job_owner_pending", "owner", "priority", "rank", where="status = 'pending'"
        ),
        partial_index(
            "ix_job_let_go", "worker", where="status = 'cancelled' AND worker IS NOT NULL"
        ),
        Index("ix_job_document", "document_id"),
    )
