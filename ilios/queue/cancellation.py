"""End jobs that nobody waits for any more, and clear away what has ended.

Beside ilios.queue.jobs and its neighbours in this package, nothing writes `job_queue`. Takes a
session, never commits.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, update
from sqlalchemy.orm import Session

from ilios.db.models import CANCELLED, PENDING, Job, JobStatus
from ilios.queue import queries


def drop(session: Session, job_id: str, error: str, now: datetime) -> None:
    """pending → failed for one job."""
    _drop(session, Job.id == job_id, error, now)


def drop_waiting(session: Session, document_id: str, error: str, now: datetime) -> None:
    """pending → failed for what is left of a document that cannot be completed any more."""
    _drop(session, Job.document_id == document_id, error, now)


def cancel(session: Session, document_id: str, now: datetime) -> None:
    """pending | processing → cancelled for all jobs of a document that nobody waits for any more.

    A worker that is at one of them loses its lease; `let_go` notes when it has stopped.
    """
    session.execute(
        update(Job)
        .where(Job.document_id == document_id, Job.status.in_(queries.OPEN))
        .values(
            status=JobStatus.CANCELLED,
            lease_token=None,
            lease_until=None,
            scheduled_at=None,
            completed_at=now,
        )
        .execution_options(synchronize_session=False)
    )


def let_go(session: Session, job_ids: list[str]) -> None:
    """Note that no worker is at these cancelled jobs any more."""
    session.execute(
        update(Job)
        .where(Job.id.in_(job_ids), Job.status == CANCELLED, Job.worker.is_not(None))
        .values(worker=None)
        .execution_options(synchronize_session=False)
    )


def silence(session: Session, document_id: str) -> None:
    """Forget what went wrong with the jobs of a document: the words may quote it."""
    session.execute(
        update(Job)
        .where(Job.document_id == document_id, Job.error.is_not(None))
        .values(error=None)
        .execution_options(synchronize_session=False)
    )


def clear_away(session: Session, document_id: str) -> None:
    """Remove the jobs of a document that have ended, for new ones begin with fresh attempts."""
    session.execute(
        delete(Job).where(
            Job.document_id == document_id,
            Job.status.not_in(queries.OPEN),
            or_(Job.status != JobStatus.CANCELLED, Job.worker.is_(None)),
        )
    )


def _drop(session: Session, which: ColumnElement[bool], error: str, now: datetime) -> None:
    session.execute(
        update(Job)
        .where(which, Job.status == PENDING)
        .values(status=JobStatus.FAILED, error=error, completed_at=now)
        .execution_options(synchronize_session=False)
    )
