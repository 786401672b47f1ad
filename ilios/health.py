"""Is the service well? Answered from what is at hand: never a call to provider or object store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from ilios import clock, heartbeat, queue
from ilios.database import Database
from ilios.models import Instance

BACKLOG_AGE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Health:
    """`cause` says what makes the service unhealthy; None when it is healthy."""

    database: str
    storage: str
    workers: str
    queue: str
    cause: str | None


class Examiner:
    """Examines database, supervisor and queue."""

    def __init__(self, database: Database, storage_name: str, supervisor_state: Path) -> None:
        self._database = database
        self._storage_name = storage_name
        self._supervisor_state = supervisor_state

    def examine(self) -> Health:
        workers, worker_fault = self._workers()
        try:
            backlog = self._queue()
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or type(error).__name__)
            return Health(
                database=f"error: {reason}",
                storage=self._storage_name,
                workers=workers,
                queue="unknown",
                cause=f"The database does not answer: {reason}.",
            )
        return Health("connected", self._storage_name, workers, backlog, worker_fault)

    def _queue(self) -> str:
        with self._database.reading() as session:
            session.scalars(select(Instance.id)).one()
            oldest = queue.oldest_ready(session)
        late = oldest is not None and clock.now() - oldest > BACKLOG_AGE
        return "backlogged" if late else "ok"

    def _workers(self) -> tuple[str, str | None]:
        beat = heartbeat.read(self._supervisor_state)
        if beat is None or not beat.is_fresh:
            return "supervisor not running", (
                "The supervisor does not answer: documents are accepted but not converted."
            )
        if beat.workers_ready < beat.workers_configured:
            return f"{beat.workers_ready} of {beat.workers_configured} ready", None
        return "ok", None
