"""The worker processes of a supervisor: starts them, and restarts those that die or hang."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator

from ilios.core import data_folder
from ilios.core.backoff import delay_seconds
from ilios.core.owner_places import guest_places
from ilios.core.pipes import wait
from ilios.core.processes import InheritedDescriptor
from ilios.core.settings import Settings
from ilios.core.telemetry import logs, metrics
from ilios.engines import registry
from ilios.engines.registry import EngineFactory
from ilios.operations.heartbeat import WorkerBeat, WorkerState
from ilios.queue.jobs import FETCH_LANE
from ilios.workers.handle import WorkerHandle, sources
from ilios.workers.places import Places

log = logs.get(__name__)

BOOT_FAILURES_ALLOWED = 3
RESTART_BASE_SECONDS = 0.1
RESTART_MAX_SECONDS = 5.0  #: so that the service is back within 10 s, however often they die
RESTART_JITTER = 0.2
SILENT_SECONDS = 30.0  #: a worker sends a message every few seconds
BOOT_SECONDS = 120.0
OVERDUE_SECONDS = 60.0  #: beyond the job's own deadline; then the worker itself is stuck


class WorkerPool:
    """Iterates over the workers that run. Used by the supervisor's one thread only."""

    def __init__(
        self, settings: Settings, open_engines: EngineFactory, lock: InheritedDescriptor
    ) -> None:
        self._settings = settings
        self._open_engines = open_engines
        self._lock = lock
        self._workers: dict[str, WorkerHandle] = {}
        self._retired: list[WorkerHandle] = []
        self._restart_at = {f"worker-{number}": 0.0 for number in range(settings.worker_count)}
        self._deaths: Counter[str] = Counter()  #: by worker, since the supervisor started
        self._quick_deaths = 0
        self._boot_failures = 0
        self._withheld: str | None = None  #: a lane of which nobody knows how many calls it has
        calls = settings.worker_concurrency
        self._calls_of_one = calls + guest_places(calls)  #: that a worker makes by itself

    def __iter__(self) -> Iterator[WorkerHandle]:
        return iter([*self._workers.values(), *self._retired])

    def __getitem__(self, name: str) -> WorkerHandle:
        return self._workers[name]

    @property
    def cannot_boot(self) -> bool:
        """Whether so many starts in a row have failed that another one is of no use."""
        return self._boot_failures >= BOOT_FAILURES_ALLOWED

    @property
    def lanes(self) -> set[str]:
        return {lane for worker in self for lane in worker.places}

    def ready(self) -> list[WorkerHandle]:
        return [worker for worker in self if worker.is_ready]

    def beats(self) -> list[WorkerBeat]:
        """Describe each worker for the heartbeat, also those that are to be started again."""
        names = sorted({*self._workers, *self._restart_at})
        return [self._beat(name, self._workers.get(name)) for name in names]

    def jobs_in(self, lane: str) -> int:
        return sum(worker.jobs_in(lane) for worker in self)

    def owners_in(self, lane: str) -> set[str]:
        """Return the owners that have a job of a lane running."""
        return {owner for worker in self for owner in worker.owners_in(lane)}

    def places_in(self, lane: str) -> Places:
        """Return the places of a lane, of all workers together."""
        of_workers = [worker.places[lane] for worker in self if lane in worker.places]
        ordinary = sum(places.ordinary for places in of_workers)
        return Places(ordinary, sum(places.guests for places in of_workers))

    def guests(self) -> int:
        """Return how many jobs run beyond the ordinary places."""
        return sum(
            max(0, self.jobs_in(lane) - self.places_in(lane).ordinary) for lane in self.lanes
        )

    def are_busy(self) -> bool:
        """Return whether jobs of some lane fill more than half of its ordinary places."""
        return any(2 * self.jobs_in(lane) > self.places_in(lane).ordinary for lane in self.lanes)

    def free_places(self) -> int:
        """Return how many more jobs all workers can take, of all lanes together."""
        return sum(_all_places(worker) - worker.jobs for worker in self)

    def free_in(self, lane: str) -> list[str]:
        """Return a worker's name for each free place of a lane, the emptiest worker's first."""
        free = sorted(
            (taken, worker.name)
            for worker in self
            if lane in worker.places
            for taken in range(worker.jobs_in(lane), worker.places[lane].total)
        )
        return [name for _, name in free]

    def withhold_calls(self, lane: str) -> None:
        """Let workers that become ready take no jobs of a lane before `limit_calls` says how many.

        For a node of a cluster, before its workers are started.
        """
        self._withheld = lane

    def limit_calls(self, lane: str, most: int | None) -> None:
        """Divide so many calls of a lane among the workers; None: as many as they can have.

        Those of before end by themselves. A worker that has jobs keeps one call for them.
        """
        self._withheld = None if most is None else lane
        for worker in self:
            worker.withheld = self._withheld  # one that is not ready yet
        if most is None:
            for worker in self.ready():
                worker.limit_calls(lane, self._calls_of_one, None)
            return
        ready = sorted(self.ready(), key=lambda worker: -worker.jobs_in(lane))
        kept = sum(worker.calls_held(lane, self._calls_of_one) for worker in self._retired)
        left = max(0, most - kept)
        each, more = divmod(left, len(ready) or 1)
        for place, worker in enumerate(ready):
            calls = each + (place < more)
            jobs = registry.jobs_at_once(calls) if calls else 0
            worker.limit_calls(lane, calls or min(1, worker.jobs_in(lane)), jobs)

    def calls_held(self, lane: str) -> int:
        """Return how many calls of a lane may be in flight, by the limits that were met so far."""
        return sum(worker.calls_held(lane, self._calls_of_one) for worker in self)

    def start_due(self) -> None:
        """Start the workers whose time to start has come."""
        for name in [name for name, at in self._restart_at.items() if time.monotonic() >= at]:
            try:
                self._workers[name] = WorkerHandle(
                    name, self._settings, self._open_engines, self._lock, self._withheld
                )
            except OSError as error:  # no process, no memory, no descriptor: that may pass
                log.warning("worker.cannot_start", worker=name, reason=str(error))
                self._restart_at[name] = time.monotonic() + RESTART_MAX_SECONDS
            else:
                del self._restart_at[name]

    def seconds_to_next_start(self) -> float:
        """Return the seconds until a worker is to be started; infinite when all run."""
        return min(self._restart_at.values(), default=float("inf")) - time.monotonic()

    def note_boot(self, worker: WorkerHandle) -> None:
        """Reset the count of failed starts once a worker is ready: the fault has passed."""
        if worker.is_ready:
            self._boot_failures = 0

    def remove(self, worker: WorkerHandle) -> None:
        """Reap a dead worker and schedule its restart; only then may its jobs be released."""
        exit_code = worker.reap()
        metrics.WORKER_RESTARTS.labels("worker").inc()
        self._deaths[worker.name] += 1
        log.warning("worker.died", worker=worker.name, exit_code=exit_code, jobs_held=worker.jobs)
        if worker.is_retired:
            self._retired.remove(worker)
        else:
            del self._workers[worker.name]
            self._schedule_restart(worker)
        folders = data_folder.workspaces(self._settings)
        for lease in worker.leases:
            folder = data_folder.workspace(folders, lease.job_id, lease.token)
            shutil.rmtree(folder, ignore_errors=True)

    def end_if_stuck(self, worker: WorkerHandle) -> None:
        """Kill a worker that has been silent for too long, or none of whose jobs ends in time.

        One that holds other jobs beside an overdue one is retired before: their calls are paid, and
        end within their own deadlines.
        """
        overdue_after = self._settings.job_deadline_seconds + OVERDUE_SECONDS
        has_booted = worker.is_ready or worker.is_retired
        is_silent = worker.silent_seconds > (SILENT_SECONDS if has_booted else BOOT_SECONDS)
        is_overdue = worker.oldest_job_seconds() > overdue_after
        may_end = (is_overdue or worker.is_retired) and worker.has_only_jobs_over(overdue_after)
        if is_silent or may_end:
            log.error("worker.stuck", worker=worker.name, silent_s=round(worker.silent_seconds))
            worker.process.kill()
        elif is_overdue and not worker.is_retired:
            self._retire(worker)

    def stop(self, grace_seconds: float, in_between: Callable[[], None]) -> None:
        """Stop all: let running jobs finish within the grace, then reap the processes.

        `in_between` is called at least once per second meanwhile.
        """
        deadline = time.monotonic() + grace_seconds
        left = list(self)
        for worker in left:
            worker.stop()
        while left and time.monotonic() < deadline:
            in_between()
            wait(sources(left), min(1.0, deadline - time.monotonic()))
            # A closed pipe means that the worker has ended; `reap` reads its last messages.
            left = [worker for worker in left if worker.read() and worker.process.is_alive()]
        self.reap()

    def reap(self) -> None:
        """End all that still run; they stay in the pool, with the jobs that they held."""
        for worker in self:
            worker.reap()

    def _retire(self, worker: WorkerHandle) -> None:
        """Let another process take its place while it ends the jobs that are in time."""
        log.error("worker.retired", worker=worker.name, jobs_held=worker.jobs)
        worker.retire()
        del self._workers[worker.name]
        self._retired.append(worker)
        self._restart_at[worker.name] = time.monotonic()

    def _schedule_restart(self, worker: WorkerHandle) -> None:
        if not worker.is_ready:
            self._boot_failures += 1
        self._quick_deaths = 0 if worker.was_stable else self._quick_deaths + 1
        self._restart_at[worker.name] = time.monotonic() + restart_delay(self._quick_deaths)

    def _beat(self, name: str, worker: WorkerHandle | None) -> WorkerBeat:
        if worker is None:
            return WorkerBeat(name, WorkerState.DOWN, restarts=self._deaths[name])
        return WorkerBeat(
            name,
            WorkerState.READY if worker.is_ready else WorkerState.STARTING,
            restarts=self._deaths[name],
            pid=worker.process.pid,
            jobs=worker.jobs,
            slots=sum(
                places.ordinary for lane, places in worker.places.items() if lane != FETCH_LANE
            ),
            up_seconds=round(worker.up_seconds(), 1),
        )


def _all_places(worker: WorkerHandle) -> int:
    return sum(places.total for places in worker.places.values())


def restart_delay(quick_deaths: int) -> float:
    """Return the seconds before a restart: 0.1, 0.1, 0.2, 0.4 … 5, ± 20 %, by deaths in a row."""
    return delay_seconds(
        quick_deaths - 1, RESTART_BASE_SECONDS, RESTART_MAX_SECONDS, jitter=RESTART_JITTER
    )
