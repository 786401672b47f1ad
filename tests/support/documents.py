"""Documents and jobs put into a database the way intake does."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from ilios.core import clock, ids
from ilios.core.settings import Settings
from ilios.db import instance
from ilios.db.database import Database
from ilios.db.models import Call, Document, DocumentStatus, Job
from ilios.documents.options import as_json
from ilios.engines.base import Options
from ilios.engines.page_selection import PageSelection
from ilios.engines.registry import EMBEDDED
from ilios.queue import pause, queries
from ilios.queue.jobs import enqueue
from ilios.storage.object_keys import source_key
from ilios.storage.opening import open_store


def add_document(
    database: Database,
    *,
    settings: Settings | None = None,
    owner: str = "anonymous",
    priority: int = 5,
    content: bytes = b"Hello",
    mime_type: str = "text/plain",
    pages: str | None = None,
    allow_partial: float | None = None,
    now: datetime | None = None,
    lane: str = EMBEDDED,
    webhook_url: str | None = None,
) -> tuple[str, str]:
    """Return a pending document with its job; its object too when settings are given.

    Returns the ids of the document and of the job.
    """
    document_id = ids.new_id()
    with database.reading() as session:
        key = source_key(instance.instance_id(session), document_id)
    if settings is not None:
        path = settings.data_folder / "tmp" / "uploads" / document_id
        path.write_bytes(content)
        open_store(settings).put(key, path, mime_type)
    now = now or clock.now()
    chosen = PageSelection.parse(pages) if pages else None
    with database.writing() as session:
        session.add(
            Document(
                id=document_id,
                owner=owner,
                file_name="hello.txt",
                mime_type=mime_type,
                file_size=len(content),
                sha256="0" * 64,
                storage_key=key,
                status=DocumentStatus.PENDING,
                operation="convert",
                options=as_json(Options(chosen, allow_partial=allow_partial)),
                warnings=[],
                retention_days=365,
                created_at=now,
                webhook_url=webhook_url,
            )
        )
        session.flush()
        job_id = enqueue(
            session,
            document_id=document_id,
            owner=owner,
            lane=lane,
            priority=priority,
            now=now,
        )
    return document_id, job_id


def document(database: Database, document_id: str) -> Document:
    with database.reading() as session:
        return session.scalars(select(Document).where(Document.id == document_id)).one()


def documents(database: Database) -> list[Document]:
    with database.reading() as session:
        return list(session.scalars(select(Document)))


def job(database: Database, job_id: str) -> Job:
    with database.reading() as session:
        return session.scalars(select(Job).where(Job.id == job_id)).one()


def jobs(database: Database) -> list[Job]:
    with database.reading() as session:
        return list(session.scalars(select(Job)))


def position(database: Database, job_id: str) -> int:
    """Return how many jobs of its owner go before a job that waits."""
    with database.reading() as session:
        ahead = select(queries.ahead_of(Job)).where(Job.id == job_id)
        return session.scalars(ahead).one()


def calls(database: Database) -> list[Call]:
    with database.reading() as session:
        return list(session.scalars(select(Call).order_by(Call.created_at)))


def is_paused(database: Database) -> bool:
    with database.reading() as session:
        return pause.is_paused(session)


def age(database: Database, *, days: int) -> None:
    """Have every document come to us earlier."""
    with database.writing() as session:
        for one in session.scalars(select(Document)):
            one.created_at -= timedelta(days=days)
