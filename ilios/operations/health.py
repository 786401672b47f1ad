"""Is the service well? Answered from what is at hand: never a call to provider or object store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from ilios.core import clock
from ilios.core.disk_space import DiskReserve
from ilios.db.database import Database
from ilios.db.models import Instance
from ilios.engines import registry
from ilios.operations import heartbeat
from ilios.operations.heartbeat import Heartbeat
from ilios.queue import queries

BACKLOG_AGE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Health:
    """`provider` is what the governor makes of it, `storage` what a worker last saw of the bucket.

    `cause` says what makes the service unhealthy; it is None when it is healthy. `disk` is `ok`, or
    says that nothing new is taken on. `replica` is None when replication is off.
    """

    database: str
    storage: str
    workers: str
    queue: str
    provider: str
    cause: str | None
    disk: str
    replica: Replica | None = None


@dataclass(frozen=True, slots=True)
class Replica:
    """How the copy in Turso stands: `ok` or what is the matter, and what it lacks."""

    state: str
    lag_rows: int
    lag_seconds: float


class Examiner:
    """Examines database, supervisor and queue."""

    def __init__(
        self, database: Database, storage_name: str, supervisor_state: Path, room: DiskReserve
    ) -> None:
        self._database = database
        self._storage_name = storage_name
        self._supervisor_state = supervisor_state
        self._room = room

    def examine(self) -> Health:
        beat = heartbeat.read(self._supervisor_state)
        workers, worker_fault = _workers(beat)
        provider = beat.provider if beat and beat.is_fresh else "unknown"
        storage = self._storage(beat)
        fault = self._room.fault()
        disk = f"full: {fault}" if fault else "ok"
        try:
            queries = self._queue()
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or type(error).__name__)
            return Health(
                database=f"error: {reason}",
                storage=storage,
                workers=workers,
                queue="unknown",
                provider=provider,
                cause=f"The database does not answer: {reason}.",
                disk=disk,
                replica=_replica(beat),
            )
        return Health(
            "connected", storage, workers, queries, provider, worker_fault, disk, _replica(beat)
        )

    def _storage(self, beat: Heartbeat | None) -> str:
        fault = beat.storage_fault if beat and beat.is_fresh else None
        return f"unavailable: {fault}" if fault else self._storage_name

    def _queue(self) -> str:
        with self._database.reading() as session:
            if session.scalars(select(Instance.queue_paused_at)).one() is not None:
                return "paused"
            oldest = queries.oldest_ready(session, registry.LANES)
        late = oldest is not None and clock.now() - oldest > BACKLOG_AGE
        return "backlogged" if late else "ok"


def _replica(beat: Heartbeat | None) -> Replica | None:
    if beat is None or beat.turso is None:
        return None
    state = beat.turso if beat.is_fresh else "unknown"
    return Replica(state, beat.turso_lag_rows, round(beat.turso_lag_seconds, 1))


def _workers(beat: Heartbeat | None) -> tuple[str, str | None]:
    if beat is None or not beat.is_fresh:
        return "supervisor not running", (
            "The supervisor does not answer: documents are accepted but not converted."
        )
    if beat.workers_ready < beat.workers_configured:
        return f"{beat.workers_ready} of {beat.workers_configured} ready", None
    return "ok", None
