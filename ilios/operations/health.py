"""The health of the service, from what is at hand: without calls to provider or object store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from ilios.core import clock
from ilios.core.bounded_calls import BoundedCall
from ilios.core.disk_space import DiskReserve
from ilios.core.errors import DatabaseBusy
from ilios.db.database import Database
from ilios.db.models import Instance
from ilios.db.prepared import Prepared
from ilios.documents import indexing
from ilios.operations import search_admin, statistics
from ilios.operations.beats import ReadBeat
from ilios.operations.heartbeat import BlockReason, Heartbeat
from ilios.queue import queries

if TYPE_CHECKING:
    from ilios.operations.cluster_beats import NodeBeat

BACKLOG_AGE = timedelta(seconds=60)
ANSWER_SECONDS = 2.0  #: for which a database on another machine is waited for
WORKERS_SILENT = "supervisor not running"
SILENT_FAULT = "The supervisor does not answer: documents are accepted but not converted."

OfDatabase = tuple[str, str, str, str | None]
"""The state of database, queue and index, and what makes the service unhealthy."""
_QUEUE = Prepared(select(Instance.queue_paused_at, *map(queries.next_of, statistics.LANES)))


@dataclass(frozen=True, slots=True)
class Health:
    """The state of each part, in words.

    `search` is `ok`, or how far the full-text index is. `provider` is the governor's view of it,
    `storage` what a worker last found of the bucket. `cause` says what makes the service unhealthy;
    it is None when it is healthy. `disk` is `ok`, or says why nothing new is accepted.
    `claims_blocked` is None while jobs may start, and while the supervisor does not answer.
    `replica` is None when replication is off.
    """

    database: str
    storage: str
    workers: str
    queue: str
    provider: str
    cause: str | None
    disk: str
    search: str
    claims_blocked: BlockReason | None = None
    replica: Replica | None = None
    node: str | None = None  #: that answers; None on a single node
    nodes: tuple[NodeBeat, ...] = ()  #: of the cluster that live
    is_drained: bool = False  #: an operator wants no new work of the node that answers


@dataclass(frozen=True, slots=True)
class Replica:
    """The state of the copy in Turso, `ok` or a fault in words, and what it lacks."""

    state: str
    lag_rows: int
    lag_seconds: float


class Examiner:
    """Examines database, supervisor and queue."""

    def __init__(
        self,
        database: Database,
        storage_name: str,
        read_beat: ReadBeat,
        disk_reserve: DiskReserve,
    ) -> None:
        self._database = database
        self._storage_name = storage_name
        self._read_beat = read_beat
        self._disk_reserve = disk_reserve
        self._asked: Callable[[], tuple[str, str]] = self._ask
        if database.is_remote:
            self._asked = BoundedCall(self._ask, ANSWER_SECONDS)

    def examine(self) -> Health:
        """Ask the database and the disk; take the rest from the supervisor's heartbeat."""
        return self._health(self._of_database(), self._read_beat())

    def _health(self, of_database: OfDatabase, beat: Heartbeat | None) -> Health:
        fresh = beat if beat and beat.is_fresh else None
        workers, worker_fault = self._workers(fresh)
        disk_fault = self._disk_reserve.fault()
        database, queue, search, database_fault = of_database
        return Health(
            database=database,
            storage=self._storage(fresh),
            workers=workers,
            queue=queue,
            provider=fresh.provider if fresh else "unknown",
            cause=database_fault or worker_fault,
            disk=f"full: {disk_fault}" if disk_fault else "ok",
            search=search,
            claims_blocked=fresh.claims_blocked if fresh else None,
            replica=_replica(beat),
        )

    def _workers(self, beat: Heartbeat | None) -> tuple[str, str | None]:
        """Return the state of the workers, and what of it makes the service unhealthy."""
        return workers_of(beat) if beat is not None else (WORKERS_SILENT, SILENT_FAULT)

    def _of_database(self) -> OfDatabase:
        """Return the state of database, queue and index, and what makes the service unhealthy."""
        try:
            return "connected", *self._asked(), None
        except (SQLAlchemyError, DatabaseBusy, TimeoutError) as error:
            state, fault = _fault(error)
            return f"error: {state}", "unknown", "unknown", fault

    def _ask(self) -> tuple[str, str]:
        return self._queue(), self._search()

    def _search(self) -> str:
        with self._database.watching() as watch:
            return search_admin.in_words(indexing.progress(watch))

    def _storage(self, beat: Heartbeat | None) -> str:
        fault = beat.storage_fault if beat else None
        return f"unavailable: {fault}" if fault else self._storage_name

    def _queue(self) -> str:
        with self._database.watching() as watch:
            ((paused_at, *heads),) = _QUEUE.all(watch)
        if paused_at is not None:
            return "paused"
        oldest = min((head for head in heads if head is not None), default=None)
        late = oldest is not None and clock.now() - oldest > BACKLOG_AGE
        return "backlogged" if late else "ok"


def _fault(error: Exception) -> tuple[str, str]:
    """Return in words what is the matter with the database, and the same as a sentence."""
    if isinstance(error, DatabaseBusy):
        sentence = error.detail.partition(". ")[0]
        return sentence, f"{sentence}."
    reason = str(error)
    if isinstance(error, SQLAlchemyError):
        reason = str(getattr(error, "orig", None) or type(error).__name__)
    return reason, f"The database does not answer: {reason}."


def _replica(beat: Heartbeat | None) -> Replica | None:
    if beat is None or beat.turso is None:
        return None
    state = beat.turso if beat.is_fresh else "unknown"
    return Replica(state, beat.turso_lag_rows, round(beat.turso_lag_seconds, 1))


def workers_of(beat: Heartbeat) -> tuple[str, str | None]:
    """Return the state of workers whose supervisor answers, and that nothing of it is a fault."""
    if beat.workers_ready < beat.workers_configured:
        return f"{beat.workers_ready} of {beat.workers_configured} ready", None
    return "ok", None
