"""The answers of the service, in its own words: dictionaries, as `/openapi.json` describes them.

A field that is not named here may come too.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Format = Literal["markdown", "json", "text", "zip", "html", "pdf", "chunks"]
BINARY_FORMATS = ("zip", "pdf")


class _FailedPage(TypedDict):
    number: int
    code: str


class Warned(TypedDict, total=False):
    code: str
    message: str
    page: int | None


class Accepted(TypedDict):
    id: str
    status: Literal["pending", "completed"]
    cached: bool
    fileName: str
    fileSize: int
    retentionDays: int
    statusUrl: str
    createdAt: str
    message: str


class _StatusAlways(TypedDict):
    id: str
    status: str
    cached: bool
    fileName: str
    fileSize: int
    createdAt: str


class DocumentStatus(_StatusAlways, total=False):
    startedAt: str
    processedAt: str
    progress: int
    pagesDone: int
    pagesTotal: int | None
    attempts: int
    queuePosition: int
    error: str
    errorCode: str
    downloadUrl: str
    warnings: list[Warned]
    partial: bool
    failedPages: list[_FailedPage]


class Result(TypedDict, total=False):
    """What `format=json` gives."""

    id: str
    content: str
    metadata: dict[str, Any]
    usage: dict[str, Any]
    downloadUrl: str
    partial: bool
    failedPages: list[_FailedPage]
    extraction: Any
    pages: list[dict[str, Any]]
    warnings: list[Warned]


class Page(TypedDict):
    """A page of `format=json`, and the document that it is of; further fields come too."""

    id: str
    number: int
    markdown: str
    warnings: list[Warned]


class ListedPage(TypedDict):
    number: int
    width: float | None
    height: float | None
    unit: Literal["point", "pixel"] | None
    dpi: int | None
    confidence: float | None
    warnings: list[Warned]
    hasBlocks: bool


class PageList(TypedDict):
    id: str
    pages: list[ListedPage]
    nextCursor: str | None


class Match(TypedDict):
    page: int
    snippet: str
    ranges: list[list[int]]


class ListedDocument(_StatusAlways, total=False):
    pagesTotal: int | None
    error: str
    errorCode: str
    matches: list[Match]


class DocumentList(TypedDict):
    documents: list[ListedDocument]
    nextCursor: str | None


class BatchDocument(TypedDict, total=False):
    id: str
    fileName: str
    fileSize: int
    status: str
    partial: bool
    error: str
    errorCode: str


class BatchAccepted(TypedDict):
    batchId: str
    status: str
    totalDocuments: int
    documents: list[BatchDocument]
    statusUrl: str


class _BatchAlways(TypedDict):
    batchId: str
    status: Literal["pending", "processing", "completed", "failed", "cancelled"]
    progress: dict[str, int]
    createdAt: str
    completedAt: str | None
    downloadUrl: str | None


class BatchStatus(_BatchAlways, total=False):
    mistralBatchJobId: str
    mistralStatus: str
    documents: list[BatchDocument]


class Delivery(TypedDict):
    """An event on its way to a webhook, or there."""

    id: str
    eventId: str
    type: str
    documentId: str | None
    batchId: str | None
    url: str
    status: Literal["pending", "sending", "delivered", "failed"]
    attempts: int
    lastStatus: int | None
    lastError: str | None
    nextAttemptAt: str | None
    createdAt: str


class Deliveries(TypedDict):
    deliveries: list[Delivery]
    nextCursor: str | None


class UsageSummary(TypedDict):
    summary: dict[str, Any]
    limits: dict[str, Any]
    filters: dict[str, Any]


class UsageBreakdown(TypedDict):
    breakdown: list[dict[str, Any]]
    filters: dict[str, Any]
