"""Documents, their pages, and what they were submitted in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from ilios.db.models.base import ID, Base, partial_index
from ilios.db.models.statuses import DocumentStatus, ProviderBatchState


class Batch(Base):
    """Documents that were submitted together. Its status and counters are derived from them."""

    __tablename__ = "batches"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    total_documents: Mapped[int]
    priority: Mapped[int]
    created_at: Mapped[datetime]
    webhook_url: Mapped[str | None] = mapped_column(Text)
    """Where its own events and those of its documents go; None: to that of the key, if any."""


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
RESERVING = text(_RESERVING)  #: a literal, as those in ilios.db.models.base


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
    operation: Mapped[str] = mapped_column(String(30))  #: `convert`, `convert-immediate` or `file`
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
    documents of keys that have a quota reserve anything; see ilios.accounts.quotas."""
    reserved_micros: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    part_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Of the files of its page ranges, while it is converted in parts."""
    retention_days: Mapped[int]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    processed_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]  #: when its original was moved to the archive
    deleted_at: Mapped[datetime | None]
    to_erase: Mapped[bool] = mapped_column(default=False)  #: deleted; objects of it may be left
    info: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What the file says of itself: see ilios.engines.base.DocumentInfo."""
    failed_pages: Mapped[list[list[Any]] | None] = mapped_column(JSON(none_as_null=True))
    """Pages that could not be converted, with `allowPartial`: see ilios.documents.failed_pages."""
    webhook_url: Mapped[str | None] = mapped_column(Text)
    """Where its events go; None: to that of its batch, else of its key, if they have one."""

    __table_args__ = (
        partial_index(
            "ix_documents_reserving",
            "owner",
            "reserved_pages",
            "reserved_micros",
            "status",  # so that the sums need no row
            where=_RESERVING,
        ),
        partial_index(
            "ix_documents_listed",
            "owner",
            "created_at",
            "id",
            "file_name",
            where="status != 'deleted'",
        ),
        Index("ix_documents_by_status", "owner", "status", "created_at", "id"),
        partial_index(
            "ix_documents_to_expire",
            "retention_days",
            "created_at",
            where="archived_at IS NULL AND status IN ('completed', 'failed', 'cancelled')",
        ),
        partial_index(
            "ix_documents_archived", "retention_days", "created_at", where="archived_at IS NOT NULL"
        ),
        partial_index(
            "ix_documents_awaiting_upload", "created_at", where="status = 'awaiting_upload'"
        ),
        partial_index(
            "ix_documents_ended",
            "status",
            "processed_at",
            "page_count",  # so that the sums need no row
            where="processed_at IS NOT NULL",
        ),
        partial_index("ix_documents_to_erase", "deleted_at", where="to_erase"),
        partial_index("ix_documents_batch", "batch_id", "status", where="batch_id IS NOT NULL"),
        partial_index(
            "ix_documents_fingerprint",
            "owner",
            "fingerprint",
            where="fingerprint IS NOT NULL AND result_of IS NULL",
        ),
        partial_index("ix_documents_result_of", "result_of", where="result_of IS NOT NULL"),
        partial_index(
            "ix_documents_provider_batch",
            "provider_batch_id",
            where="provider_batch_id IS NOT NULL",
        ),
    )


class PageRow(Base):
    """A converted page. The pages of a document, in order, are its result."""

    __tablename__ = "pages"

    document_id: Mapped[str] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
    )
    index: Mapped[int] = mapped_column(primary_key=True)  #: from 0, in the whole document
    markdown: Mapped[str] = mapped_column(Text)  #: its first piece; see PagePiece
    width: Mapped[float | None]  #: points, or pixels when dpi is set
    height: Mapped[float | None]
    dpi: Mapped[int | None]
    images: Mapped[list[dict[str, Any]]]  #: name, key, mediaType, bbox
    image_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    # At the end, and text: who reads Markdown does not reach them, and they are replicated as text.
    confidence: Mapped[float | None]  #: 0 to 1
    details: Mapped[str | None] = mapped_column(Text)  #: JSON; see ilios.engines.page_details
    layout: Mapped[str | None] = mapped_column(Text)
    """The blocks that begin in its first piece; None when none were made. See page_layout."""


def _of_page() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ("document_id", "index"), ("pages.document_id", "pages.index"), ondelete="CASCADE"
    )


class PagePiece(Base):
    """What the Markdown of a long page has beyond the first piece, which the page itself holds.

    SQLite reads a value whole, whatever part of it is asked for.
    """

    __tablename__ = "page_pieces"

    document_id: Mapped[str] = mapped_column(ID, primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)  #: of the page
    number: Mapped[int] = mapped_column(primary_key=True)  #: from 1
    markdown: Mapped[str] = mapped_column(Text)
    layout: Mapped[str | None] = mapped_column(Text)  #: the blocks that begin in it

    __table_args__ = (_of_page(),)


class PageWords(Base):
    """Words of a page, where they were asked for: see ilios.engines.page_words."""

    __tablename__ = "page_words"

    document_id: Mapped[str] = mapped_column(ID, primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)  #: of the page
    number: Mapped[int] = mapped_column(primary_key=True)  #: from 0
    words: Mapped[str] = mapped_column(Text)

    __table_args__ = (_of_page(),)


class ExtractionRow(Base):
    """Fields of a document by a schema: what was asked for, and what came of it.

    Apart from `documents`, whose rows are read in lists. See ilios.documents.extractions.
    """

    __tablename__ = "extractions"

    document_id: Mapped[str] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
    )
    schema: Mapped[str | None] = mapped_column(Text)  #: JSON
    image_schema: Mapped[str | None] = mapped_column(Text)  #: JSON
    instructions: Mapped[str | None] = mapped_column(Text)
    answer: Mapped[str | None] = mapped_column(Text)
    """As it came; None before, and empty if nothing came with the pages."""


class DocumentPassword(Base):
    """That a document came with a password, and the password as long as it is open.

    Sealed under a key of the data folder: see ilios.documents.password_sealing. A trigger forgets
    it: see ilios.db.password_triggers.
    """

    __tablename__ = "document_passwords"
    __table_args__ = (
        partial_index("ix_document_passwords_left", "document_id", where="sealed = ''"),
    )

    document_id: Mapped[str] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
    )
    sealed: Mapped[str | None] = mapped_column(Text)
    """Empty once it is forgotten; None once the write-ahead log has forgotten it too."""


class UrlSource(Base):
    """The address that a document is fetched from. See ilios.documents.url_sources.

    An address may hold a secret: it is kept until its bytes are here, and its digest after that.
    """

    __tablename__ = "url_sources"

    document_id: Mapped[str] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
    )
    owner: Mapped[str] = mapped_column(String(64))
    url: Mapped[str | None] = mapped_column(Text)  #: None once it is fetched
    url_digest: Mapped[str] = mapped_column(String(64))
    first_name: Mapped[str | None] = mapped_column(Text)
    """Of the document before it was fetched, where the answer may have to be given again."""
    is_named: Mapped[bool]  #: by its client: then the server's name for it does not count
    uses_cache: Mapped[bool]  #: whether the result may be that of an earlier conversion
    final_digest: Mapped[str | None] = mapped_column(String(64))  #: behind all redirects
    etag: Mapped[str | None] = mapped_column(Text)  #: that this one answered with
    last_modified: Mapped[str | None] = mapped_column(Text)  #: likewise
    fetched_at: Mapped[datetime | None]

    __table_args__ = (
        partial_index(
            "ix_url_sources_known",
            "owner",
            "url_digest",
            "fetched_at",
            where="etag IS NOT NULL OR last_modified IS NOT NULL",
        ),
    )
