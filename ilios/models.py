"""The schema. Statuses are explained where they are declared; alembic/ carries every change."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    literal_column,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

REVISION = "0007"  #: the newest one in alembic/versions, which these models describe


class DocumentStatus(StrEnum):
    AWAITING_UPLOAD = "awaiting_upload"  #: a link was given out; the bytes are not here yet
    PENDING = "pending"  #: stored; its job waits
    PROCESSING = "processing"  #: its job is claimed
    COMPLETED = "completed"  #: the pages are stored; terminal
    FAILED = "failed"  #: attempts used up, or the error is final; error and error_code are set
    CANCELLED = "cancelled"  #: stopped by its owner or an operator before it had ended
    ARCHIVED = "archived"  #: completed, and its original lies in the archive; terminal
    DELETED = "deleted"  #: a tombstone without content; terminal


class JobStatus(StrEnum):
    PENDING = "pending"  #: ready, or waiting until scheduled_at when that is set
    PROCESSING = "processing"  #: claimed; worker, lease and started_at are set
    COMPLETED = "completed"  #: the result is stored; terminal
    FAILED = "failed"  #: attempts used up, or the error is final; terminal
    CANCELLED = "cancelled"  #: nobody wants it; worker is set while it may still be at it; terminal


class JobType(StrEnum):
    CONVERT = "convert"  #: a document, to be counted, perhaps split, and converted
    RANGE = "range"  #: some pages of a document, cut out of it by its first job
    PROVIDER_BATCH = "provider_batch"  #: a step of a batch that the provider works on


class CallState(StrEnum):
    OPEN = "open"  #: about to be made, or in flight
    SETTLED = "settled"  #: answered; pages and cost are those of the answer
    REFUSED = "refused"  #: not done, or answered with an error; nothing is billed
    UNKNOWN = "unknown"  #: nobody knows how it ended; it may have been billed


class ProviderBatchState(StrEnum):
    PREPARING = "preparing"  #: its input is being built; the provider has no job of this round
    SUBMITTING = "submitting"  #: its input is complete; the provider may have a job of this round
    RUNNING = "running"  #: the provider works on it; provider_job_id is set
    CLEANING = "cleaning"  #: every line of the round is closed; our files are being deleted
    ENDED = "ended"  #: nothing is left to do; terminal


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC. Refuses naive values, which have no meaning here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def _status(enum: type[StrEnum]) -> Enum:
    # Text without a CHECK constraint: a new status needs no table rebuild.
    return Enum(
        enum,
        native_enum=False,
        create_constraint=False,
        length=20,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads it as declared
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[dict[str, Any]]: JSON,
        list[str]: JSON,
        DocumentStatus: _status(DocumentStatus),
        JobStatus: _status(JobStatus),
        JobType: _status(JobType),
        ProviderBatchState: _status(ProviderBatchState),
        CallState: _status(CallState),
    }


ID = String(30)


class Instance(Base):
    """One row: which database this is. Object keys carry the id, so that sweeps touch only ours."""

    __tablename__ = "instance"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    created_at: Mapped[datetime]
    adopted_at: Mapped[datetime | None]  #: of the predecessor's content; retention rests a day
    queue_paused_at: Mapped[datetime | None]  #: since when no job is claimed; None while they are
    swept_at: Mapped[datetime | None]  #: when orphaned objects were last looked for


class Batch(Base):
    """Documents that were submitted together. Its status and counters are derived from them."""

    __tablename__ = "batches"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    total_documents: Mapped[int]
    priority: Mapped[int]
    created_at: Mapped[datetime]


class ProviderBatch(Base):
    """What the provider's batch lane works on for one of our batches."""

    __tablename__ = "provider_batches"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"))
    owner: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(100))
    state: Mapped[ProviderBatchState]
    round: Mapped[int] = mapped_column(default=1)  #: failed lines are tried again in a new one
    provider_job_id: Mapped[str | None] = mapped_column(String(100))
    provider_status: Mapped[str | None] = mapped_column(String(40))  #: in the provider's words
    input_file_ids: Mapped[list[str]] = mapped_column(default=list)  #: this round's lines
    file_ids: Mapped[list[str]]  #: files at the provider to be deleted at the round's end: all
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]  #: since when a job of this round may exist
    ended_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_provider_batches_batch", "batch_id"),)


_RESERVING = "reserved_pages > 0 AND status IN ('pending', 'processing')"
_LEADER = "fingerprint IS NOT NULL AND result_of IS NULL"
_STANDING = "status != 'deleted'"
_TO_EXPIRE = "archived_at IS NULL AND status IN ('completed', 'failed', 'cancelled')"
_IN_ARCHIVE = "archived_at IS NOT NULL"
_ENDED = "processed_at IS NOT NULL"


class Document(Base):
    """A document and where its conversion stands. Slim: Markdown lives in `pages`."""

    __tablename__ = "documents"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))  #: hash of the key, or `anonymous`
    file_name: Mapped[str] = mapped_column(Text)
    mime_type: Mapped[str] = mapped_column(String(100))
    file_size: Mapped[int] = mapped_column(BigInteger)  #: bytes
    sha256: Mapped[str | None] = mapped_column(String(64))  #: hex; None until the bytes are here
    storage_key: Mapped[str] = mapped_column(Text)
    status: Mapped[DocumentStatus]
    error: Mapped[str | None] = mapped_column(Text)  #: a sentence for people
    error_code: Mapped[str | None] = mapped_column(String(60))
    engine_fault: Mapped[bool] = mapped_column(default=False)  #: failed, and not by its own fault
    operation: Mapped[str] = mapped_column(String(30))  #: `convert` or `convert-immediate`
    batch_id: Mapped[str | None] = mapped_column(ForeignKey("batches.id"))
    fingerprint: Mapped[str | None] = mapped_column(String(64))  #: same bytes, same options: hex
    result_of: Mapped[str | None] = mapped_column(ID)  #: whose pages answer this one too
    provider_batch_id: Mapped[str | None] = mapped_column(ID)  #: converted in the batch lane
    options: Mapped[dict[str, Any]]
    warnings: Mapped[list[dict[str, Any]]]
    model: Mapped[str | None] = mapped_column(String(100))  #: what converted it
    page_count: Mapped[int | None]  #: pages of the result, or to come; None until known
    pages_done: Mapped[int] = mapped_column(default=0)
    reserved_pages: Mapped[int] = mapped_column(default=0, server_default="0")
    """Of its key's quota, as long as it is open: what is planned, less what is settled. Only the
    documents of keys that have a quota reserve anything; see ilios.budgets."""
    reserved_micros: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    retention_days: Mapped[int]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    processed_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]  #: when its original was moved to the archive
    deleted_at: Mapped[datetime | None]
    to_erase: Mapped[bool] = mapped_column(default=False)  #: deleted; objects of it may be left

    __table_args__ = (
        Index(
            "ix_documents_reserving",
            "owner",
            "reserved_pages",
            "reserved_micros",
            "status",  # so that the sums need no row
            sqlite_where=text(_RESERVING),
            postgresql_where=text(_RESERVING),
        ),
        Index(
            "ix_documents_listed",
            "owner",
            "created_at",
            "id",
            "file_name",
            sqlite_where=text(_STANDING),
            postgresql_where=text(_STANDING),
        ),
        Index("ix_documents_by_status", "owner", "status", "created_at", "id"),
        Index(
            "ix_documents_to_expire",
            "retention_days",
            "created_at",
            sqlite_where=text(_TO_EXPIRE),
            postgresql_where=text(_TO_EXPIRE),
        ),
        Index(
            "ix_documents_archived",
            "retention_days",
            "created_at",
            sqlite_where=text(_IN_ARCHIVE),
            postgresql_where=text(_IN_ARCHIVE),
        ),
        Index(
            "ix_documents_awaiting_upload",
            "created_at",
            sqlite_where=text("status = 'awaiting_upload'"),
            postgresql_where=text("status = 'awaiting_upload'"),
        ),
        Index(
            "ix_documents_ended",
            "status",
            "processed_at",
            "page_count",  # so that the sums need no row
            sqlite_where=text(_ENDED),
            postgresql_where=text(_ENDED),
        ),
        Index(
            "ix_documents_to_erase",
            "deleted_at",
            sqlite_where=text("to_erase"),
            postgresql_where=text("to_erase"),
        ),
        Index(
            "ix_documents_batch",
            "batch_id",
            "status",
            sqlite_where=text("batch_id IS NOT NULL"),
            postgresql_where=text("batch_id IS NOT NULL"),
        ),
        Index(
            "ix_documents_fingerprint",
            "owner",
            "fingerprint",
            sqlite_where=text(_LEADER),
            postgresql_where=text(_LEADER),
        ),
        Index(
            "ix_documents_result_of",
            "result_of",
            sqlite_where=text("result_of IS NOT NULL"),
            postgresql_where=text("result_of IS NOT NULL"),
        ),
        Index(
            "ix_documents_provider_batch",
            "provider_batch_id",
            sqlite_where=text("provider_batch_id IS NOT NULL"),
            postgresql_where=text("provider_batch_id IS NOT NULL"),
        ),
    )


PAGE_BREAK = "\n\n---\n\n"  #: between the pages of a result


class PageRow(Base):
    """A converted page. The pages of a document, in order, are its result."""

    __tablename__ = "pages"

    document_id: Mapped[str] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
    )
    index: Mapped[int] = mapped_column(primary_key=True)  #: from 0, in the whole document
    markdown: Mapped[str] = mapped_column(Text)
    width: Mapped[float | None]  #: points, or pixels when dpi is set
    height: Mapped[float | None]
    dpi: Mapped[int | None]
    images: Mapped[list[dict[str, Any]]]  #: name, key, mediaType, bbox


_READY = "status = 'pending' AND scheduled_at IS NULL"
_DELAYED = "status = 'pending' AND scheduled_at IS NOT NULL"
_STILL_AT_IT = "status = 'cancelled' AND worker IS NOT NULL"


class Job(Base):
    """One piece of work: a document, a range of its pages, or a step of a provider's batch."""

    __tablename__ = "job_queue"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    document_id: Mapped[str | None] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE")
    )  #: None for a provider's batch
    provider_batch_id: Mapped[str | None] = mapped_column(ID)
    owner: Mapped[str] = mapped_column(String(64))
    type: Mapped[JobType]
    lane: Mapped[str] = mapped_column(String(20))  #: the engine that does it
    first_page: Mapped[int | None]  #: from 0; None for the whole document
    last_page: Mapped[int | None]  #: inclusive
    status: Mapped[JobStatus]
    priority: Mapped[int]  #: 1 to 10, the most urgent
    rank: Mapped[int] = mapped_column(BigInteger)  #: virtual time in ms; the lowest goes first
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=3)
    crashes: Mapped[int] = mapped_column(default=0)  #: parser children that died of it
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
        Index(
            "ix_job_ready",
            "lane",
            "rank",
            "id",
            sqlite_where=text(_READY),
            postgresql_where=text(_READY),
        ),
        Index(
            "ix_job_delayed",
            "scheduled_at",
            sqlite_where=text(_DELAYED),
            postgresql_where=text(_DELAYED),
        ),
        Index(
            "ix_job_leased",
            "lease_until",
            sqlite_where=text("status = 'processing'"),
            postgresql_where=text("status = 'processing'"),
        ),
        Index(
            "ix_job_owner_pending",
            "owner",
            "priority",
            "rank",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        Index(
            "ix_job_let_go",
            "worker",
            sqlite_where=text(_STILL_AT_IT),
            postgresql_where=text(_STILL_AT_IT),
        ),
        Index("ix_job_document", "document_id"),
    )


# Literals, else SQLite cannot prove that a partial index applies.
RESERVING = text(_RESERVING)
PENDING: ColumnElement[str] = literal_column("'pending'")
PROCESSING: ColumnElement[str] = literal_column("'processing'")
CANCELLED: ColumnElement[str] = literal_column("'cancelled'")
DELETED: ColumnElement[str] = literal_column("'deleted'")
AWAITING_UPLOAD: ColumnElement[str] = literal_column("'awaiting_upload'")


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
    input_tokens: Mapped[int] = mapped_column(default=0)  #: an estimate
    output_tokens: Mapped[int] = mapped_column(default=0)  #: an estimate: characters / 4
    price_micros: Mapped[int] = mapped_column(BigInteger, default=0)  #: per page, that applied
    margin_percent: Mapped[int] = mapped_column(default=0)
    base_cost_micros: Mapped[int] = mapped_column(BigInteger, default=0)
    total_cost_micros: Mapped[int] = mapped_column(BigInteger, default=0)  #: with the margin
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

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


_LIVE = "revoked_at IS NULL"


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
    requests_per_minute: Mapped[int | None]  #: None is unlimited, here and below
    pages_per_day: Mapped[int | None]
    budget_micros_month: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    rotated_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]  #: to some minutes; see ilios.key_ring

    __table_args__ = (
        Index("ix_api_keys_hash", "hash", unique=True),
        Index(
            "ix_api_keys_previous_hash",
            "previous_hash",
            unique=True,
            sqlite_where=text("previous_hash IS NOT NULL"),
            postgresql_where=text("previous_hash IS NOT NULL"),
        ),
        Index("ix_api_keys_owner", "owner", unique=True),
        Index(
            "ix_api_keys_name",
            "name",
            unique=True,
            sqlite_where=text(_LIVE),
            postgresql_where=text(_LIVE),
        ),
    )
