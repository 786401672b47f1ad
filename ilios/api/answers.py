"""From what the services return to what the schemas dump."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask import Response, json, request

from ilios import clock, ledger
from ilios.api import rendering
from ilios.api.links import batch_download_url, batch_status_url, result_url, status_url
from ilios.api.schemas import AcceptedSchema, ResultSchema
from ilios.models import Batch, Document, DocumentStatus
from ilios.reports import BatchReport, DocumentReport, Result

MICROS_A_DOLLAR = 1_000_000
MICROS_A_CENT = 10_000
"""Micro-dollars."""

_MEDIA_TYPES = {"markdown": "text/markdown", "text": "text/plain", "json": "application/json"}
_ACCEPTED = AcceptedSchema()
_RESULT = ResultSchema()


def accepted(document: Document) -> Response:
    """202: stored, and to be converted."""
    url = status_url(document.id)
    answer = {
        "id": document.id,
        "status": document.status.value,
        "file_name": document.file_name,
        "file_size": document.file_size,
        "retention_days": document.retention_days,
        "status_url": url,
        "created_at": clock.iso(document.created_at),
        "message": "The document is stored and waits for its conversion.",
    }
    response = Response(json.dumps(_ACCEPTED.dump(answer)), 202, mimetype="application/json")
    response.headers["Location"] = url
    return response


def document_status(report: DocumentReport) -> dict[str, Any]:
    document = report.document
    done = document.status is DocumentStatus.COMPLETED
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
        "file_name": document.file_name,
        "file_size": document.file_size,
        "created_at": clock.iso(document.created_at),
        "progress": report.progress_percent,
        "pages_done": document.pages_done,
        "pages_total": document.page_count,
        "attempts": report.attempts,
        "warnings": document.warnings,
        **{name: value for name, value in optional.items() if value is not None},
    }


def result(found: Result, form: str) -> Response:
    """The result in one of the forms, streamed; 304 when the client has it already."""
    response = Response(_pieces(found, form), mimetype=_MEDIA_TYPES[form])
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(f"{found.etag}-{form}")
    response.make_conditional(request)
    return response


def batch_accepted(batch: Batch, documents: list[Document]) -> dict[str, Any]:
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
    return {
        "batch_id": report.batch.id,
        "status": report.status,
        "progress": {
            "total": report.batch.total_documents,
            "pending": report.count(DocumentStatus.PENDING),
            "processing": report.count(DocumentStatus.PROCESSING),
            "completed": report.count(DocumentStatus.COMPLETED),
            "failed": report.count(DocumentStatus.FAILED),
            "cancelled": 0,
        },
        "created_at": clock.iso(report.batch.created_at),
        "completed_at": _iso(report.completed_at),
        "download_url": batch_download_url(report.batch.id) if finished else None,
        **(listed if details else {}),
    }


def totals(sums: ledger.Totals) -> dict[str, Any]:
    micros = sums.cost_micros
    cents = (Decimal(micros) / MICROS_A_CENT).quantize(Decimal(1), ROUND_HALF_UP)
    return {
        "total_documents": sums.documents,
        "total_operations": sums.operations,
        "total_pages": sums.pages,
        "total_input_tokens": sums.input_tokens,
        "total_output_tokens": sums.output_tokens,
        "total_cost_cents": int(cents),
        "total_cost_usd": f"{Decimal(micros) / MICROS_A_DOLLAR:.6f}",
        "total_cost_micros": micros,
    }


def metadata(document: Document, page_total: int) -> dict[str, Any]:
    return {
        "model": document.model,
        "extracted_pages": page_total,
        "processing_time_ms": rendering.processing_ms(document),
        "file_name": document.file_name,
        "file_size": document.file_size,
        "mime_type": document.mime_type,
    }


def _pieces(found: Result, form: str) -> Iterator[str]:
    if form == "text":
        return rendering.text(found.pages)
    content = rendering.markdown(found.pages)
    if form == "markdown":
        return content
    tail = _RESULT.dump(
        {
            "metadata": metadata(found.document, found.page_total),
            "usage": _usage(found.totals),
            "download_url": result_url(found.document.id),
            "warnings": found.document.warnings,
        }
    )
    return rendering.json_with_content({"id": found.document.id}, content, tail)


def _usage(sums: ledger.Totals) -> dict[str, Any]:
    return {
        "prompt_tokens": sums.input_tokens,
        "completion_tokens": sums.output_tokens,
        "total_tokens": sums.input_tokens + sums.output_tokens,
        "pages": sums.pages,
        "costUsd": sums.cost_micros / MICROS_A_DOLLAR,
    }


def _batch_document(document: Document) -> dict[str, Any]:
    reason = {"error": document.error, "error_code": document.error_code}
    return {
        "id": document.id,
        "file_name": document.file_name,
        "file_size": document.file_size,
        "status": document.status.value,
        **(reason if document.error else {}),
    }


def _iso(moment: datetime | None) -> str | None:
    return clock.iso(moment) if moment else None
