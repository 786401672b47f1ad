"""Admission: a stored document takes its duplicate's result, or gets a job of its own.

Two documents are duplicates when owner, bytes, type, options and model are the same. Takes a
session, never commits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy.orm import Session

from ilios.accounts import costs, holdings, quotas
from ilios.accounts.holdings import Standard
from ilios.accounts.quotas import Amount
from ilios.core.settings import Settings
from ilios.core.telemetry.tracing import NO_ORIGIN, Origin
from ilios.db.models import (
    Document,
    DocumentStatus,
    statuses,
)
from ilios.documents import extractions, failed_pages, repository, results
from ilios.documents.idempotency import Repeatable
from ilios.documents.options import (
    EVERYTHING,
    as_json,
    asked_of,
    model_of,
    options_of,
    tariff_of,
)
from ilios.engines import registry
from ilios.engines.base import Options
from ilios.queue import cancellation, jobs, priority, queries

DEFAULT_RETENTION_DAYS: Final = 365
OPERATION_QUEUED: Final = "convert"
OPERATION_IMMEDIATE: Final = "convert-immediate"
OPERATION_FILE: Final = "file"  #: kept for a client, see ilios.documents.kept_files
_ENCODER: Final = json.JSONEncoder(sort_keys=True)
_NOT_OF_RESULT: Final = ("model", "max_cost_micros", "allow_partial")
"""Options that a whole result does not depend on; of the model, the resolved one counts."""


@dataclass(frozen=True, slots=True)
class Order:
    """How a client wants its documents converted; already validated."""

    owner: str
    priority: int = jobs.DEFAULT_PRIORITY
    retention_days: int = DEFAULT_RETENTION_DAYS
    options: Options = EVERYTHING
    operation: str = OPERATION_QUEUED
    cache: bool = True  #: whether the result may be that of an earlier or running conversion
    provider_batch: bool = False  #: through the provider's cheap and slow lane
    origin: Origin = NO_ORIGIN  #: the request that brought it
    repeatable: Repeatable | None = None  #: of a request with an idempotency key


@dataclass(frozen=True, slots=True)
class Stored:
    """A file whose object is durable, and whose row is not yet inserted."""

    document_id: str
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str
    storage_key: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored file and its order, with what can be said of it before the transaction."""

    stored: Stored
    order: Order
    lane: str
    least: Callable[[], Amount]  #: what its conversion uses at least
    columns: dict[str, Any]
    needs_blocks: bool  #: whether a result of before blocks were made does not answer it

    @classmethod
    def of(cls, settings: Settings, stored: Stored, order: Order) -> Candidate:
        lane = registry.lane_of(stored.media_type, settings)
        options = asked_of(lane, order.options)
        needs_blocks = options is not order.options
        if needs_blocks:
            order = replace(order, options=options)
        of_order = columns(order)
        return cls(
            stored,
            order,
            lane,
            partial(_least, settings, lane, order.options, is_batch=order.provider_batch),
            {
                **of_order,
                "id": stored.document_id,
                "file_name": stored.file_name,
                "mime_type": stored.media_type,
                "file_size": stored.size_bytes,
                "sha256": stored.sha256,
                "storage_key": stored.storage_key,
                "fingerprint": _fingerprint(
                    model_of(order.options, lane, settings), lane, stored, of_order["options"]
                ),
            },
            needs_blocks,
        )


def admit(
    session: Session,
    candidate: Candidate,
    now: datetime,
    *,
    batch_id: str | None = None,
    provider_batch_id: str | None = None,
) -> dict[str, Any]:
    """Insert a document, with its duplicate's result or with a job of its own.

    Returns its row. Raises BudgetSpent, DailyPagesSpent and CostAboveLimit, before anything is
    inserted.
    """
    order = candidate.order
    duplicate = None
    if order.cache:
        duplicate = repository.duplicate(
            session,
            order.owner,
            candidate.columns["fingerprint"],
            in_batch_lane=order.provider_batch,
            needs_blocks=candidate.needs_blocks,
            allow_partial=order.options.allow_partial,
        )
    reserved = quotas.NOTHING
    if duplicate is None:
        if order.options.max_cost_micros is not None:
            costs.require_within(order.options.max_cost_micros, candidate.least())
        reserved = quotas.admit(session, order.owner, candidate.least, now)
    waits_in_batch = (
        provider_batch_id is not None and candidate.lane == registry.MISTRAL and duplicate is None
    )
    row = repository.add(
        session,
        **(candidate.columns | _result(duplicate)),
        batch_id=batch_id,
        provider_batch_id=provider_batch_id if waits_in_batch else None,
        reserved_pages=reserved.pages,
        reserved_micros=reserved.cost_micros,
        created_at=now,
    )
    extraction = order.options.extraction
    # One that waits for another may have to be converted itself, once that is deleted.
    if extraction and extraction.texts and row["status"] is DocumentStatus.PENDING:
        extractions.insert_texts(session, row["id"], extraction.texts)
    if duplicate is not None:
        priority.raise_priority(session, duplicate.id, order.priority, now)
    elif not waits_in_batch:
        jobs.enqueue(
            session,
            document_id=row["id"],
            owner=order.owner,
            lane=candidate.lane,
            priority=order.priority,
            now=now,
            origin=order.origin,
        )
    return row


def admit_upload(
    session: Session,
    settings: Settings,
    document: Document,
    uploaded: Stored,
    now: datetime,
    origin: Origin,
) -> None:
    """Move awaiting_upload → pending, or → completed at once. The document is of the open session.

    Raises BudgetSpent or DailyPagesSpent.
    """
    lane = registry.lane_of(uploaded.media_type, settings)
    model = model_of(EVERYTHING, lane, settings)
    fingerprint = _fingerprint(model, lane, uploaded, as_json(EVERYTHING))
    duplicate = repository.duplicate(session, document.owner, fingerprint, in_batch_lane=False)
    if duplicate is None:
        _reserve(session, settings, document, lane, now)
    document.mime_type = uploaded.media_type
    document.sha256 = uploaded.sha256
    document.storage_key = uploaded.storage_key
    document.fingerprint = fingerprint
    for name, value in _result(duplicate).items():
        setattr(document, name, value)
    if duplicate is not None:
        priority.raise_priority(session, duplicate.id, jobs.DEFAULT_PRIORITY, now)
    else:
        _enqueue(session, document, lane, jobs.DEFAULT_PRIORITY, now, origin)


def readmit(
    session: Session,
    settings: Settings,
    document: Document,
    standard: Standard,
    now: datetime,
    origin: Origin,
) -> None:
    """Move a document that has failed, was cancelled or lacks pages → pending, of the open session.

    It gets fresh attempts; pages that are stored stay. A document that had joined another is
    converted, or completed, with it, unless that one was deleted. Raises TooManyWaiting,
    BudgetSpent or DailyPagesSpent.
    """
    holdings.of(session, document.owner, standard).require_room(0, 1)
    leader = session.get_one(Document, repository.result_id(document))
    if leader.status is DocumentStatus.DELETED:
        leader = document
    document.error = document.error_code = document.processed_at = document.started_at = None
    document.engine_fault = False
    if results.is_partial(document):
        document.warnings = failed_pages.noting(document.warnings, None)
        document.page_count = (document.page_count or 0) + failed_pages.count(document.failed_pages)
    document.archived_at = None
    document.provider_batch_id = None
    if leader is document:
        document.status, document.result_of = DocumentStatus.PENDING, None
    else:
        for name, value in _result(leader).items():
            setattr(document, name, value)
    if document.status is not DocumentStatus.PENDING or _is_under_way(session, leader):
        return
    last = repository.latest_job(session, leader.id)
    priority = last.priority if last else jobs.DEFAULT_PRIORITY
    leader.provider_batch_id = None  # the batch has ended, or goes on without it
    leader.pages_done = len(repository.page_indexes(session, leader.id))
    lane = registry.lane_of(leader.mime_type, settings)
    leader.reserved_pages = leader.reserved_micros = 0  # of its conversion before
    session.flush()
    _reserve(session, settings, leader, lane, now)
    cancellation.delete_ended(session, leader.id)
    session.flush()
    _enqueue(session, leader, lane, priority, now, origin)


def columns(order: Order) -> dict[str, Any]:
    """Return the columns of a document that follow from the order alone."""
    return {
        "owner": order.owner,
        "operation": order.operation,
        "retention_days": order.retention_days,
        "options": as_json(order.options),
    }


def _reserve(
    session: Session, settings: Settings, document: Document, lane: str, now: datetime
) -> None:
    """Let a document of the open session reserve what it uses at least."""
    least = partial(_least, settings, lane, options_of(document), is_batch=False)
    reserved = quotas.admit(session, document.owner, least, now)
    document.reserved_pages, document.reserved_micros = reserved.pages, reserved.cost_micros


def _least(settings: Settings, lane: str, options: Options, *, is_batch: bool) -> Amount:
    """Return what a document uses at least, as far as is known before its pages are counted."""
    pages = options.pages.page_count if options.pages else None
    return tariff_of(options, lane, settings, is_batch=is_batch).amount(pages)


def _enqueue(
    session: Session,
    document: Document,
    lane: str,
    priority: int,
    now: datetime,
    origin: Origin,
) -> None:
    jobs.enqueue(
        session,
        document_id=document.id,
        owner=document.owner,
        lane=lane,
        priority=priority,
        now=now,
        origin=origin,
    )


def _is_under_way(session: Session, document: Document) -> bool:
    """Return whether a document is being converted, by jobs of its own or in the batch lane."""
    in_batch_lane = document.provider_batch_id and document.status in statuses.OPEN
    return bool(in_batch_lane or queries.open_jobs(session, document.id))


def _result(duplicate: Document | None) -> dict[str, Any]:
    """Return what a document takes over from its duplicate, with the result if it has one."""
    if duplicate is None:
        return {"status": DocumentStatus.PENDING, "result_of": None}
    if duplicate.status not in statuses.READABLE or results.is_partial(duplicate):
        return {"status": DocumentStatus.PENDING, "result_of": duplicate.id}
    shared = {name: getattr(duplicate, name) for name in results.SHARED_RESULT}
    begun = {"started_at": duplicate.started_at, "result_of": duplicate.id}
    return {**shared, **begun, "status": DocumentStatus.COMPLETED}


def _fingerprint(model: str, lane: str, stored: Stored, options: dict[str, Any]) -> str:
    """Return what duplicates have in common; with the resolved `model`, so as with none named."""
    plain = {name: options[name] for name in options if name not in _NOT_OF_RESULT}
    same = [stored.sha256, stored.media_type, lane, model, plain]
    return hashlib.sha256(_ENCODER.encode(same).encode()).hexdigest()
