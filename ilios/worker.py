"""A worker process: reads job ids from its pipe and runs each in a thread that only waits."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from ilios import data_folder, logs
from ilios.conversion import Converter
from ilios.database import Database
from ilios.engines.base import Engine
from ilios.pipe import Accepted, Alive, Ended, Ready, Stop, ToSupervisor
from ilios.processes import EXIT_ORPHANED, InheritedDescriptor, die_with_parent
from ilios.queue import Lease
from ilios.settings import Settings
from ilios.storage import open_store

log = logs.get(__name__)

EngineFactory = Callable[[Settings], Engine]

ALIVE_SECONDS = 5.0
DRAIN_POLL_SECONDS = 0.02


def main(
    name: str,
    pipe: Connection,
    settings: Settings,
    open_engine: EngineFactory,
    supervisor_pid: int,
    _lock: InheritedDescriptor,
) -> None:
    """A worker's life. `_lock` is held, not used: it keeps the next supervisor waiting for us."""
    die_with_parent(supervisor_pid)
    # The supervisor decides when we end; a Ctrl-C in the terminal reaches us all at once.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logs.configure(settings, name)
    engine = open_engine(settings)
    database = Database(settings.database_path, settings.sqlite_synchronous)
    converter = Converter(database, open_store(settings), engine, data_folder.workspaces(settings))
    slots = min(settings.worker_concurrency, engine.concurrency)
    worker = Worker(pipe, converter, slots)
    log.info("worker.ready", slots=slots, engine=engine.name)
    worker.run()
    engine.close()
    database.close()
    log.info("worker.stopped")


class Worker:
    """One thread reads the pipe, `slots` threads run jobs."""

    def __init__(self, pipe: Connection, converter: Converter, slots: int) -> None:
        self._pipe = pipe
        self._converter = converter
        self._slots = slots
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="job")
        self._sending = threading.Lock()
        self._running = 0

    def run(self) -> None:
        """Serve until the supervisor says stop and the last job has ended."""
        self._send(Ready(self._slots))
        while isinstance(message := self._receive(), Lease):
            with self._sending:
                self._running += 1
            self._threads.submit(self._run_job, message)
        while self._running:
            # The supervisor says nothing more; what can still be read is its end.
            if self._pipe.poll(DRAIN_POLL_SECONDS):
                self._receive()

    def _receive(self) -> Lease | Stop:
        while not self._pipe.poll(ALIVE_SECONDS):
            self._send(Alive())
        try:
            message: Lease | Stop = self._pipe.recv()
        except (EOFError, OSError):
            # Nobody reads our outcomes any more. The next supervisor waits for this process to
            # end before it gives our jobs back, so end at once, in the middle of whatever it is.
            os._exit(EXIT_ORPHANED)
        return message

    def _run_job(self, lease: Lease) -> None:
        self._send(Accepted(lease.job_id))
        try:
            self._converter.run(lease)
        except Exception:
            # Not the document's doing (a locked database, a full disk): the lease runs out, and
            # the job is tried again.
            log.exception("job.interrupted", job_id=lease.job_id)
        with self._sending:
            self._running -= 1
        self._send(Ended(lease.job_id))

    def _send(self, message: ToSupervisor) -> None:
        with self._sending:
            try:
                self._pipe.send(message)
            except OSError:
                log.warning("worker.supervisor_gone")
