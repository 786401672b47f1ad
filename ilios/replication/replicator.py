"""The replicator's process: a round every TURSO_SYNC_INTERVAL, sooner after one that failed."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.connection import Connection
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ilios.core import data_folder
from ilios.core.backoff import delay_seconds
from ilios.core.errors import DatabaseBusy
from ilios.core.processes import EXIT_ORPHANED, InheritedDescriptor, die_with_parent
from ilios.core.settings import Settings
from ilios.core.telemetry import logs, shared_counters
from ilios.db.database import Database
from ilios.db.sqlite_database import SqliteDatabase
from ilios.replication import change_log
from ilios.replication.errors import ReplicationRefused
from ilios.replication.messages import OK, ReplicatorStatus
from ilios.replication.remote import Remote
from ilios.replication.shipping import Shipper
from ilios.replication.volume import driver_connection

log = logs.get(__name__)

REPORT_SECONDS: Final = 2.0  #: between two reports of how much waits to be sent
RETRY_BASE_SECONDS: Final = 1.0  #: doubles with each failure, up to the interval
RETRY_MAX_SECONDS: Final = 30.0
LEASE_SLACK_SECONDS: Final = 30


@logs.log_crash()
def main(
    pipe: Connection, settings: Settings, node: str, supervisor_pid: int, _lock: InheritedDescriptor
) -> None:
    """Run the replicator's process. `_lock` is held, not used: the next supervisor waits for it."""
    die_with_parent(supervisor_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the supervisor decides when we end
    logs.configure(settings, "replicator")
    shared_counters.share(*data_folder.metrics(settings))
    database = SqliteDatabase(settings.database_path, settings.sqlite_synchronous)
    with database.writing() as session:
        change_log.install(driver_connection(session))
    Replicator(pipe, database, Remote.of(settings), node, settings.turso_sync_interval).run()
    database.close()


def lease_seconds(interval_seconds: int) -> int:
    """Return for how long a round's lease keeps other nodes away; two rounds may fail."""
    return 3 * interval_seconds + LEASE_SLACK_SECONDS


def pause_seconds(failures: int, interval_seconds: int) -> float:
    """Return the wait before the next round: the interval, or 1 s, 2 s, 4 s … 30 s after failures.

    Never longer than the interval.
    """
    if failures == 0:
        return interval_seconds
    longest = min(RETRY_MAX_SECONDS, interval_seconds)
    return delay_seconds(failures - 1, RETRY_BASE_SECONDS, longest)


class Replicator:
    """Runs rounds in one thread, and reads the pipe between them."""

    def __init__(
        self, pipe: Connection, database: Database, remote: Remote, node: str, interval: int
    ) -> None:
        self._pipe = pipe
        self._database = database
        self._interval = interval
        self._shipper = Shipper(database, remote, node, lease_seconds(interval), self._report)
        self._status_text = "starting"
        self._converged_at = time.monotonic()
        self._failures = 0

    def run(self) -> None:
        """Run rounds until the supervisor sends Finish; then run a last one."""
        finishing = False
        while not finishing:
            self._attempt()
            finishing = self._wait(pause_seconds(self._failures, self._interval))
        self._attempt(last=True)

    def _attempt(self, *, last: bool = False) -> None:
        began = time.monotonic()
        try:
            self._shipper.ship(last=last)
        except ReplicationRefused as error:
            self._failed(error.cause, error.detail)
        except (SQLAlchemyError, DatabaseBusy, OSError) as error:
            self._failed("the database cannot be read", str(error))
        else:
            if self._failures:
                log.info("replication.recovered", failures=self._failures)
            self._failures = 0
            self._status_text, self._converged_at = OK, began
        self._report()

    def _failed(self, cause: str, reason: str) -> None:
        if self._status_text != cause:
            log.warning("replication.failed", cause=cause, reason=reason)
        self._failures += 1
        self._status_text = cause

    def _wait(self, seconds: float) -> bool:
        """Wait, reporting how much waits to be sent; return whether Finish has come."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._pipe.poll(min(left, REPORT_SECONDS)):
                return self._receive_finish()
            self._report()
        return self._pipe.poll() and self._receive_finish()

    def _receive_finish(self) -> bool:
        try:
            self._pipe.recv()
        except (EOFError, OSError):
            os._exit(EXIT_ORPHANED)  # the next supervisor's replicator sends what is left
        return True

    def _report(self, doing: str = "") -> None:
        """Send our status to the supervisor, which kills a process that is silent for long."""
        if doing:
            self._status_text = doing
        try:
            with self._database.reading() as session:
                rows = change_log.length(driver_connection(session))
            if not rows:
                self._converged_at = time.monotonic()
            self._pipe.send(ReplicatorStatus(self._status_text, rows, self._converged_at))
        except (SQLAlchemyError, OSError) as error:
            log.warning("replication.cannot_say", reason=str(error))
