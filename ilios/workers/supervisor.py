"""The supervisor process: claims jobs, sends their ids to workers, and replaces those that die.

One thread and one loop. `start_gate` decides whether jobs may start, `releases` what goes back to
the queue, `pool` which processes run.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from sqlalchemy.exc import SQLAlchemyError

from ilios.cluster import joining
from ilios.cluster.kinds import WORKERS
from ilios.conversion.answer_keeping import open_spool
from ilios.core import data_folder, failpoints, settings
from ilios.core.errors import DatabaseBusy, StartupError
from ilios.core.pipes import wait
from ilios.core.processes import InheritedDescriptor
from ilios.core.settings import Settings
from ilios.core.telemetry import logs, metrics, shared_counters
from ilios.db import schema_version
from ilios.db.database import SHORT_TIMEOUT
from ilios.db.opening import open_database
from ilios.engines import conversion_warnings, registry
from ilios.engines.governor import ProviderReport
from ilios.engines.registry import EngineFactory
from ilios.queue.notify import open_listener
from ilios.replication.handle import ReplicatorHandle
from ilios.storage.health import StoreReport
from ilios.workers import supervisor_lock
from ilios.workers.clock_watch import ClockWatch
from ilios.workers.dispatcher import Dispatcher, FreeSlot, Look, Offer
from ilios.workers.handle import WorkerHandle, ends, sources
from ilios.workers.maintenance import Maintenance, StoreWatch
from ilios.workers.pool import WorkerPool
from ilios.workers.releases import PendingReleases
from ilios.workers.start_gate import StartGate
from ilios.workers.status import SupervisorStatus
from ilios.workers.worker import preload

if TYPE_CHECKING:
    from ilios.workers.cluster_node import ClusterNode

log = logs.get(__name__)

EXIT_STOPPED = 0
EXIT_WORKERS_CANNOT_BOOT = 70  #: sysexits.h EX_SOFTWARE

POLL_SECONDS = 1.0  #: the safety net under the wake-up datagrams
GATHER_SECONDS = 0.02
"""Between two claims while workers have enough to do: what comes meanwhile is claimed together."""
LEASE_RENEWAL_SECONDS = 20.0
LAST_RELEASE_SECONDS = 5.0  #: for a database that another program has locked
OVERSLEPT_SECONDS = 1.0  #: beyond the timeout: this process was stopped, and perhaps all were
DATABASE_ERRORS = (SQLAlchemyError, DatabaseBusy, OSError)


def run(settings: Settings, open_engines: EngineFactory = registry.open_engines) -> int:
    """Serve until SIGTERM; return the exit code.

    Raises StartupError when another supervisor holds the data folder, or it cannot be used.
    """
    logs.configure(settings, "supervisor")
    data_folder.prepare(settings)
    schema_version.require_current(settings)
    lock = supervisor_lock.take(data_folder.supervisor_lock(settings))
    joining.join(settings, WORKERS)
    shared_counters.share(*data_folder.metrics(settings))
    metrics.start_at_zero(conversion_warnings.CODES)
    preload(settings)
    gc.freeze()  # a collection in a worker would copy the pages of all that it goes through
    supervisor = Supervisor(settings, open_engines, InheritedDescriptor(lock))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, supervisor.request_stop)
    try:
        return supervisor.run()
    finally:
        supervisor.close()
        shared_counters.close()
        os.close(lock)


def main(loaded: Settings | None = None) -> NoReturn:
    """Be the supervisor, by default with the settings of the environment.

    If it cannot start, end with a line that says why.
    """
    try:
        sys.exit(run(loaded or settings.load()))
    except StartupError as error:
        logs.refuse_start("supervisor", error.detail)


class Supervisor:
    """Runs the loop: everything happens between two waits, in one thread."""

    def __init__(
        self, settings: Settings, open_engines: EngineFactory, lock: InheritedDescriptor
    ) -> None:
        self._settings = settings
        self._node = data_folder.node_id(settings)
        self._database = open_database(settings, SHORT_TIMEOUT)
        self._answers = open_spool(settings, self._database)
        # No claim waits for the disk: one that a power cut undoes leaves its job waiting, and what
        # a worker writes under it makes it durable too, since a log is synced from its beginning.
        self._claims = open_database(settings, SHORT_TIMEOUT, may_lose_last=True)
        self._dispatcher = Dispatcher(
            self._database, settings.ambiguous_retries, self._answers, claims=self._claims
        )
        self._listener = open_listener(settings)
        self._replicator = ReplicatorHandle(settings, self._node, lock)
        self._workers = WorkerPool(settings, open_engines, lock)
        self._store = StoreWatch(settings)
        self._maintenance = Maintenance(self._workers, self._store)
        self._gate = StartGate(settings, self._store)
        self._status = SupervisorStatus(
            settings, self._workers, self._store, self._gate, self._replicator
        )
        self._cluster = self._joined() if self._database.is_remote else None
        self._releases = PendingReleases(settings, self._node, self._dispatcher, self._is_alone)
        self._may_claim = True  #: whether something has happened that could let a job start
        self._looked_at = 0.0
        self._renewed_at = time.monotonic()
        self._clock = ClockWatch()
        self._stopping = False
        # A signal handler only sets a flag; the byte that Python writes here ends the wait.
        self._signalled, self._signal_writer = socket.socketpair()
        self._signal_writer.setblocking(False)
        signal.set_wakeup_fd(self._signal_writer.fileno(), warn_on_full_buffer=False)

    def _joined(self) -> ClusterNode:
        from ilios.workers.cluster_node import ClusterNode  # a single node has no use for it

        return ClusterNode(
            self._settings, self._database, self._workers, self._gate, self._status.describe
        )

    def _is_alone(self) -> bool:
        return self._cluster is None or not self._cluster.has_company

    def request_stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def run(self) -> int:
        """Start workers, claim and listen, until a stop is requested or no worker can boot."""
        data_folder.empty(data_folder.workspaces(self._settings))
        self._answers.remove_drafts()
        node = self._node if self._cluster is None else self._settings.node
        log.info("supervisor.started", node=node, workers=self._settings.worker_count)
        while not self._stopping:
            self._workers.start_due()
            self._replicator.supervise()
            self._attempt_claims()
            self._maintenance.send_due(is_disk_full=self._gate.is_disk_full)
            self._status.beat()
            self._listen(self._pause_seconds())
            if self._workers.cannot_boot:
                log.error("supervisor.workers_cannot_boot")
                self._stop_workers()
                return EXIT_WORKERS_CANNOT_BOOT
        self._stop_workers()
        self._replicator.finish(self._status.beat)
        log.info("supervisor.stopped")
        return EXIT_STOPPED

    def close(self) -> None:
        """End what is left: multiprocessing joins our children at exit, and would wait for ever."""
        self._workers.reap()
        self._replicator.reap()
        signal.set_wakeup_fd(-1)
        self._listener.close()
        self._claims.close()
        self._database.close()
        self._status.close()

    def _attempt_claims(self) -> None:
        """Give back, cancel and claim what is due; a database that fails is asked again later."""
        try:
            if self._cluster is not None:
                self._cluster.beat()
            self._releases.release()
            if self._clock.was_set_back():  # delayed jobs would wait for hours
                self._dispatcher.hasten_delayed()
            is_due = self._seconds_to_next_look() <= 0
            if is_due:
                self._looked_at, self._may_claim = time.monotonic(), False
                self._listener.clear()  # what comes from now on may come too late for this look
                commands = self._dispatcher.commands(self._node, self._workers.lanes)
                self._cancel(commands.cancelled)
                if self._gate.look(is_paused=commands.is_paused):
                    self._claim(commands.look)
            self._keep_leases()
            if is_due:
                self._gate.database_works()
        except DATABASE_ERRORS as error:
            self._gate.database_failed(error)
            self._looked_at, self._may_claim = time.monotonic(), False

    def _cancel(self, job_ids: list[str]) -> None:
        """Tell workers which of their jobs are cancelled; close those that none of them has."""
        left = [job_id for job_id in job_ids if not any(w.cancel(job_id) for w in self._workers)]
        if left:
            self._dispatcher.let_go(left)

    def _claim(self, look: Look | None) -> None:
        """Claim a job for each free place; the emptiest worker goes first."""
        offer = self._offer()
        if not offer.slots:
            return
        for slot, lease in self._dispatcher.claim(offer, lambda: self._renewed(offer), look):
            failpoints.reach(failpoints.JOB_CLAIMED)
            self._workers[slot.worker.removeprefix(f"{self._node}/")].give(lease, slot.lane)
            failpoints.reach(failpoints.ID_SENT)

    def _offer(self) -> Offer:
        lanes = self._workers.lanes
        slots = [slot for lane in lanes for slot in self._free_slots(lane)]
        return Offer(
            slots, {lane: self._workers.owners_in(lane) for lane in lanes} if slots else {}
        )

    def _renewed(self, offer: Offer) -> Offer:
        """Take in what workers have said, such as that a job has ended, and return what is free."""
        free = self._workers.free_places()
        for worker in self._workers:
            worker.read()  # of one that has died, `_listen` sees the end too
            self._hear(worker)
        return offer if self._workers.free_places() == free else self._offer()

    def _free_slots(self, lane: str) -> list[FreeSlot]:
        running = self._workers.jobs_in(lane)
        places = self._workers.places_in(lane).within(self._gate.allowed(lane))
        free = self._workers.free_in(lane)[: max(0, places.total - running)]
        return [
            FreeSlot(lane, f"{self._node}/{name}", is_for_guest=running + taken >= places.ordinary)
            for taken, name in enumerate(free)
        ]

    def _keep_leases(self) -> None:
        if time.monotonic() - self._renewed_at < LEASE_RENEWAL_SECONDS:
            return
        self._dispatcher.renew([lease for worker in self._workers for lease in worker.leases])
        self._renewed_at = time.monotonic()

    def _listen(self, timeout_seconds: float) -> None:
        """Wait until a worker or a notification speaks, or a process ends; take in what came.

        While claims are gathered, nothing that is said ends the wait.
        """
        workers, is_gathering = list(self._workers), self._may_claim
        notifier = self._listener.fileno()
        free, had_store = self._workers.free_places(), self._store.may_be_used
        others = [self._signalled.fileno(), *self._replicator.sources()]
        speakers = ends(workers) if is_gathering else [notifier, *sources(workers)]
        listens_since = time.monotonic()
        ready = wait([*others, *speakers], timeout_seconds)
        listened_seconds = time.monotonic() - listens_since
        if listened_seconds > timeout_seconds + OVERSLEPT_SECONDS:
            log.warning("supervisor.overslept")
            listened_seconds = 0.0  # the workers may have been stopped too
        if notifier in ready:
            self._listener.clear()
        for worker in workers:
            ended = worker.process.sentinel in ready
            worker.silent_seconds += listened_seconds
            is_silent = worker.pipe not in ready and not is_gathering
            is_connected = is_silent or worker.read()
            self._hear(worker)
            if ended or not is_connected:
                self._remove(worker)
            else:
                self._workers.end_if_stuck(worker)
                self._workers.note_boot(worker)
        # Most messages (a worker is alive, a job has begun) free no place.
        is_freed = self._workers.free_places() > free or self._store.may_be_used > had_store
        self._may_claim |= notifier in ready or is_freed

    def _hear(self, worker: WorkerHandle) -> None:
        """Pass on what a worker has reported to the parts that need it."""
        report = worker.drain()
        for found in report.found:
            match found:
                case ProviderReport():
                    self._gate.record(found)
                case StoreReport():
                    self._store.record(found)
        self._releases.add_unharmed(report.interrupted)

    def _remove(self, worker: WorkerHandle) -> None:
        """Reap a dead worker, and release its jobs after that: before, it could still end one."""
        self._workers.remove(worker)
        self._answers.remove_drafts(lease.job_id for lease in worker.leases)
        self._hear(worker)
        self._releases.add_lost(worker.begun)
        self._releases.add_unharmed(worker.not_begun)

    def _stop_workers(self) -> None:
        """Let running jobs finish within the grace; what is left then costs no attempt."""
        self._gate.drain()
        self._workers.stop(self._settings.shutdown_grace_seconds, self._beat_in_stop)
        for worker in self._workers:
            self._hear(worker)
            self._releases.add_unharmed(worker.leases)
        deadline = time.monotonic() + LAST_RELEASE_SECONDS
        while not self._release_or_keep() and time.monotonic() < deadline:
            self._status.beat()
            time.sleep(GATHER_SECONDS)

    def _release_or_keep(self) -> bool:
        """Return whether all is given back; otherwise leave a note for the next supervisor."""
        try:
            self._releases.release()
            if self._cluster is not None:
                self._cluster.leave()
        except DATABASE_ERRORS as error:
            self._gate.database_failed(error)
            self._releases.keep()
            return False
        self._releases.forget()
        return True

    def _beat_in_stop(self) -> None:
        """Keep what running jobs need: other nodes take over those whose leases have expired."""
        self._status.beat()
        if self._cluster is not None:
            try:
                self._cluster.beat()
                self._keep_leases()
            except DATABASE_ERRORS as error:
                self._gate.database_failed(error)

    def _pause_seconds(self) -> float:
        next_start = self._workers.seconds_to_next_start()
        next_call = self._gate.governor.seconds_to_wait() or POLL_SECONDS
        return max(0.0, min(self._seconds_to_next_look(), next_start, next_call))

    def _seconds_to_next_look(self) -> float:
        """Return the seconds until it is time to look for jobs; none, or fewer, when it is due."""
        pause = POLL_SECONDS
        if self._may_claim:
            pause = GATHER_SECONDS if self._workers.are_busy() else 0.0
        return self._looked_at + pause - time.monotonic()
