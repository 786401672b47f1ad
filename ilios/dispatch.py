"""What a supervisor does to the queue: claim for its workers, give back for the dead."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from ilios import catalog, clock, ledger, logs, queue
from ilios.conversion_errors import WorkerLost
from ilios.database import Database
from ilios.models import JobStatus
from ilios.queue import Lease

log = logs.get(__name__)

LOST = WorkerLost(
    "The process that converted this document died, and the attempts are used up. "
    "Retry it; if it fails again, the document itself may be the cause."
)


class Dispatcher:
    """Claims and releases jobs, each call in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, workers: list[str]) -> list[tuple[str, Lease]]:
        """One ready job for each worker name, in that order, until nothing is ready."""
        if not self._anything_to_do():
            return []
        claimed = []
        with self._database.writing() as session:
            now = clock.now()
            queue.promote_due(session, now)
            for worker in workers:
                lease = queue.claim(session, worker, now)
                if lease is None:
                    break
                catalog.begin(session, lease.job_id, now)
                claimed.append((worker, lease))
        return claimed

    def extend(self, leases: list[Lease]) -> None:
        """Heartbeat for the jobs that live workers hold."""
        with self._database.writing() as session:
            queue.extend(session, leases, clock.now())

    def give_back(self, leases: Iterable[Lease]) -> None:
        """Return jobs that were never begun, or that we stopped; costs no attempt."""
        with self._database.writing() as session:
            for lease in leases:
                document_id = queue.give_back(session, lease)
                if document_id is None:
                    continue
                catalog.wait_again(session, document_id)
                ledger.abandon(session, [lease.job_id], clock.now())
                log.info("job.given_back", job_id=lease.job_id, document_id=document_id)

    def release_lost(self, leases: list[Lease]) -> None:
        """Give back the jobs that a dead worker had begun."""
        self._release(queue.under_leases(leases))

    def release_node(self, node: str) -> None:
        """Give back all that this node holds; for a supervisor that has just started."""
        self._release(queue.of_node(node))

    def release_expired(self) -> None:
        """Give back the jobs of nodes that no longer renew their leases."""
        now = clock.now()
        with self._database.reading() as session:
            if not queue.anything_expired(session, now):
                return
        self._release(queue.expired(now))

    def _anything_to_do(self) -> bool:
        with self._database.reading() as session:
            return queue.anything_ready(session) or queue.anything_due(session, clock.now())

    def _release(self, lost: ColumnElement[bool]) -> None:
        with self._database.writing() as session:
            for released in queue.release_lost(session, lost, LOST.detail, clock.now()):
                _settle(session, released)


def _settle(session: Session, released: queue.Released) -> None:
    now = clock.now()
    ledger.abandon(session, [released.job_id], now)
    if released.status is JobStatus.FAILED:
        catalog.fail(session, released.document_id, LOST, now)
    else:
        catalog.wait_again(session, released.document_id)
    log.warning(
        "job.released",
        job_id=released.job_id,
        document_id=released.document_id,
        status=released.status.value,
    )
