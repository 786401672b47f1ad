"""Turn what the services return into what the schemas dump."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask import Response, json

from ilios.accounts import ledger_sums
from ilios.accounts.holdings import Holding
from ilios.api.responses import streaming
from ilios.api.responses.links import batch_download_url, batch_status_url, result_url, status_url
from ilios.api.schemas.responses import AcceptedSchema
from ilios.core import clock
from ilios.core.prices import MICROS_PER_CENT, MICROS_PER_DOLLAR
from ilios.db.models import Batch, DocumentStatus, statuses
from ilios.documents import results
from ilios.documents.estimates import Estimate
from ilios.documents.failed_pages import each
from ilios.documents.listing import Listed
from ilios.documents.queries import BatchReport
from ilios.documents.snapshots import DocumentReport, Shown, Snapshot
from ilios.documents.snippets import Match
from ilios.webhooks.events import Delivery

_ACCEPTED = AcceptedSchema()


def accepted(document: Shown) -> Response:
    """Answer 202: the document is stored, and waits unless an earlier result answers it already."""
    url = status_url(document.id)
    answer = {
        "id": document.id,
        "status": document.status.value,
        "cached": is_cached(document),
        "file_name": document.file_name,
        "file_size": document.file_size,
        "retention_days": document.retention_days,
        "status_url": url,
        "created_at": clock.iso(document.created_at),
        "message": message(document),
    }
    body = json.dumps(_ACCEPTED.dump(answer))
    return Response(body, 202, {"Location": url}, mimetype="application/json")


def is_cached(document: Shown) -> bool:
    """Return whether the conversion of another document with the same bytes answers this one."""
    return document.result_of is not None


def message(document: Shown) -> str:
    """Say what happens next to a document that was just accepted."""
    if document.status is DocumentStatus.COMPLETED:
        return "The same bytes were converted before: the result is here, at no cost."
    if is_cached(document):
        return "The same bytes are being converted already: this gets the same result, at no cost."
    return "The document is stored and waits for its conversion."


def document_status(report: DocumentReport) -> dict[str, Any]:
    document = report.document
    done = document.status in statuses.READABLE
    optional = {
        "started_at": _iso(document.started_at),
        "processed_at": _iso(document.processed_at),
        "queue_position": report.queue_position,
        "error": document.error,
        "error_code": document.error_code,
        "download_url": result_url(document.id) if done else None,
    }
    return {
        "id": document.id,
        "status": document.status.value,
        "cached": is_cached(document),
        "file_name": document.file_name,
        "file_size": document.file_size,
        "created_at": clock.iso(document.created_at),
        "progress": report.progress_percent,
        "pages_done": report.pages_done,
        "pages_total": report.pages_total,
        "attempts": report.attempts,
        "warnings": document.warnings,
        "is_partial": results.is_partial(document),
        "failed_pages": failed_pages(document),
        **{name: value for name, value in optional.items() if value is not None},
    }


def failed_pages(document: Shown) -> list[dict[str, Any]]:
    """Return the pages of a document that could not be converted, with the reason of each."""
    return [{"number": index + 1, "code": code} for index, code in each(document.failed_pages)]


def document_list(found: Listed) -> dict[str, Any]:
    return {
        "documents": [
            {**_listed(document), **_matches(found.matches.get(document.id))}
            for document in found.documents
        ],
        "next_cursor": found.next_cursor,
    }


def batch_accepted(batch: Batch, documents: list[Snapshot]) -> dict[str, Any]:
    return {
        "batch_id": batch.id,
        "status": "queued",
        "total_documents": batch.total_documents,
        "documents": [_batch_document(document) for document in documents],
        "status_url": batch_status_url(batch.id),
    }


def batch_status(report: BatchReport, *, details: bool) -> dict[str, Any]:
    finished = report.completed_at is not None
    listed = {"documents": [_batch_document(document) for document in report.documents]}
    provider = {
        "mistral_batch_job_id": report.provider_job_id,
        "mistral_status": report.provider_status,
    }
    return {
        "batch_id": report.batch.id,
        "status": report.status,
        "progress": {
            "total": report.batch.total_documents,
            "pending": report.count(DocumentStatus.PENDING),
            "processing": report.count(DocumentStatus.PROCESSING),
            "completed": report.count(*statuses.READABLE),
            "failed": report.count(DocumentStatus.FAILED),
            "cancelled": report.count(DocumentStatus.CANCELLED),
            "deleted": report.count(DocumentStatus.DELETED),
        },
        "created_at": clock.iso(report.batch.created_at),
        "completed_at": _iso(report.completed_at),
        "download_url": batch_download_url(report.batch.id) if finished else None,
        **{name: value for name, value in provider.items() if value is not None},
        **(listed if details else {}),
    }


def totals(sums: ledger_sums.Totals) -> dict[str, Any]:
    micros = sums.cost_micros
    cents = (Decimal(micros) / MICROS_PER_CENT).quantize(Decimal(1), ROUND_HALF_UP)
    return {
        "total_documents": sums.documents,
        "total_operations": sums.operations,
        "total_pages": sums.pages,
        "total_input_tokens": sums.input_tokens,
        "total_output_tokens": sums.output_tokens,
        "total_cost_cents": int(cents),
        "total_cost_usd": f"{Decimal(micros) / MICROS_PER_DOLLAR:.6f}",
        "total_cost_micros": micros,
        "ambiguous_calls": sums.ambiguous_calls,
        "ambiguous_pages": sums.ambiguous_pages,
    }


def limits(holding: Holding) -> dict[str, int | None]:
    return {
        "storage_used_bytes": holding.stored_bytes,
        "storage_limit_bytes": holding.storage_limit,
        "waiting_documents": holding.waiting_documents,
        "waiting_limit": holding.waiting_limit,
    }


def delivery(found: Delivery) -> dict[str, Any]:
    return {
        "id": found.id,
        "event_id": found.event_id,
        "type": found.type,
        "document_id": found.document_id,
        "batch_id": found.batch_id,
        "url": found.url,
        "status": found.status.value,
        "attempts": found.attempts,
        "last_status": found.last_status,
        "last_error": found.last_error,
        "next_attempt_at": _iso(found.next_attempt_at),
        "created_at": clock.iso(found.created_at),
    }


def dollars(micros: int) -> float:
    """Return dollars as a float for JSON: the nearest one is written with six decimals at most."""
    return micros / MICROS_PER_DOLLAR


def estimate(found: Estimate) -> dict[str, Any]:
    return {**asdict(found), "cost_usd": dollars(found.cost_micros)}


def metadata(document: Shown, page_total: int) -> dict[str, Any]:
    return {
        "model": document.model,
        "extracted_pages": page_total,
        "processing_time_ms": streaming.processing_ms(document),
        "file_name": document.file_name,
        "file_size": document.file_size,
        "mime_type": document.mime_type,
        "cached": is_cached(document),
    }


def usage(sums: ledger_sums.Totals) -> dict[str, Any]:
    return {
        "prompt_tokens": sums.input_tokens,
        "completion_tokens": sums.output_tokens,
        "total_tokens": sums.input_tokens + sums.output_tokens,
        "pages": sums.pages,
        "costUsd": dollars(sums.cost_micros),
    }


def _listed(document: Shown) -> dict[str, Any]:
    return {
        **_batch_document(document),
        "cached": is_cached(document),
        "mime_type": document.mime_type,
        "batch_id": document.batch_id,
        "pages_total": document.page_count,
        "retention_days": document.retention_days,
        "created_at": clock.iso(document.created_at),
        "processed_at": _iso(document.processed_at),
        "status_url": status_url(document.id),
    }


def _matches(found: list[Match] | None) -> dict[str, Any]:
    return {} if found is None else {"matches": [match._asdict() for match in found]}


def _batch_document(document: Shown) -> dict[str, Any]:
    reason = {"error": document.error, "error_code": document.error_code}
    return {
        "id": document.id,
        "file_name": document.file_name,
        "file_size": document.file_size,
        "status": document.status.value,
        "is_partial": results.is_partial(document),
        **(reason if document.error else {}),
    }


def _iso(moment: datetime | None) -> str | None:
    return clock.iso(moment) if moment else None
