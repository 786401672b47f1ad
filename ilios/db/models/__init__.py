"""The schema: one class for each table. alembic/ carries every change."""

from __future__ import annotations

from ilios.db.models.accounts import UNLIMITED, ApiKey, Call, DailyUsage, OwnerTotals
from ilios.db.models.base import (
    AWAITING_UPLOAD,
    CANCELLED,
    DELETED,
    ID,
    PENDING,
    PROCESSING,
    Base,
    UtcDateTime,
)
from ilios.db.models.documents import (
    PAGE_BREAK,
    RESERVING,
    Batch,
    Document,
    ExtractionRow,
    PagePiece,
    PageRow,
    PageWords,
    ProviderBatch,
)
from ilios.db.models.idempotency import IdempotencyKey
from ilios.db.models.instance import REVISION, Instance
from ilios.db.models.jobs import Job
from ilios.db.models.statuses import (
    CallState,
    DocumentStatus,
    JobStatus,
    JobType,
    ProviderBatchState,
)

__all__ = [
    "AWAITING_UPLOAD",
    "CANCELLED",
    "DELETED",
    "ID",
    "PAGE_BREAK",
    "PENDING",
    "PROCESSING",
    "RESERVING",
    "REVISION",
    "UNLIMITED",
    "ApiKey",
    "Base",
    "Batch",
    "Call",
    "CallState",
    "DailyUsage",
    "Document",
    "DocumentStatus",
    "ExtractionRow",
    "IdempotencyKey",
    "Instance",
    "Job",
    "JobStatus",
    "JobType",
    "OwnerTotals",
    "PagePiece",
    "PageRow",
    "PageWords",
    "ProviderBatch",
    "ProviderBatchState",
    "UtcDateTime",
]
