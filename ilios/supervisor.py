"""The supervisor process: claims jobs, hands their ids to workers, and buries the dead."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import time
from multiprocessing.connection import wait
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from ilios import data_folder, engines, heartbeat, ids, logs, migrations
from ilios.database import Database
from ilios.dispatch import Dispatcher
from ilios.errors import DatabaseBusy, StartupError
from ilios.heartbeat import Heartbeat
from ilios.processes import InheritedDescriptor, lock_file
from ilios.queue import Lease
from ilios.settings import Settings
from ilios.wakeup import Listener
from ilios.worker import EngineFactory
from ilios.worker_handle import WorkerHandle, sources

log = logs.get(__name__)

EXIT_STOPPED = 0
EXIT_WORKERS_CANNOT_BOOT = 70  #: sysexits.h EX_SOFTWARE

POLL_SECONDS = 1.0  #: the safety net under the wake-up datagrams
LOCK_WAIT_SECONDS = 5.0
LEASE_RENEWAL_SECONDS = 20.0
BOOT_FAILURES_ALLOWED = 3
RESTART_BASE_SECONDS = 0.1
RESTART_MAX_SECONDS = 10.0
SILENT_SECONDS = 30.0  #: a worker says something every few seconds
BOOT_SECONDS = 120.0
OVERDUE_SECONDS = 60.0  #: beyond the job's own deadline; then the worker itself is stuck


def run(settings: Settings, open_engine: EngineFactory = engines.open_engine) -> int:
    """Serve until SIGTERM; returns the exit code.

    Raises StartupError when another supervisor holds the data folder, or it cannot be used.
    """
    data_folder.prepare(settings)
    migrations.require_current(settings)
    logs.configure(settings, "supervisor")
    lock = _take_lock(data_folder.supervisor_lock(settings))
    supervisor = Supervisor(settings, open_engine, InheritedDescriptor(lock))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, supervisor.request_stop)
    try:
        return supervisor.run()
    finally:
        supervisor.close()
        os.close(lock)


class Supervisor:
    """One thread, one loop: everything that happens, happens between two waits."""

    def __init__(
        self, settings: Settings, open_engine: EngineFactory, lock: InheritedDescriptor
    ) -> None:
        self._settings = settings
        self._open_engine = open_engine
        self._lock = lock
        self._node = _node_id(data_folder.node_id_file(settings))
        self._database = Database(settings.database_path, settings.sqlite_synchronous)
        self._dispatcher = Dispatcher(self._database)
        self._listener = Listener(data_folder.wake_socket(settings))
        self._workers: dict[str, WorkerHandle] = {}
        self._restart_at: dict[str, float] = {}
        self._node_released = False
        self._lost: list[Lease] = []  #: begun by workers that died since
        self._not_begun: list[Lease] = []  #: sent to them, and never begun
        self._quick_deaths = 0
        self._boot_failures = 0
        self._renewed_at = time.monotonic()
        self._stopping = False
        # A signal handler only sets a flag; the byte that Python writes here ends the wait.
        self._signalled, self._signal_writer = socket.socketpair()
        self._signal_writer.setblocking(False)
        signal.set_wakeup_fd(self._signal_writer.fileno(), warn_on_full_buffer=False)

    def request_stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def run(self) -> int:
        """Spawn, dispatch, restart, until told to stop or no worker can boot."""
        data_folder.empty(data_folder.workspaces(self._settings))
        for number in range(self._settings.worker_count):
            self._restart_at[f"worker-{number}"] = 0.0
        log.info("supervisor.started", node=self._node, workers=self._settings.worker_count)
        while not self._stopping:
            self._start_due_workers()
            self._attempt_dispatch()
            self._beat()
            self._listen(self._pause_seconds())
            if self._boot_failures >= BOOT_FAILURES_ALLOWED:
                log.error("supervisor.workers_cannot_boot", failures=self._boot_failures)
                self._stop_workers()
                return EXIT_WORKERS_CANNOT_BOOT
        self._stop_workers()
        log.info("supervisor.stopped")
        return EXIT_STOPPED

    def close(self) -> None:
        """End whatever is left: multiprocessing joins our children at exit, and would for ever."""
        for worker in self._workers.values():
            worker.reap()
        signal.set_wakeup_fd(-1)
        self._listener.close()
        self._database.close()
        data_folder.supervisor_state(self._settings).unlink(missing_ok=True)

    def _start_due_workers(self) -> None:
        due = [name for name, at in self._restart_at.items() if time.monotonic() >= at]
        for name in due:
            try:
                self._workers[name] = WorkerHandle(
                    name, self._settings, self._open_engine, self._lock
                )
            except OSError as error:  # no process, no memory, no descriptor: that may pass
                log.warning("worker.cannot_start", worker=name, reason=str(error))
                self._restart_at[name] = time.monotonic() + RESTART_MAX_SECONDS
            else:
                del self._restart_at[name]

    def _attempt_dispatch(self) -> None:
        """A database that is busy or broken must not end the supervisor; it looks again."""
        try:
            self._release()
            self._dispatch()
            self._keep_leases()
        except (SQLAlchemyError, DatabaseBusy, OSError) as error:
            log.warning("supervisor.database_failed", reason=str(error))

    def _release(self) -> None:
        """Give the jobs of dead workers back; at first, all that an earlier supervisor held."""
        if not self._node_released:
            self._dispatcher.release_node(self._node)
            self._node_released = True
        if self._lost:
            self._dispatcher.release_lost(self._lost)
            self._lost = []
        if self._not_begun:
            self._dispatcher.give_back(self._not_begun)
            self._not_begun = []

    def _dispatch(self) -> None:
        """Claim a job for each free slot; the emptiest worker goes first."""
        slots = [
            (taken, worker)
            for worker in self._workers.values()
            for taken in range(len(worker.jobs), worker.slots)
        ]
        if not slots:
            return
        slots.sort(key=lambda slot: slot[0])
        names = [f"{self._node}/{worker.name}" for _, worker in slots]
        claims = self._dispatcher.claim(names)
        for (_, worker), (_, lease) in zip(slots, claims, strict=False):
            worker.give(lease)

    def _keep_leases(self) -> None:
        if time.monotonic() - self._renewed_at < LEASE_RENEWAL_SECONDS:
            return
        self._renewed_at = time.monotonic()
        held = [lease for worker in self._workers.values() for lease in worker.jobs.values()]
        if held:
            self._dispatcher.extend(held)
        self._dispatcher.release_expired()

    def _listen(self, timeout_seconds: float) -> None:
        """Wait for news, and act on it."""
        workers = list(self._workers.values())
        bell = self._listener.fileno()
        news = set(wait([bell, self._signalled, *sources(workers)], timeout_seconds))
        self._listener.rung()
        for worker in workers:
            ended = worker.process.sentinel in news
            silent = worker.pipe in news and not worker.read()
            if ended or silent:
                self._bury(worker)
            else:
                self._kill_if_stuck(worker)
                if worker.is_ready:
                    self._boot_failures = 0

    def _bury(self, worker: WorkerHandle) -> None:
        """Reap a dead worker; only then may its jobs go back, for it could still finish one."""
        exit_code = worker.reap()
        del self._workers[worker.name]
        log.warning(
            "worker.died", worker=worker.name, exit_code=exit_code, jobs_held=len(worker.jobs)
        )
        if not worker.is_ready:
            self._boot_failures += 1
        self._quick_deaths = 0 if worker.was_stable else self._quick_deaths + 1
        self._restart_at[worker.name] = time.monotonic() + _restart_delay(self._quick_deaths)
        self._lost += worker.begun
        self._not_begun += worker.not_begun
        folders = data_folder.workspaces(self._settings)
        for lease in worker.jobs.values():
            folder = data_folder.workspace(folders, lease.job_id, lease.token)
            shutil.rmtree(folder, ignore_errors=True)

    def _kill_if_stuck(self, worker: WorkerHandle) -> None:
        """End a worker that says nothing any more, or whose job outlasts every deadline."""
        overdue_after = self._settings.job_deadline_seconds + OVERDUE_SECONDS
        silent_after = SILENT_SECONDS if worker.is_ready else BOOT_SECONDS
        if worker.oldest_job_seconds() > overdue_after or worker.silent_seconds() > silent_after:
            log.error("worker.stuck", worker=worker.name, silent_s=round(worker.silent_seconds()))
            worker.process.kill()

    def _stop_workers(self) -> None:
        """Let running jobs finish within the grace; what is left then costs no attempt."""
        deadline = time.monotonic() + self._settings.shutdown_grace_seconds
        left = list(self._workers.values())
        for worker in left:
            worker.stop()
        while left and time.monotonic() < deadline:
            self._beat()
            wait(sources(left), min(POLL_SECONDS, deadline - time.monotonic()))
            # A worker that says nothing more has ended; its last words are read when it is reaped.
            left = [worker for worker in left if worker.read() and worker.process.is_alive()]
        for worker in self._workers.values():
            worker.reap()
            self._not_begun += worker.jobs.values()
        try:
            self._release()
        except (SQLAlchemyError, DatabaseBusy, OSError) as error:
            # The next supervisor finds them under this node's name.
            log.warning("supervisor.database_failed", reason=str(error))

    def _beat(self) -> None:
        workers = self._workers.values()
        beat = Heartbeat(
            pid=os.getpid(),
            beat_seconds=time.monotonic(),
            workers_configured=self._settings.worker_count,
            workers_ready=sum(worker.is_ready for worker in workers),
            jobs_running=sum(len(worker.jobs) for worker in workers),
        )
        try:
            heartbeat.write(data_folder.supervisor_state(self._settings), beat)
        except OSError as error:  # a full disk: `/health` says that we are silent
            log.warning("supervisor.heartbeat_failed", reason=str(error))

    def _pause_seconds(self) -> float:
        next_start = min(self._restart_at.values(), default=float("inf")) - time.monotonic()
        return max(0.0, min(POLL_SECONDS, next_start))


def _restart_delay(quick_deaths: int) -> float:
    """Seconds before a restart: 0.1, 0.2, 0.4 … 10, ± 20 %, doubling with each quick death."""
    delay: float = RESTART_BASE_SECONDS * 2 ** min(10, max(0, quick_deaths - 1))
    return min(delay, RESTART_MAX_SECONDS) * random.uniform(0.8, 1.2)  # noqa: S311


def _take_lock(path: Path) -> int:
    """The data folder's supervisor lock, once its last holder and that one's workers are gone."""
    try:
        return lock_file(path, LOCK_WAIT_SECONDS)
    except BlockingIOError:
        raise StartupError(
            f"Another supervisor works in {path.parent.parent}: stop it, or give this one "
            "a DATA_DIR of its own."
        ) from None


def _node_id(path: Path) -> str:
    """The name of this data folder's node, drawn at its first start."""
    if not path.exists():
        path.write_text(ids.new_id())
    return path.read_text().strip()
