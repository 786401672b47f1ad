"""What operators do to jobs and to the queue, across all owners."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ilios.core import clock
from ilios.core.request_errors import JobNotFound, NothingToRetry
from ilios.db.database import Database
from ilios.db.models import Document, Job, JobStatus, ProviderBatch
from ilios.documents.lifecycle import DocumentActions
from ilios.queue import pause, queries
from ilios.queue.notify import Notifier


@dataclass(frozen=True, slots=True)
class JobReport:
    """A document and its jobs, the oldest first; a step of a provider's batch has no document."""

    document: Document | None
    jobs: list[Job]


class JobAdmin:
    """Acts on jobs, which are named by their own id or by their document's."""

    def __init__(self, database: Database, actions: DocumentActions, notifier: Notifier) -> None:
        self._database = database
        self._actions = actions
        self._notifier = notifier

    def jobs(self, status: JobStatus | None, limit: int) -> list[Job]:
        """Return jobs of a status, or all that have not ended, in the order of claiming."""
        statuses = queries.OPEN if status is None else (status,)
        by_turn = select(Job).where(Job.status.in_(statuses)).order_by(Job.status.desc(), Job.rank)
        with self._database.reading() as session:
            return list(session.scalars(by_turn.limit(limit)))

    def report(self, name: str) -> JobReport:
        """Return a document with all of its jobs. Raises JobNotFound."""
        with self._database.reading() as session:
            job, document = _found(session, name)
            if document is None:
                return JobReport(None, [job] if job else [])
            of_document = select(Job).where(Job.document_id == document.id)
            return JobReport(document, list(session.scalars(of_document.order_by(Job.created_at))))

    def cancel(self, name: str) -> None:
        """Cancel a document, or a whole batch by its step. Raises JobNotFound, TooLate."""
        with self._database.reading() as session:
            job, document = _found(session, name)
            batch = session.get(ProviderBatch, job.provider_batch_id or "") if job else None
        if document is not None:
            self._actions.cancel(document.id, owner=document.owner)
        elif batch is not None:
            self._actions.cancel_batch(batch.batch_id, owner=batch.owner)

    def retry(self, name: str) -> None:
        """Convert a failed document again. Raises JobNotFound, NothingToRetry, OriginalMissing."""
        with self._database.reading() as session:
            _, document = _found(session, name)
        if document is None:
            raise NothingToRetry("This is a step of a batch. Retry the documents that have failed.")
        self._actions.retry(document.id, owner=document.owner)

    def pause(self) -> None:
        """Let no job start until `resume`, also after a restart; those that run go on."""
        with self._database.writing() as session:
            pause.pause(session, clock.now())

    def resume(self) -> None:
        with self._database.writing() as session:
            pause.resume(session)
        self._notifier.notify()


def _found(session: Session, name: str) -> tuple[Job | None, Document | None]:
    job = session.get(Job, name)
    document = session.get(Document, (job.document_id or "") if job else name)
    if job is None and document is None:
        raise JobNotFound
    return job, document
