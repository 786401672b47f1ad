"""A worker as its supervisor sees it: the process, its pipe, and the jobs that it holds."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection

from ilios.core import forks
from ilios.core.pipes import is_readable
from ilios.core.processes import InheritedDescriptor
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.engines import registry
from ilios.engines.governor import ProviderReport
from ilios.queue.jobs import Lease
from ilios.storage.health import StoreReport
from ilios.workers import messages, worker
from ilios.workers.messages import (
    CallLimit,
    CallsHeld,
    Cancel,
    Ended,
    KeepIndex,
    LookAtStore,
    Ready,
    Stop,
    Tidy,
    ToSupervisor,
    ToWorker,
)
from ilios.workers.places import Places

log = logs.get(__name__)

STABLE_SECONDS = 60.0  #: a worker that ran for longer did not fail in its start


@dataclass(slots=True)
class _HeldJob:
    """A job that was sent to a worker and has not ended."""

    lease: Lease
    lane: str
    sent_at: float
    accepted: bool = False  #: it has a thread
    cancelled: bool = False  #: the worker was told to stop it


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What a worker has said, since the last `drain`, that concerns others than its handle."""

    found: tuple[ProviderReport | StoreReport, ...]  #: in the order in which it was said
    interrupted: tuple[Lease, ...]  #: of jobs that ended without an outcome


class WorkerHandle:
    """Starts the process on construction. Used by the supervisor's one thread only."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        open_engines: registry.EngineFactory,
        lock: InheritedDescriptor,
        withheld: str | None = None,
    ) -> None:
        """`withheld` is a lane that it takes no jobs of before `limit_calls`."""
        self.name = name
        self.places: Mapping[str, Places] = {}  #: by lane; known once the worker is ready
        self._call_limits: list[CallLimit] = []  #: the last one, behind what it may not have met
        self._all_places: Mapping[str, Places] = {}  #: also of a lane whose calls are limited
        self.withheld = withheld
        self.asked_of_store_at = -float("inf")  #: when the look that it is at was asked for
        self._found: list[ProviderReport | StoreReport] = []  #: since the last `drain`
        self._interrupted: list[Lease] = []  #: since the last `drain`
        self._jobs: dict[str, _HeldJob] = {}  #: by id
        self.is_retired = False  #: it has a successor, and ends what it has begun
        self.silent_seconds = 0.0  #: of listening since its last message
        self._started_at = time.monotonic()
        self.pipe, child_end = multiprocessing.Pipe()
        self._begun, begun = multiprocessing.Pipe(duplex=False)
        self.process = forks.start(
            worker.main,
            name,
            (name, child_end, begun, settings, open_engines, os.getpid(), lock),
            kept=(child_end.fileno(), begun.fileno(), lock.number),
        )
        begun.close()
        child_end.close()  # else recv() never sees EOF when the worker dies
        log.info("worker.started", worker=name, worker_pid=self.process.pid)

    @property
    def is_ready(self) -> bool:
        return bool(self.places)

    @property
    def was_stable(self) -> bool:
        return self.up_seconds() > STABLE_SECONDS

    @property
    def jobs(self) -> int:
        """How many jobs it holds."""
        return len(self._jobs)

    @property
    def leases(self) -> list[Lease]:
        """The leases of all jobs that it holds."""
        return [job.lease for job in self._jobs.values()]

    @property
    def begun(self) -> list[Lease]:
        """The leases of jobs that have a thread: if the worker dies, one may be the cause."""
        return [job.lease for job in self._jobs.values() if job.accepted]

    @property
    def not_begun(self) -> list[Lease]:
        return [job.lease for job in self._jobs.values() if not job.accepted]

    def up_seconds(self) -> float:
        return time.monotonic() - self._started_at

    def jobs_in(self, lane: str) -> int:
        return sum(job.lane == lane for job in self._jobs.values())

    def owners_in(self, lane: str) -> Iterator[str]:
        """Yield the owner of each job of a lane that it holds."""
        return (job.lease.owner for job in self._jobs.values() if job.lane == lane)

    def oldest_job_seconds(self) -> float:
        """Return for how long the worker has held its oldest job; 0 when it has none."""
        oldest = next(iter(self._jobs.values()), None)  # they are in the order of sending
        return 0.0 if oldest is None else time.monotonic() - oldest.sent_at

    def has_only_jobs_over(self, seconds: float) -> bool:
        """Return whether each of its jobs was sent longer ago; true when it has none."""
        now = time.monotonic()
        return all(now - job.sent_at > seconds for job in self._jobs.values())

    def retire(self) -> None:
        """Give it no more jobs."""
        self.is_retired = True
        self.places = {}

    def give(self, lease: Lease, lane: str) -> None:
        """Send a job. If the pipe is closed already, it stays among `not_begun`."""
        self._jobs[lease.job_id] = _HeldJob(lease, lane, time.monotonic())
        self._send(lease)

    def cancel(self, job_id: str) -> bool:
        """Tell the worker, once, that a job is cancelled; return whether it holds the job."""
        job = self._jobs.get(job_id)
        if job is not None and not job.cancelled:
            job.cancelled = True
            self._send(Cancel(job_id))
        return job is not None

    def limit_calls(self, lane: str, most: int, jobs: int | None) -> None:
        """Let it have at most so many calls in flight, and take jobs for them only."""
        last = self._call_limits[-1] if self._call_limits else CallLimit(0, lane, -1)
        if lane not in self._all_places or last.most == most:
            return
        self._call_limits.append(CallLimit(last.number + 1, lane, most))
        self.places = {**self.places, lane: self._all_places[lane].within(jobs)}
        self._send(self._call_limits[-1])

    def calls_held(self, lane: str, unlimited: int) -> int:
        """Return how many calls of a lane it may have in flight; `unlimited`: by itself."""
        by_itself = 0 if self.withheld == lane or lane not in self._all_places else unlimited
        most = max((limit.most for limit in self._call_limits), default=by_itself)
        return min(most, self.jobs_in(lane)) if self.is_retired else most

    def tidy(self) -> None:
        self._send(Tidy())

    def keep_index(self) -> None:
        self._send(KeepIndex())

    def look_at_store(self) -> None:
        self.asked_of_store_at = time.monotonic()
        self._send(LookAtStore())

    def stop(self) -> None:
        self._send(Stop())

    def read(self) -> bool:
        """Read all messages that are there; return False once the worker has closed its end."""
        with contextlib.suppress(EOFError, OSError):  # of both pipes, the other one tells the end
            for job_id in messages.jobs_begun(self._begun):
                if job_id in self._jobs:
                    self._jobs[job_id].accepted = True
        try:
            while is_readable(self.pipe):
                self._receive(self.pipe.recv())
        except (EOFError, OSError):
            return False
        return True

    def drain(self) -> WorkerReport:
        """Return what the worker has said since the last call."""
        report = WorkerReport(tuple(self._found), tuple(self._interrupted))
        self._found, self._interrupted = [], []
        return report

    def reap(self) -> int | None:
        """End the process, read its last messages, and return its exit code."""
        self.process.kill()
        self.process.join()
        self.read()
        self.pipe.close()
        self._begun.close()
        return self.process.exitcode

    def _receive(self, message: ToSupervisor) -> None:
        self.silent_seconds = 0.0
        match message:
            case Ready(places):
                self.places = self._all_places = places
                if self.withheld is not None and self.withheld in places:
                    self.places = {**places, self.withheld: Places(0, 0)}
            case CallsHeld(number):
                self._call_limits = [one for one in self._call_limits if one.number >= number]
            case Ended(job_id, report, interrupted):
                job = self._jobs.pop(job_id, None)
                if report is not None:
                    self._found.append(report)
                if interrupted and job is not None:
                    self._interrupted.append(job.lease)
            case StoreReport():
                self.asked_of_store_at = -float("inf")
                self._found.append(message)

    def _send(self, message: ToWorker) -> None:
        try:
            messages.send(self.pipe, message)
        except OSError:
            log.warning("worker.pipe_closed", worker=self.name)


def ends(handles: list[WorkerHandle]) -> list[Connection | int]:
    """Return what to wait on for the end of any of these workers."""
    return [handle.process.sentinel for handle in handles]


def sources(handles: list[WorkerHandle]) -> list[Connection | int]:
    """Return what to wait on: messages of these workers, and the end of any of them."""
    return [source for h in handles for source in (h.pipe, h.process.sentinel)]
