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
    RESERVING,
    Batch,
    Document,
    DocumentPassword,
    ExtractionRow,
    PagePiece,
    PageRow,
    PageWords,
    ProviderBatch,
    UrlSource,
)
from ilios.db.models.idempotency import IdempotencyKey
from ilios.db.models.instance import REVISION, Instance
from ilios.db.models.jobs import Job
from ilios.db.models.statuses import (
    CallState,
    DeliveryStatus,
    DocumentStatus,
    JobStatus,
    JobType,
    ProviderBatchState,
)
from ilios.db.models.webhooks import WebhookDelivery

__all__ = [
    "AWAITING_UPLOAD",
    "CANCELLED",
    "DELETED",
    "ID",
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
    "DeliveryStatus",
    "Document",
    "DocumentPassword",
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
    "UrlSource",
    "UtcDateTime",
    "WebhookDelivery",
]
