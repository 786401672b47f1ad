"""Admission of documents at addresses: to be fetched first. Takes a session, never commits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from ilios.db.models import DocumentStatus
from ilios.documents import extractions, passwords, repository, url_sources
from ilios.documents.remote import RemoteCandidate
from ilios.queue import jobs


def admit_remote(
    session: Session, candidate: RemoteCandidate, now: datetime, *, batch_id: str | None = None
) -> dict[str, Any]:
    """Insert a document with a job that fetches it; return its row.

    Quota and budget are looked at once its bytes are here: a repeat costs nothing.
    """
    order, remote = candidate.order, candidate.remote
    row = repository.add(
        session,
        **candidate.columns,
        status=DocumentStatus.PENDING,
        result_of=None,
        batch_id=batch_id,
        provider_batch_id=None,
        reserved_pages=0,
        reserved_micros=0,
        created_at=now,
    )
    if order.options.extraction and order.options.extraction.texts:
        extractions.insert_texts(session, row["id"], order.options.extraction.texts)
    if candidate.sealed is not None:
        passwords.keep(session, row["id"], candidate.sealed)
    url_sources.insert_source(
        session,
        row["id"],
        order.owner,
        remote.address,
        first_name=remote.file_name if order.repeatable else None,
        is_named=remote.given_name is not None,
        uses_cache=order.cache,
    )
    jobs.enqueue(
        session,
        document_id=row["id"],
        owner=order.owner,
        lane=jobs.FETCH_LANE,
        priority=order.priority,
        now=now,
        origin=order.origin,
    )
    return row
