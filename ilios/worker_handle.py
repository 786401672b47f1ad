"""A worker as its supervisor sees it: process, pipe, and the jobs that it holds."""

from __future__ import annotations

import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from ilios import logs, worker
from ilios.pipe import Accepted, Ended, Ready, Stop, ToSupervisor
from ilios.processes import InheritedDescriptor
from ilios.queue import Lease
from ilios.settings import Settings

log = logs.get(__name__)

STABLE_SECONDS = 60.0  #: a worker that lived this long has not died of its start


class WorkerHandle:
    """Spawned on construction. Used by the supervisor's one thread only."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        open_engine: worker.EngineFactory,
        lock: InheritedDescriptor,
    ) -> None:
        self.name = name
        self.slots = 0  #: known once the worker is ready
        self.jobs: dict[str, Lease] = {}  #: sent and not ended
        self._accepted: set[str] = set()
        self._sent_at: dict[str, float] = {}
        self._started_at = self._heard_at = time.monotonic()
        spawn = multiprocessing.get_context("spawn")
        self.pipe, child_end = spawn.Pipe()
        self.process: SpawnProcess = spawn.Process(
            target=worker.main,
            args=(name, child_end, settings, open_engine, os.getpid(), lock),
            name=name,
        )
        self.process.start()
        child_end.close()  # else recv() never sees EOF when the worker dies
        log.info("worker.started", worker=name, worker_pid=self.process.pid)

    @property
    def is_ready(self) -> bool:
        return self.slots > 0

    @property
    def was_stable(self) -> bool:
        return time.monotonic() - self._started_at > STABLE_SECONDS

    @property
    def begun(self) -> list[Lease]:
        """Jobs that have a thread: if the worker dies, it may have died of one of them."""
        return [lease for job_id, lease in self.jobs.items() if job_id in self._accepted]

    @property
    def not_begun(self) -> list[Lease]:
        return [lease for job_id, lease in self.jobs.items() if job_id not in self._accepted]

    def oldest_job_seconds(self) -> float:
        """For how long the oldest job has been here; 0 when there is none."""
        return time.monotonic() - min(self._sent_at.values(), default=time.monotonic())

    def silent_seconds(self) -> float:
        """Since it last said anything, or was started."""
        return time.monotonic() - self._heard_at

    def give(self, lease: Lease) -> None:
        """Send a job. One that the pipe no longer takes is among `not_begun` when we notice."""
        self.jobs[lease.job_id] = lease
        self._sent_at[lease.job_id] = time.monotonic()
        self._send(lease)

    def stop(self) -> None:
        self._send(Stop())

    def read(self) -> bool:
        """Take in what the worker has said; False when it can say nothing more."""
        try:
            while self.pipe.poll():
                self._note(self.pipe.recv())
        except (EOFError, OSError):
            return False
        return True

    def reap(self) -> int | None:
        """Make sure that the process is gone, and take in its last words; its exit code."""
        self.process.kill()
        self.process.join()
        self.read()
        self.pipe.close()
        return self.process.exitcode

    def _note(self, message: ToSupervisor) -> None:
        self._heard_at = time.monotonic()
        match message:
            case Ready(slots):
                self.slots = slots
            case Accepted(job_id):
                self._accepted.add(job_id)
            case Ended(job_id):
                self.jobs.pop(job_id, None)
                self._sent_at.pop(job_id, None)
                self._accepted.discard(job_id)

    def _send(self, message: Lease | Stop) -> None:
        try:
            self.pipe.send(message)
        except OSError:
            log.warning("worker.pipe_closed", worker=self.name)


def sources(handles: list[WorkerHandle]) -> list[Connection | int]:
    """What to wait on: whatever any of them says, and the end of any of them."""
    return [source for h in handles for source in (h.pipe, h.process.sentinel)]
