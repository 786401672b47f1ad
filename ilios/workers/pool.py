"""The worker processes of a supervisor: who is there, who has died, who is to be started again."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait

from ilios.core import data_folder
from ilios.core.processes import InheritedDescriptor
from ilios.core.settings import Settings
from ilios.core.telemetry import logs, metrics
from ilios.engines.registry import EngineFactory
from ilios.operations.heartbeat import WorkerBeat, WorkerState
from ilios.workers.handle import WorkerHandle, sources

log = logs.get(__name__)

BOOT_FAILURES_ALLOWED = 3
RESTART_BASE_SECONDS = 0.1
RESTART_MAX_SECONDS = 5.0  #: however often they die, the service is back within 10 s
SILENT_SECONDS = 30.0  #: a worker says something every few seconds
BOOT_SECONDS = 120.0
OVERDUE_SECONDS = 60.0  #: beyond the job's own deadline; then the worker itself is stuck


class WorkerPool:
    """Iterate it for those that are there. Used by the supervisor's one thread only."""

    def __init__(
        self, settings: Settings, open_engines: EngineFactory, lock: InheritedDescriptor
    ) -> None:
        self._settings = settings
        self._open_engines = open_engines
        self._lock = lock
        self._workers: dict[str, WorkerHandle] = {}
        self._restart_at = {f"worker-{number}": 0.0 for number in range(settings.worker_count)}
        self._deaths: Counter[str] = Counter()  #: by worker, since the supervisor started
        self._quick_deaths = 0
        self._boot_failures = 0

    def __iter__(self) -> Iterator[WorkerHandle]:
        return iter(list(self._workers.values()))

    def __getitem__(self, name: str) -> WorkerHandle:
        return self._workers[name]

    @property
    def cannot_boot(self) -> bool:
        """Whether workers have died in their start so often that trying again is of no use."""
        return self._boot_failures >= BOOT_FAILURES_ALLOWED

    @property
    def lanes(self) -> set[str]:
        return {lane for worker in self for lane in worker.slots}

    def ready(self) -> list[WorkerHandle]:
        return [worker for worker in self if worker.is_ready]

    def beats(self) -> list[WorkerBeat]:
        """Each worker, those that are to be started again included."""
        there = {worker.name: worker for worker in self}
        return [self._beat(name, there.get(name)) for name in sorted({*there, *self._restart_at})]

    def jobs_in(self, lane: str) -> int:
        return sum(worker.jobs_in(lane) for worker in self)

    def free_slots(self) -> int:
        """How many more jobs all of them can take, of whatever lane."""
        return sum(sum(worker.slots.values()) - len(worker.leases) for worker in self)

    def free_in(self, lane: str) -> list[str]:
        """The name of a worker for each job that can be taken; the emptiest worker goes first."""
        free = sorted(
            (taken, worker.name)
            for worker in self
            if lane in worker.slots
            for taken in range(worker.jobs_in(lane), worker.slots[lane])
        )
        return [name for _, name in free]

    def start_due(self) -> None:
        """Spawn whoever is not there and has waited long enough."""
        for name in [name for name, at in self._restart_at.items() if time.monotonic() >= at]:
            try:
                self._workers[name] = WorkerHandle(
                    name, self._settings, self._open_engines, self._lock
                )
            except OSError as error:  # no process, no memory, no descriptor: that may pass
                log.warning("worker.cannot_start", worker=name, reason=str(error))
                self._restart_at[name] = time.monotonic() + RESTART_MAX_SECONDS
            else:
                del self._restart_at[name]

    def seconds_to_next_start(self) -> float:
        """Infinite when all are there."""
        return min(self._restart_at.values(), default=float("inf")) - time.monotonic()

    def note_boot(self, worker: WorkerHandle) -> None:
        """One that is ready forgives those that were not: the fault has passed."""
        if worker.is_ready:
            self._boot_failures = 0

    def remove(self, worker: WorkerHandle) -> None:
        """Reap a dead worker and plan its successor; only then may its jobs be given back."""
        exit_code = worker.reap()
        metrics.WORKER_RESTARTS.labels("worker").inc()
        del self._workers[worker.name]
        self._deaths[worker.name] += 1
        log.warning(
            "worker.died", worker=worker.name, exit_code=exit_code, jobs_held=len(worker.leases)
        )
        if not worker.is_ready:
            self._boot_failures += 1
        self._quick_deaths = 0 if worker.was_stable else self._quick_deaths + 1
        self._restart_at[worker.name] = time.monotonic() + _restart_delay(self._quick_deaths)
        folders = data_folder.workspaces(self._settings)
        for lease in worker.leases:
            folder = data_folder.workspace(folders, lease.job_id, lease.token)
            shutil.rmtree(folder, ignore_errors=True)

    def kill_if_stuck(self, worker: WorkerHandle) -> None:
        """End a worker that says nothing any more, or whose job outlasts every deadline."""
        overdue_after = self._settings.job_deadline_seconds + OVERDUE_SECONDS
        silent_after = SILENT_SECONDS if worker.is_ready else BOOT_SECONDS
        if worker.oldest_job_seconds() > overdue_after or worker.silent_seconds > silent_after:
            log.error("worker.stuck", worker=worker.name, silent_s=round(worker.silent_seconds))
            worker.process.kill()

    def stop(self, grace_seconds: float, in_between: Callable[[], None]) -> None:
        """Tell all to end, let running jobs finish within the grace, then reap everybody.

        `in_between` is called at least once a second meanwhile.
        """
        deadline = time.monotonic() + grace_seconds
        left = list(self)
        for worker in left:
            worker.stop()
        while left and time.monotonic() < deadline:
            in_between()
            wait(sources(left), min(1.0, deadline - time.monotonic()))
            # A worker that says nothing more has ended; its last words are read when it is reaped.
            left = [worker for worker in left if worker.read() and worker.process.is_alive()]
        self.reap()

    def reap(self) -> None:
        """End whoever is left; they stay in the pool, with the jobs that they held."""
        for worker in self:
            worker.reap()

    def _beat(self, name: str, worker: WorkerHandle | None) -> WorkerBeat:
        if worker is None:
            return WorkerBeat(name, WorkerState.DOWN, restarts=self._deaths[name])
        return WorkerBeat(
            name,
            WorkerState.READY if worker.is_ready else WorkerState.STARTING,
            restarts=self._deaths[name],
            pid=worker.process.pid,
            jobs=len(worker.leases),
            slots=sum(worker.slots.values()),
            up_seconds=round(worker.up_seconds(), 1),
        )


def _restart_delay(quick_deaths: int) -> float:
    """Seconds before a restart: 0.1, 0.2, 0.4 … 5, ± 20 %, doubling with each quick death."""
    delay: float = RESTART_BASE_SECONDS * 2 ** min(10, max(0, quick_deaths - 1))
    return min(delay, RESTART_MAX_SECONDS) * random.uniform(0.8, 1.2)  # noqa: S311
