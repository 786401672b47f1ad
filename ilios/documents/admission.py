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

from ilios.accounts import costs, quotas
from ilios.accounts.quotas import Amount
from ilios.core.settings import Settings
from ilios.core.telemetry.tracing import NO_ORIGIN, Origin
from ilios.db.models import Document, DocumentStatus, statuses
from ilios.documents import extractions, passwords, repository, results
from ilios.documents.idempotency import Repeatable
from ilios.documents.options import (
    EVERYTHING,
    as_json,
    asked_of,
    model_of,
    options_of,
    tariff_of,
)
from ilios.documents.password_sealing import Password
from ilios.engines import registry
from ilios.engines.base import Options
from ilios.engines.passwords import OPENED_BY_PASSWORD
from ilios.queue import jobs, priority

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
    webhook_url: str | None = None  #: where its events go; None: to that of the key, if any
    password: Password | None = None  #: that may open its documents
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
    sealed: str | None = None  #: its password, if it is of a type that has any

    @property
    def size_bytes(self) -> int:
        return self.stored.size_bytes

    @classmethod
    def of(cls, settings: Settings, stored: Stored, order: Order) -> Candidate:
        lane = registry.lane_of(stored.media_type, settings)
        options = asked_of(lane, order.options)
        needs_blocks = options is not order.options
        if needs_blocks:
            order = replace(order, options=options)
        of_order = columns(order)
        password = order.password if stored.media_type in OPENED_BY_PASSWORD else None
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
                    model_of(order.options, lane, settings),
                    lane,
                    stored,
                    of_order["options"],
                    None if password is None else password.digest(order.owner),
                ),
            },
            needs_blocks,
            None if password is None else password.sealed(stored.document_id),
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
    duplicate, reserved = _duplicate_or_reserved(session, candidate, now)
    waits_in_batch = (
        provider_batch_id is not None and candidate.lane == registry.MISTRAL and duplicate is None
    )
    row = repository.add(
        session,
        **(candidate.columns | columns_of_result(duplicate)),
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
    if candidate.sealed is not None and duplicate is None:
        passwords.keep(session, row["id"], candidate.sealed)
    elif candidate.sealed is not None:
        passwords.note(session, row["id"])
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


def admit_fetched(
    session: Session, candidate: Candidate, document: Document, now: datetime
) -> None:
    """Move processing → pending, or → completed at once, a document whose bytes were fetched.

    The document is of the open session. Raises BudgetSpent, DailyPagesSpent and CostAboveLimit.
    """
    duplicate, reserved = _duplicate_or_reserved(session, candidate, now)
    order, document.started_at = candidate.order, None
    for name, value in (candidate.columns | columns_of_result(duplicate)).items():
        setattr(document, name, value)
    if duplicate is not None:
        priority.raise_priority(session, duplicate.id, order.priority, now)
        return
    document.reserved_pages, document.reserved_micros = reserved.pages, reserved.cost_micros
    enqueue(session, document, candidate.lane, order.priority, now, order.origin)


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
        reserve(session, settings, document, lane, now)
    document.mime_type = uploaded.media_type
    document.sha256 = uploaded.sha256
    document.storage_key = uploaded.storage_key
    document.fingerprint = fingerprint
    for name, value in columns_of_result(duplicate).items():
        setattr(document, name, value)
    if duplicate is not None:
        priority.raise_priority(session, duplicate.id, jobs.DEFAULT_PRIORITY, now)
    else:
        enqueue(session, document, lane, jobs.DEFAULT_PRIORITY, now, origin)


def fingerprint_of(settings: Settings, document: Document, password: Password) -> str:
    """Return what a document has in common with its duplicates once it has another password."""
    lane = registry.lane_of(document.mime_type, settings)
    stored = Stored(
        document.id,
        document.file_name,
        document.mime_type,
        document.file_size,
        document.sha256 or "",
        document.storage_key,
    )
    model = model_of(options_of(document), lane, settings)
    digest = password.digest(document.owner)
    return _fingerprint(model, lane, stored, document.options, digest)


def columns(order: Order) -> dict[str, Any]:
    """Return the columns of a document that follow from the order alone."""
    return {
        "owner": order.owner,
        "operation": order.operation,
        "retention_days": order.retention_days,
        "options": as_json(order.options),
        "webhook_url": order.webhook_url,
    }


def reserve(
    session: Session, settings: Settings, document: Document, lane: str, now: datetime
) -> None:
    """Let a document of the open session reserve what it uses at least."""
    least = partial(_least, settings, lane, options_of(document), is_batch=False)
    reserved = quotas.admit(session, document.owner, least, now)
    document.reserved_pages, document.reserved_micros = reserved.pages, reserved.cost_micros


def enqueue(
    session: Session,
    document: Document,
    lane: str,
    priority: int,
    now: datetime,
    origin: Origin,
) -> None:
    """Let a document of the open session have a job."""
    jobs.enqueue(
        session,
        document_id=document.id,
        owner=document.owner,
        lane=lane,
        priority=priority,
        now=now,
        origin=origin,
    )


def columns_of_result(duplicate: Document | None) -> dict[str, Any]:
    """Return what a document takes over from its duplicate, with the result if it has one."""
    if duplicate is None:
        return {"status": DocumentStatus.PENDING, "result_of": None}
    if duplicate.status not in statuses.READABLE or results.is_partial(duplicate):
        return {"status": DocumentStatus.PENDING, "result_of": duplicate.id}
    shared = {name: getattr(duplicate, name) for name in results.SHARED_RESULT}
    begun = {"started_at": duplicate.started_at, "result_of": duplicate.id}
    return {**shared, **begun, "status": DocumentStatus.COMPLETED}


def _duplicate_or_reserved(
    session: Session, candidate: Candidate, now: datetime
) -> tuple[Document | None, Amount]:
    """Return the duplicate whose result answers a candidate, or what it reserves without one."""
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
    if duplicate is not None:
        return duplicate, quotas.NOTHING
    if order.options.max_cost_micros is not None:
        costs.require_within(order.options.max_cost_micros, candidate.least())
    return None, quotas.admit(session, order.owner, candidate.least, now)


def _least(settings: Settings, lane: str, options: Options, *, is_batch: bool) -> Amount:
    """Return what a document uses at least, as far as is known before its pages are counted."""
    pages = options.pages.page_count if options.pages else None
    return tariff_of(options, lane, settings, is_batch=is_batch).amount(pages)


def _fingerprint(
    model: str, lane: str, stored: Stored, options: dict[str, Any], password: str | None = None
) -> str:
    """Return what duplicates have in common; with the resolved `model`, so as with none named.

    `password` is its digest: a result is for those who know what opens its document.
    """
    plain = {name: options[name] for name in options if name not in _NOT_OF_RESULT}
    same: list[Any] = [stored.sha256, stored.media_type, lane, model, plain]
    if password is not None:
        same.append(password)
    return hashlib.sha256(_ENCODER.encode(same).encode()).hexdigest()
