"""The supervisor's heartbeat: what `/health` and operators learn of it and its workers."""

from __future__ import annotations

import os
import time

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.engines import registry
from ilios.operations import heartbeat
from ilios.operations.heartbeat import BlockReason, Heartbeat
from ilios.replication.handle import ReplicatorHandle
from ilios.workers.maintenance import StoreWatch
from ilios.workers.pool import WorkerPool
from ilios.workers.start_gate import StartGate

log = logs.get(__name__)

BEAT_SECONDS = 0.25


class SupervisorStatus:
    """Writes the heartbeat, from the parts of the supervisor that know what it says."""

    def __init__(
        self,
        settings: Settings,
        workers: WorkerPool,
        store: StoreWatch,
        gate: StartGate,
        replicator: ReplicatorHandle,
    ) -> None:
        self._settings = settings
        self._workers = workers
        self._store = store
        self._gate = gate
        self._replicator = replicator
        self._path = data_folder.supervisor_state(settings)
        self._next_beat_at = 0.0
        self._last_said: tuple[int, BlockReason | None] | None = None
        self._is_silent = False  #: the heartbeat cannot be written

    def beat(self) -> None:
        """Write the heartbeat: a few times a second, and when workers or the gate have changed."""
        now = time.monotonic()
        ready = len(self._workers.ready())
        said = (ready, self._gate.reason)
        if said == self._last_said and now < self._next_beat_at:
            return
        self._last_said, self._next_beat_at = said, now + BEAT_SECONDS
        try:
            heartbeat.write(self._path, self._heartbeat(ready))
            self._is_silent = False
        except OSError as error:  # a full disk: `/health` says that we are silent
            if not self._is_silent:
                log.warning("supervisor.heartbeat_failed", reason=str(error))
            self._is_silent = True

    def describe(self) -> Heartbeat:
        """Return what there is to say now."""
        return self._heartbeat(len(self._workers.ready()))

    def close(self) -> None:
        self._path.unlink(missing_ok=True)

    def _heartbeat(self, ready: int) -> Heartbeat:
        replica = self._replicator.status
        governor = self._gate.governor if self._gate.has_provider else None
        return Heartbeat(
            pid=os.getpid(),
            beat_seconds=time.monotonic(),
            workers_configured=self._settings.worker_count,
            workers_ready=ready,
            jobs_running=sum(worker.jobs for worker in self._workers),
            guests_running=self._workers.guests(),
            claims_blocked=self._gate.reason,
            provider=governor.summary() if governor else heartbeat.NOT_USED,
            governor=governor.current_state() if governor else None,
            provider_jobs=self._workers.jobs_in(registry.MISTRAL),
            workers=tuple(self._workers.beats()),
            storage_fault=self._store.fault,
            turso=replica.text if replica else None,
            turso_lag_rows=replica.lag_rows if replica else 0,
            turso_lag_seconds=replica.lag_seconds() if replica else 0.0,
        )
