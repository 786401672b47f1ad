"""Cancellation: ends jobs whose result is not wanted any more, and deletes ended ones.

Only this package writes `job_queue`. Takes a session, never commits.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, delete, or_, update
from sqlalchemy.orm import Session

from ilios.db.models import CANCELLED, PENDING, Job, JobStatus
from ilios.db.prepared import Prepared
from ilios.queue import queries

_CANCEL = Prepared(
    update(Job)
    .where(Job.document_id == bindparam("of_document"), Job.status.in_(queries.OPEN))
    .values(
        status=JobStatus.CANCELLED,
        lease_token=None,
        lease_until=None,
        scheduled_at=None,
        completed_at=bindparam("moment"),
    )
)
_FORGET_ERRORS = Prepared(
    update(Job)
    .where(Job.document_id == bindparam("of_document"), Job.error.is_not(None))
    .values(error=None)
)


def fail_waiting_job(session: Session, job_id: str, error: str, now: datetime) -> None:
    """Move one job pending → failed."""
    _fail(session, Job.id == job_id, error, now)


def fail_waiting(session: Session, document_id: str, error: str, now: datetime) -> None:
    """Move pending → failed the jobs of a document that cannot be completed any more."""
    _fail(session, Job.document_id == document_id, error, now)


def cancel(session: Session, document_id: str, now: datetime) -> None:
    """Move pending | processing → cancelled all jobs of a document.

    A worker that runs one of them loses its lease; `clear_worker` notes when it has stopped.
    """
    _CANCEL.run(session, of_document=document_id, moment=now)


def clear_worker(session: Session, job_ids: list[str]) -> None:
    """Note that no worker runs these cancelled jobs any more."""
    session.execute(
        update(Job)
        .where(Job.id.in_(job_ids), Job.status == CANCELLED, Job.worker.is_not(None))
        .values(worker=None)
        .execution_options(synchronize_session=False)
    )


def forget_errors(session: Session, document_id: str) -> None:
    """Remove the error texts of a document's jobs: they may quote it."""
    _FORGET_ERRORS.run(session, of_document=document_id)


def delete_ended(session: Session, document_id: str) -> None:
    """Delete the jobs of a document that have ended, and that no worker runs any more."""
    session.execute(
        delete(Job).where(
            Job.document_id == document_id,
            Job.status.not_in(queries.OPEN),
            or_(Job.status != JobStatus.CANCELLED, Job.worker.is_(None)),
        )
    )


def _fail(session: Session, which: ColumnElement[bool], error: str, now: datetime) -> None:
    session.execute(
        update(Job)
        .where(which, Job.status == PENDING)
        .values(status=JobStatus.FAILED, error=error, completed_at=now)
        .execution_options(synchronize_session=False)
    )
