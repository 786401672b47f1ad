"""A worker process: reads leases from its pipe and runs each job in a thread that mostly waits."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from ilios.conversion.answer_keeping import open_spool
from ilios.conversion.converter import Converter
from ilios.conversion.fetching import FETCHES_AT_ONCE, Fetches, fetcher_of
from ilios.conversion.recorder import Recorder
from ilios.conversion.sources import Sources
from ilios.core import data_folder, failpoints
from ilios.core.disk_space import DiskReserve
from ilios.core.errors import DatabaseBusy
from ilios.core.owner_places import guest_places
from ilios.core.pipes import is_readable
from ilios.core.platform import give_back_memory
from ilios.core.processes import EXIT_ORPHANED, InheritedDescriptor, die_with_parent
from ilios.core.settings import Settings
from ilios.core.telemetry import logs, shared_counters, spans, trace_sending, tracing
from ilios.core.thread_pool import ThreadPool
from ilios.db import instance
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.db.models import JobType
from ilios.db.opening import open_database
from ilios.documents.retention.service import Retention
from ilios.documents.upkeep import Upkeep
from ilios.engines import registry
from ilios.engines.base import Engine
from ilios.engines.governor import ProviderReport
from ilios.engines.registry import MISTRAL, EngineFactory, jobs_at_once
from ilios.queue.jobs import FETCH_LANE, Lease
from ilios.storage import opening, self_test
from ilios.storage.base import ObjectStore
from ilios.storage.health import StoreReport
from ilios.storage.s3.store import PROBE_TIMEOUTS
from ilios.webhooks.sender import Sender
from ilios.workers import job_spans, messages, optional_parts
from ilios.workers.messages import (
    Alive,
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

if TYPE_CHECKING:
    from ilios.conversion.provider_batches.runner import ProviderBatches

log = logs.get(__name__)

ALIVE_SECONDS = 5.0
DATABASE_PAUSE_SECONDS = 1.0  #: between two attempts to reach one that is away at the start
DRAIN_POLL_SECONDS = 0.02
SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter from others (Python's default is ten times that): the
one that holds the write lock must not wait for all the others."""


@logs.log_crash()
def main(
    name: str,
    pipe: Connection,
    begun: Connection,
    settings: Settings,
    open_engines: EngineFactory,
    supervisor_pid: int,
    _lock: InheritedDescriptor,
) -> None:
    """Run a worker process until its supervisor stops it.

    `begun` takes the ids of jobs that have a thread. `_lock` is only held: the next supervisor
    waits until this process has released it.
    """
    die_with_parent(supervisor_pid)
    # The supervisor decides when a worker ends; a Ctrl-C in the terminal reaches all processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logs.configure(settings, name)
    shared_counters.share(*data_folder.metrics(settings))
    sys.setswitchinterval(SWITCH_SECONDS)
    database = open_database(settings)
    instance_id = _instance_id(database, pipe)
    if instance_id is None:
        return
    engines = open_engines(settings, instance_id)
    store = opening.open_store(settings)
    group_commit = GroupCommit(database)
    recorder = Recorder(group_commit, settings.pricing, settings.ambiguous_retries)
    converter = _converter(settings, database, store, engines, recorder)
    fetches = Fetches(settings, database, store, fetcher_of(settings), group_commit)
    ordinary = {lane: _ordinary_places(settings, engine) for lane, engine in engines.items()}
    ordinary[FETCH_LANE] = FETCHES_AT_ONCE
    places = {lane: Places(number, guest_places(number)) for lane, number in ordinary.items()}
    batches = optional_parts.provider_batches(settings, database, store, engines, recorder)
    look = partial(self_test.probe, opening.open_store(settings, PROBE_TIMEOUTS))
    retention = Retention(settings, database, store)
    upkeep = Upkeep(database, DiskReserve(settings))
    sender = Sender(settings, database)
    worker = Worker(
        *(pipe, begun, converter, engines, places, look, retention, upkeep, batches, fetches),
        *(sender, optional_parts.tidied_in_cluster(settings, database, store)),
    )
    sender.start()
    if (metrics_server := optional_parts.metrics_server(settings)) is not None:
        metrics_server.start()
    trace_sending.start(settings, name)
    gc.freeze()  # a full collection would go through all that was imported, and stop every job
    log.info("worker.ready", slots=ordinary)
    worker.run()
    sender.stop()
    if metrics_server is not None:
        metrics_server.stop()
    for engine in engines.values():
        engine.close()
    database.close()
    trace_sending.stop()
    shared_counters.close()
    log.info("worker.stopped")


def _instance_id(database: Database, pipe: Connection) -> str | None:
    """Return the id of the database, once that answers; None when the supervisor stops before."""
    is_waiting = False
    while True:
        try:
            with database.reading() as session:
                return instance.instance_id(session)
        except DatabaseBusy as error:
            if not is_waiting:
                is_waiting = True
                log.warning("worker.waits_for_database", reason=str(error))
        try:
            messages.send(pipe, Alive())
        except OSError:
            return None
        if is_readable(pipe, DATABASE_PAUSE_SECONDS):  # no job comes before Ready: it is a Stop
            return None


@cache
def preload(settings: Settings) -> None:
    """Import what `main` does, once for this process and its forks. Raises StartupError."""
    trace_sending.preload(settings)
    registry.preload(settings)
    opening.preload(settings)
    if settings.engine_name == MISTRAL:
        import ilios.conversion.provider_batches.opening  # noqa: F401  # it is there for the forks


def _converter(
    settings: Settings,
    database: Database,
    store: ObjectStore,
    engines: Mapping[str, Engine],
    recorder: Recorder,
) -> Converter:
    return Converter(
        database,
        store,
        engines,
        recorder,
        disk_reserve=DiskReserve(settings),
        workspaces=data_folder.workspaces(settings),
        answers=open_spool(settings, database),
        deadline_seconds=settings.job_deadline_seconds,
        sources=Sources(settings, database),
    )


def _ordinary_places(settings: Settings, engine: Engine) -> int:
    calls = min(settings.worker_concurrency, engine.concurrency)
    return jobs_at_once(calls) if engine.is_paid else calls


class Worker:
    """Reads the pipe in one thread, and runs jobs in one thread per place."""

    def __init__(
        self,
        pipe: Connection,
        begun: Connection,
        converter: Converter,
        engines: Mapping[str, Engine],
        places: Mapping[str, Places],
        look_at_store: Callable[[], str | None],
        retention: Retention,
        upkeep: Upkeep,
        batches: ProviderBatches | None = None,
        fetches: Fetches | None = None,
        sender: Sender | None = None,
        more_to_tidy: Sequence[Callable[[], object]] = (),
    ) -> None:
        self._pipe = pipe
        self._begun = begun
        self._sender = sender
        self._more_to_tidy = more_to_tidy
        self._retention = retention
        self._upkeep = upkeep
        self._converter = converter
        self._batches = batches
        self._fetches = fetches
        self._engines = engines
        self._places = places
        self._look_at_store = look_at_store
        # More than places: neither tidying, nor indexing, nor a look at the store takes a job's.
        threads = sum(lane.total for lane in places.values()) + 3
        self._threads = ThreadPool("job", threads)
        self._sending = threading.Lock()
        self._running = 0
        self._call_limit: CallLimit | None = None  #: that more calls in flight exceed as yet
        self._has_worked = False  #: since free memory was given back

    def run(self) -> None:
        """Serve until the supervisor sends Stop and the last job has ended."""
        self._send(Ready(self._places))
        while not isinstance(message := self._receive(), Stop):
            match message:
                case Tidy():
                    self._threads.run(self._tidy)
                case KeepIndex():
                    self._threads.run(partial(self._keep_index, self._upkeep.run))
                case LookAtStore():
                    self._threads.run(self._look)
                case Cancel(job_id):
                    self._stop_job(job_id)
                case CallLimit():
                    self._limit_calls(message)
                case Lease():
                    self._has_worked = True
                    with self._sending:
                        self._running += 1
                    self._threads.run(partial(self._run_job, message))
        while self._running:
            # After Stop, the only thing that can still be read is the end of the supervisor.
            if is_readable(self._pipe, DRAIN_POLL_SECONDS):
                self._receive()

    def _receive(self) -> ToWorker:
        while not is_readable(self._pipe, ALIVE_SECONDS):
            self._send(Alive())
            if self._has_worked and not self._running:
                self._has_worked = False
                give_back_memory()
        try:
            message: ToWorker = self._pipe.recv()
        except (EOFError, OSError):
            # The supervisor is gone. The next one waits for this process to end before it gives
            # the jobs back, so end at once.
            os._exit(EXIT_ORPHANED)
        return message

    def _run_job(self, lease: Lease) -> None:
        with self._sending, contextlib.suppress(OSError):  # the supervisor is gone
            messages.note_begun(self._begun, lease.job_id)
        failpoints.reach(failpoints.JOB_ACCEPTED)
        report: ProviderReport | StoreReport | None = None
        interrupted = False
        with tracing.working_for(lease.origin, job_id=lease.job_id), job_spans.of(lease) as span:
            try:
                report = self._run(job_spans.under(span, lease))
            except Exception:
                # Not the document's fault (a locked database, a full disk): it is tried again.
                log.exception("job.interrupted", job_id=lease.job_id)
                span.note(spans.ERROR_TYPE, "interrupted")
                interrupted = True
        failpoints.reach(failpoints.JOB_ENDED)
        self._send(Ended(lease.job_id, report, interrupted))
        if self._call_limit is not None:
            self._report_calls()
        with self._sending:
            self._running -= 1  # without any, the process may end
        self._keep_index(self._upkeep.index_entered)

    def _limit_calls(self, limit: CallLimit) -> None:
        self._converter.calls.limit(limit.lane, limit.most)
        self._call_limit = limit
        self._report_calls()

    def _report_calls(self) -> None:
        """Tell the supervisor once that no more calls are in flight than it allows."""
        limit = self._call_limit
        calls = self._converter.calls
        if limit is not None and calls.in_flight(limit.lane) <= limit.most:
            self._call_limit = None
            self._send(CallsHeld(limit.number))

    def _stop_job(self, job_id: str) -> None:
        self._converter.stop(job_id)
        if self._fetches is not None:
            self._fetches.stop(job_id)

    def _run(self, lease: Lease) -> ProviderReport | StoreReport | None:
        if lease.type is JobType.FETCH and self._fetches is not None:
            return self._fetches.run(lease)
        if lease.type is JobType.PROVIDER_BATCH and self._batches is not None:
            return self._batches.run(lease)
        return self._converter.run(lease)

    def _tidy(self) -> None:
        # Each by itself: on a full disk the retention makes the room that the others need.
        steps: list[Callable[[], object]] = [self._retention.run, self._converter.collect_leftovers]
        steps += [engine.sweep for engine in self._engines.values()]
        if self._sender is not None:
            steps.append(self._sender.sweep)
        steps += self._more_to_tidy
        for step in steps:
            try:
                step()
            except Exception:
                log.exception("worker.cannot_tidy")

    def _keep_index(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception:  # a locked database, a full disk: the next round tries again
            log.exception("worker.cannot_index")

    def _look(self) -> None:
        fault = None
        try:
            fault = self._look_at_store()
        except Exception:  # then the next job finds out whether the store answers
            log.exception("worker.cannot_look_at_store")
        self._send(StoreReport(fault))

    def _send(self, message: ToSupervisor) -> None:
        with self._sending:
            try:
                messages.send(self._pipe, message)
            except OSError:
                log.warning("worker.supervisor_gone")
