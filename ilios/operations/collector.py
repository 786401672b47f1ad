"""The gauges of `/metrics`: looked up in database, heartbeat and data folder at each scrape.

The counters and histograms are in `ilios.core.telemetry.metrics`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prometheus_client.metrics_core import GaugeMetricFamily
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

import ilios
from ilios.accounts import holdings
from ilios.core import clock, data_folder
from ilios.core.bounded_calls import BoundedCall
from ilios.core.errors import DatabaseBusy
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.documents import indexing
from ilios.operations import beats, heartbeat, statistics
from ilios.operations.heartbeat import BlockReason, Heartbeat
from ilios.queue import pause, queries

if TYPE_CHECKING:
    from ilios.operations.cluster_beats import NodeBeat

GOVERNOR_STATES: Final = {
    "ok": "ok",
    "slowed down": "slowed",
    "paused": "paused",
    "misconfigured": "misconfigured",
    "batch lane misconfigured": "batch_lane_misconfigured",
    heartbeat.NOT_USED: "not_used",
    "": "unknown",  # there is no heartbeat
}
"""Label of `ilios_governor_state`, by what the heartbeat's sentence begins with."""


SIZE: Final = "The database's file"
BUILD: Final = "Always 1; says which version runs"
ANSWER_SECONDS: Final = 5.0  #: for which a database on another machine is waited for


class Collector:
    """A collector of prometheus-client: reads everything anew; what it cannot read is left out."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._read_beat = beats.reader(settings, database)
        self._asked: Callable[[], list[GaugeMetricFamily]] = self._ask
        if database.is_remote:
            self._asked = BoundedCall(self._ask, ANSWER_SECONDS)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        beat = self._read_beat()
        fresh = beat if beat is not None and beat.is_fresh else None
        version = {"version": ilios.__version__}
        yield _gauge("ilios_build_info", BUILD, (version, 1))
        yield from _of_supervisor(fresh)
        if fresh is not None and self._settings.use_embedded_replica:
            yield from _of_replica(fresh, self._settings.turso_sync_interval)
        yield from _of_disk(self._settings.data_folder)
        if not self._database.is_remote:
            size, log = self._database.size_bytes(), self._database.log_bytes()
            yield _number("ilios_database_size_bytes", SIZE, size)
            yield _number("ilios_database_wal_bytes", "The write-ahead log's file", log)
        yield from self._of_database()
        if self._database.is_remote:
            yield from _of_nodes(self._nodes())

    def _of_database(self) -> Iterator[GaugeMetricFamily]:
        try:
            found = self._asked()
        except (SQLAlchemyError, self._database.driver_error, DatabaseBusy, TimeoutError):
            found = []
        yield _number("ilios_database_up", "1 when the database answers", bool(found))
        yield from found

    def _nodes(self) -> Sequence[NodeBeat]:
        from ilios.operations.cluster_beats import ClusterBeats  # a single node has no use for it

        return ClusterBeats(self._database).each()

    def _ask(self) -> list[GaugeMetricFamily]:
        with self._database.reading() as session:
            found = [*_of_queue(session), *_of_holdings(session), *_of_search(session)]
            found += _of_webhooks(session)
        if self._database.is_remote:
            found.append(_number("ilios_database_size_bytes", SIZE, self._database.size_bytes()))
        return found


class WorkersCollector:
    """A collector of a worker node: what its own supervisor says, and its disk."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_folder
        self._state = data_folder.supervisor_state(settings)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        beat = heartbeat.read(self._state)
        version = {"version": ilios.__version__}
        yield _gauge("ilios_build_info", BUILD, (version, 1))
        yield from _of_supervisor(beat if beat is not None and beat.is_fresh else None)
        yield from _of_disk(self._folder)


def _of_nodes(found: Sequence[NodeBeat]) -> Iterator[GaugeMetricFamily]:
    if not found:
        return
    labels = [({"node": one.name, "kind": one.kind}, one) for one in found]
    yield _gauge("ilios_node_up", "1 for each node that lives", *((by, 1) for by, _ in labels))
    yield _gauge(
        "ilios_node_drained",
        "1 for each node that an operator wants no new work of",
        *((by, one.is_drained) for by, one in labels),
    )
    jobs = [(by, one.beat.jobs_running) for by, one in labels if one.beat is not None]
    if jobs:
        yield _gauge("ilios_node_jobs", "Jobs that the workers of a node hold", *jobs)


def _of_supervisor(beat: Heartbeat | None) -> Iterator[GaugeMetricFamily]:
    yield _number("ilios_supervisor_up", "1 when the supervisor answers", beat is not None)
    provider = beat.provider.partition(":")[0] if beat else ""
    yield _gauge(
        "ilios_governor_state",
        "1 for what the governor makes of the provider",
        *(({"state": state}, provider == word) for word, state in GOVERNOR_STATES.items()),
    )
    blocked = beat.claims_blocked if beat else None
    yield _gauge(
        "ilios_claims_blocked",
        "1 for the reason why no job starts",
        *(({"reason": reason.value}, reason == blocked) for reason in BlockReason),
    )
    if beat is None:
        return
    yield _gauge(
        "ilios_worker_processes",
        "Worker processes that there should be, and those that can take jobs",
        ({"state": "configured"}, beat.workers_configured),
        ({"state": "ready"}, beat.workers_ready),
    )
    yield _number("ilios_worker_jobs", "Jobs that workers hold", beat.jobs_running)
    text = "Jobs that workers hold in guest places"
    yield _number("ilios_worker_guest_jobs", text, beat.guests_running)
    is_up = beat.storage_fault is None
    yield _number("ilios_storage_up", "0 while the object store fails", is_up)


def _of_replica(beat: Heartbeat, interval_seconds: int) -> Iterator[GaugeMetricFamily]:
    is_up = beat.turso == "ok"
    yield _number("ilios_replication_up", "1 when the last copy succeeded", is_up)
    yield _number("ilios_replication_lag_rows", "Changes that Turso lacks", beat.turso_lag_rows)
    lag = beat.turso_lag_seconds
    yield _number("ilios_replication_lag_seconds", "For how long Turso has lacked changes", lag)
    name, text = "ilios_replication_interval_seconds", "TURSO_SYNC_INTERVAL"
    yield _number(name, text, interval_seconds)


def _of_disk(folder: Path) -> Iterator[GaugeMetricFamily]:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return
    free, size = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    yield _number("ilios_disk_free_bytes", "Free for us where DATA_DIR lies", free)
    yield _number("ilios_disk_size_bytes", "Size of the file system where DATA_DIR lies", size)


def _of_queue(session: Session) -> Iterator[GaugeMetricFamily]:
    yield _gauge(
        "ilios_queue_jobs",
        "Jobs that are ready, wait until a moment, or run",
        *(({"state": state}, jobs) for state, jobs in queries.depths(session).items()),
    )
    oldest = queries.oldest_ready(session, statistics.LANES)
    age = (clock.now() - oldest).total_seconds() if oldest else 0.0
    text = "Since the first of the jobs that go next was enqueued; 0 when none is ready"
    yield _number("ilios_queue_oldest_age_seconds", text, max(0.0, age))
    text = "1 while an operator lets no job start"
    yield _number("ilios_queue_paused", text, pause.is_paused(session))


def _of_holdings(session: Session) -> Iterator[GaugeMetricFamily]:
    sums = holdings.sums(session)
    yield _gauge(
        "ilios_key_stored_bytes",
        "What documents take, as it counts for the limits of keys",
        ({"of": "all"}, sums.stored_bytes),
        ({"of": "largest_key"}, sums.largest_stored_bytes),
    )
    yield _gauge(
        "ilios_key_waiting_documents",
        "Documents that are to be uploaded or converted, or are converted",
        ({"of": "all"}, sums.waiting_documents),
        ({"of": "largest_key"}, sums.largest_waiting_documents),
    )


def _of_search(session: Session) -> Iterator[GaugeMetricFamily]:
    text = "Documents whose words are not all in the search index yet"
    yield _number("ilios_search_pending_documents", text, indexing.progress(session).left)


def _of_webhooks(session: Session) -> Iterator[GaugeMetricFamily]:
    waiting, oldest = statistics.undelivered(session)
    text = "Events that are neither delivered nor given up"
    yield _number("ilios_webhook_waiting_deliveries", text, waiting)
    age = (clock.now() - oldest).total_seconds() if oldest else 0.0
    text = "Since the first of them happened; 0 when none waits"
    yield _number("ilios_webhook_oldest_age_seconds", text, max(0.0, age))


def _number(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _gauge(name: str, text: str, *samples: tuple[dict[str, str], float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=list(samples[0][0]))
    for labels, value in samples:
        family.add_metric(list(labels.values()), float(value))
    return family
