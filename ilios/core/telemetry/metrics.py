"""Metrics that processes count; docs/metrics.md explains each.

Labels are bounded: routes, never paths; codes and outcomes, never names or ids. Values that are
read at a scrape are in ilios.operations.collector.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

from ilios.core.conversion_errors import (
    BudgetSpent,
    ConversionError,
    DailyPagesSpent,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
)
from ilios.core.request_errors import RateLimited, StorageQuotaExceeded, TooManyWaiting
from ilios.core.telemetry.shared_counters import Value

values.ValueClass = Value  # before the first instrument

LIMIT_CODES: Final = (
    BudgetSpent.code,
    DailyPagesSpent.code,
    RateLimited.code,
    StorageQuotaExceeded.code,
    TooManyWaiting.code,
)
"""Of errors that say that a key may not have more."""

REGISTRY: Final = CollectorRegistry()
"""The values of this process's slot; without a slot, those of this process."""

DELIVERED: Final = "delivered"
WEBHOOK_OUTCOMES: Final = (
    *(DELIVERED, "refused", "gone", "timeout", "connection", "tls", "name_not_found", "no_http"),
    *("url_not_allowed", "secret_missing", "secret_lost", "key_revoked"),
)
"""How an attempt to deliver an event may end; all but the first are its `lastError`."""

SPAN_OUTCOMES: Final = ("sent", "failed", "dropped")

ANSWERED: Final = "answered"
UNFORESEEN: Final = "broke"  #: by no fault of the provider
_OUTCOMES: Final[dict[type[ConversionError], str]] = {
    ProviderThrottled: "throttled",
    ProviderMisconfigured: "misconfigured",
    ProviderUnavailable: "failed",
    OutcomeUnknown: "unknown",
    ConversionError: "refused",
}

HTTP_REQUESTS: Final = Counter(
    "ilios_http_requests", "Requests answered", ["method", "route", "status"], registry=REGISTRY
)
HTTP_DEPRECATED_REQUESTS: Final = Counter(
    "ilios_http_deprecated_requests",
    "Requests to routes that are going to end",
    ["method", "route"],
    registry=REGISTRY,
)
KEY_REFUSALS: Final = Counter(
    "ilios_key_refusals", "Requests refused at a limit of their key", ["code"],
    registry=REGISTRY,
)  # fmt: skip
HTTP_REQUEST_SECONDS: Final = Histogram(
    "ilios_http_request_seconds",
    "From the whole head of a request to the head of its answer",
    ["route"],
    buckets=(0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300),
    registry=REGISTRY,
)
HTTP_LISTENERS: Final = Gauge(
    "ilios_http_listeners",
    "Connections that are told of statuses, of each web process",
    multiprocess_mode="all",
    registry=REGISTRY,
)
PICKUP_SECONDS: Final = Histogram(
    "ilios_pickup_seconds",
    "From the enqueuing of a job to its first claim",
    ["lane"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3600),
    registry=REGISTRY,
)
CONVERSION_SECONDS: Final = Histogram(
    "ilios_conversion_seconds",
    "Time of a job that completed, from its start in a worker until its result was stored",
    ["engine"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
    registry=REGISTRY,
)
CONVERSIONS_FAILED: Final = Counter(
    "ilios_conversions_failed", "Jobs that failed for good", ["code"], registry=REGISTRY
)
CONVERSION_WARNINGS: Final = Counter(
    "ilios_conversion_warnings",
    "Warnings of conversions whose call was settled",
    ["code"],
    registry=REGISTRY,
)
PAGES: Final = Counter(
    "ilios_pages_converted", "Pages whose call was settled", ["engine"], registry=REGISTRY
)
COST: Final = Counter(
    "ilios_cost_microdollars", "Cost of settled calls, with the margin", ["engine"],
    registry=REGISTRY,
)  # fmt: skip
PAGES_OVERCOUNTED: Final = Counter(
    "ilios_provider_pages_overcounted",
    "Pages that the provider counted beyond those that it was sent",
    registry=REGISTRY,
)
PROVIDER_CALLS: Final = Counter(
    "ilios_provider_calls", "OCR calls to the provider that ended", ["outcome"], registry=REGISTRY
)
PROVIDER_CALL_SECONDS: Final = Histogram(
    "ilios_provider_call_seconds",
    "Time of an OCR call, uploads and reading its answer included",
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
    registry=REGISTRY,
)
PROVIDER_FILES_REMOVED: Final = Counter(
    "ilios_provider_files_removed", "Left-over files swept at the provider", registry=REGISTRY
)
PROVIDER_FILES_LEFT: Final = Gauge(
    "ilios_provider_files_left",
    "Left-over files that the last sweep could not delete at the provider",
    multiprocess_mode="mostrecent",
    registry=REGISTRY,
)
RETRIES: Final = Counter(
    "ilios_retries", "Jobs that went back to the queue, by cause", ["code"], registry=REGISTRY
)
WORKER_RESTARTS: Final = Counter(
    "ilios_worker_restarts",
    "Processes of the supervisor that died and were replaced",
    ["process"],
    registry=REGISTRY,
)
PARSER_RESTARTS: Final = Counter(
    "ilios_parser_restarts", "Parser children that died or were killed at their deadline",
    ["cause"], registry=REGISTRY,
)  # fmt: skip
WEBHOOK_ATTEMPTS: Final = Counter(
    "ilios_webhook_attempts", "Attempts to deliver an event", ["outcome"], registry=REGISTRY
)
SPANS: Final = Counter(
    "ilios_trace_spans", "Spans of traces, by what became of them", ["outcome"], registry=REGISTRY
)
DATABASE_BUSY_RETRIES: Final = Counter(
    "ilios_database_busy_retries", "Write transactions that had to try again", registry=REGISTRY
)


@contextmanager
def provider_call() -> Iterator[None]:
    """Count the body as a call to the provider, by its outcome and its time."""
    began, outcome = time.monotonic(), UNFORESEEN
    try:
        yield
        outcome = ANSWERED
    except ConversionError as error:
        outcome = next(_OUTCOMES[cls] for cls in type(error).__mro__ if cls in _OUTCOMES)
        raise
    finally:
        PROVIDER_CALLS.labels(outcome).inc()
        PROVIDER_CALL_SECONDS.observe(time.monotonic() - began)


def start_at_zero(warning_codes: Iterable[str]) -> None:
    """Create series at zero: else Prometheus does not see the first increase.

    It is enough that one process does. `warning_codes` are those that a conversion may carry.
    """
    for code in warning_codes:
        CONVERSION_WARNINGS.labels(code).inc(0)
    for outcome in (ANSWERED, UNFORESEEN, *_OUTCOMES.values()):
        PROVIDER_CALLS.labels(outcome).inc(0)
    for code in _codes(ConversionError):
        RETRIES.labels(code).inc(0)
        CONVERSIONS_FAILED.labels(code).inc(0)
    for code in LIMIT_CODES:
        KEY_REFUSALS.labels(code).inc(0)
    for process in ("worker", "replicator"):
        WORKER_RESTARTS.labels(process).inc(0)
    for cause in ("crash", "deadline"):
        PARSER_RESTARTS.labels(cause).inc(0)
    for outcome in WEBHOOK_OUTCOMES:
        WEBHOOK_ATTEMPTS.labels(outcome).inc(0)
    for outcome in SPAN_OUTCOMES:
        SPANS.labels(outcome).inc(0)
    DATABASE_BUSY_RETRIES.inc(0)
    PROVIDER_FILES_REMOVED.inc(0)


def _codes(base: type[ConversionError]) -> Iterator[str]:
    for cls in base.__subclasses__():
        yield cls.code
        yield from _codes(cls)
