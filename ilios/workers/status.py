"""What the supervisor knows of provider, bucket and disk, and tells `/health` and the operators."""

from __future__ import annotations

import os
import time

from ilios.core import data_folder
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.engines import registry
from ilios.engines.governor import Governor
from ilios.operations import heartbeat
from ilios.operations.heartbeat import Heartbeat
from ilios.replication.handle import ReplicatorHandle
from ilios.workers.handle import WorkerHandle
from ilios.workers.maintenance import StoreWatch
from ilios.workers.pool import WorkerPool

log = logs.get(__name__)

BEAT_SECONDS = 0.25


class SupervisorStatus:
    """Told by the workers, told to whoever reads the heartbeat. Each change is logged once."""

    def __init__(
        self,
        settings: Settings,
        workers: WorkerPool,
        store: StoreWatch,
        replicator: ReplicatorHandle,
    ) -> None:
        self._settings = settings
        self._workers = workers
        self._store = store
        self._replicator = replicator
        self._path = data_folder.supervisor_state(settings)
        self.governor = _governor(settings)
        self._room = DiskReserve(settings)
        self._disk_fault: str | None = None
        self._provider_files_removed = 0
        self._beat_at = 0.0
        self._ready_last_said = -1
        self._is_silent = False  #: the heartbeat cannot be written

    def hear(self, worker: WorkerHandle) -> None:
        """Take what a worker has seen of the provider and the bucket."""
        for news in worker.news:
            before = self.governor.summary()
            self.governor.record(news)
            if (after := self.governor.summary()) != before:
                log.warning("provider.state", state=after, was=before)
        for seen in worker.store_seen:
            self._store.hear(seen)
        self._provider_files_removed += worker.provider_files_removed
        worker.news, worker.store_seen, worker.provider_files_removed = [], [], 0

    def may_start_jobs(self) -> bool:
        """Whether they could read their documents, and store what they bring.

        Those that run go on: a reserve of the disk is theirs.
        """
        fault = self._room.fault()
        if bool(fault) != bool(self._disk_fault):
            log.warning("disk.state", fault=fault, was=self._disk_fault)
        self._disk_fault = fault
        return fault is None and self._store.may_be_used

    def beat(self) -> None:
        """Say how we are; at most a few times a second, unless the workers have changed."""
        ready = len(self._workers.ready())
        if ready == self._ready_last_said and time.monotonic() < self._beat_at:
            return
        self._ready_last_said, self._beat_at = ready, time.monotonic() + BEAT_SECONDS
        try:
            heartbeat.write(self._path, self._heartbeat(ready))
            self._is_silent = False
        except OSError as error:  # a full disk: `/health` says that we are silent
            if not self._is_silent:
                log.warning("supervisor.heartbeat_failed", reason=str(error))
            self._is_silent = True

    def close(self) -> None:
        self._path.unlink(missing_ok=True)

    def _heartbeat(self, ready: int) -> Heartbeat:
        replica = self._replicator.standing
        is_governed = self._settings.engine_name == registry.MISTRAL
        return Heartbeat(
            pid=os.getpid(),
            beat_seconds=time.monotonic(),
            workers_configured=self._settings.worker_count,
            workers_ready=ready,
            jobs_running=sum(len(worker.leases) for worker in self._workers),
            provider=self.governor.summary() if is_governed else heartbeat.NOT_USED,
            governor=self.governor.current_state() if is_governed else None,
            provider_jobs=self._workers.jobs_in(registry.MISTRAL),
            workers=tuple(self._workers.beats()),
            provider_files_removed=self._provider_files_removed,
            storage_fault=self._store.fault,
            turso=replica.text if replica else None,
            turso_lag_rows=replica.lag_rows if replica else 0,
            turso_lag_seconds=replica.lag_seconds() if replica else 0.0,
        )


def _governor(settings: Settings) -> Governor:
    missing = None if settings.mistral_api_key else "MISTRAL_API_KEY is not set"
    # It counts jobs, for jobs are what we start; each worker sees to its own calls.
    jobs = settings.worker_count * registry.jobs_at_once(settings.worker_concurrency)
    return Governor(jobs, missing)
