"""What more worker hosts bring, and whether all of them keep to one limit: `python -m bench.hosts`.

Hosts are supervisors with their workers, each with a data folder of its own, on one PostgreSQL and
one bucket; they, the provider's stand-in and the enqueuer share this machine's processors, and the
cores that they keep busy tell whether these set the rate. Documents are PDFs of one page, as many
for each host; what is counted is from the first to be enqueued to the end of the last.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench import object_store, postgres
from bench.postgres import Migrated
from bench.provider import settings_of
from bench.queue_rate import cpu_seconds
from ilios.accounts import holdings
from ilios.core import data_folder
from ilios.core.telemetry import logs
from ilios.db.database import Database
from ilios.documents.admission import Order
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.operations.cluster_beats import ClusterBeats
from ilios.operations.heartbeat import Heartbeat
from ilios.queue.notify import open_notifier
from ilios.storage.opening import open_store
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.postgres_server.process import PostgresServer

HOSTS = 4
WORKERS = 2  #: of each host
LATENCY_MS = 1000
THREADS = 8  #: that enqueue
STEP_SECONDS = 0.05
LONGEST_SECONDS = 600
ORDER = Order(owner="bench")


@dataclass(frozen=True)
class Taken:
    """What the documents of one run have taken."""

    hosts: int
    limit: int
    documents: int
    seconds: float
    peak: int  #: calls in flight at most, as the stand-in has counted them
    paid: int  #: pages that it has billed for these documents
    cores: float  #: that all of this has kept busy, on average

    @property
    def rate(self) -> float:
        return self.documents / self.seconds

    def __str__(self) -> str:
        return (
            f"{self.hosts} hosts, PROVIDER_CONCURRENCY={self.limit}: {self.documents} documents, "
            f"{self.rate:.1f}/s; at most {self.peak} calls in flight, {self.paid} pages paid; "
            f"{self.cores:.2f} of {os.cpu_count()} cores busy"
        )


class Cluster:
    """Hosts on a database, and what enqueues for them."""

    def __init__(self, migrated: Migrated, database: Database, provider: MistralServer) -> None:
        self._settings = settings = migrated.settings
        self._database = database
        self._provider = provider
        self._submissions = Submissions(
            settings, database, open_store(settings), open_notifier(settings, database)
        )
        self._made = 0

    def wait_for_hosts(self, count: int) -> None:
        """Wait until the workers of so many hosts are ready."""
        beats = ClusterBeats(self._database)
        while sum(_is_ready(one.beat) for one in beats.each()) < count:
            time.sleep(STEP_SECONDS)

    def convert(self, hosts: int, limit: int, documents: int) -> Taken:
        """Have documents converted."""
        files = [self._receive() for _ in range(documents)]
        paid, busy = self._provider.stats().billed_pages, cpu_seconds([psutil.Process()])
        started = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(lambda file: self._submissions.submit(file, ORDER), files):
                pass
        self._wait_until_done()
        seconds = time.perf_counter() - started
        stats = self._provider.stats()
        cores = (cpu_seconds([psutil.Process()]) - busy) / seconds
        paid = stats.billed_pages - paid
        return Taken(hosts, limit, documents, seconds, stats.peak_in_flight, paid, cores)

    def _wait_until_done(self) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        with self._database.watching() as watch:
            while holdings.sums(watch).waiting_documents:
                if time.monotonic() > deadline:
                    raise RuntimeError("not all documents were done")
                time.sleep(STEP_SECONDS)

    def _receive(self) -> Received:
        self._made += 1
        content = pdf(f"Document {self._made}")
        path = data_folder.uploads(self._settings) / f"{self._made}"
        path.write_bytes(content)
        return Received(path, "one.pdf", len(content), hashlib.sha256(content).hexdigest())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=HOSTS)
    parser.add_argument("--slots", type=int, default=8, help="of each host")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--documents", type=int, default=160, help="for each host")
    options = parser.parse_args()
    most = options.hosts * options.slots
    with postgres.server() as server:
        ratios = []
        for _ in range(options.rounds):
            one = measure(server, 1, options.slots, most, options.documents)
            many = measure(server, options.hosts, options.slots, most, options.documents)
            ratios.append(many.rate / one.rate)
            print(f"{one}\n{many}\n    {ratios[-1]:.2f} x one host", flush=True)
        print(measure(server, options.hosts, options.slots, most // 2, options.documents))


def measure(server: PostgresServer, hosts: int, slots: int, limit: int, documents: int) -> Taken:
    """Run hosts on an empty database; `documents` are those of each."""
    with running(server, hosts, slots, limit) as cluster:
        cluster.convert(hosts, limit, hosts * slots)  # so that every process has what it needs
        return cluster.convert(hosts, limit, hosts * documents)


@contextmanager
def running(server: PostgresServer, hosts: int, slots: int, limit: int) -> Iterator[Cluster]:
    """Run hosts that are ready during the block."""
    with ExitStack() as stack:
        provider = stack.enter_context(MistralServer(latency_ms=LATENCY_MS))
        settings = {
            **stack.enter_context(object_store.bucket()),
            **settings_of(provider),
            "WORKER_COUNT": str(WORKERS),
            "WORKER_CONCURRENCY": str(slots // WORKERS),
            "PROVIDER_CONCURRENCY": str(limit),
            "LOG_LEVEL": "WARNING",
        }
        migrated = stack.enter_context(postgres.migrated(server, None, **settings))
        database = stack.enter_context(migrated.opened())
        logs.configure(migrated.settings, "bench")
        folder = Path(stack.enter_context(TemporaryDirectory()))
        for number in range(hosts):
            stack.enter_context(host(migrated, folder / f"host-{number + 1}"))
        cluster = Cluster(migrated, database, provider)
        cluster.wait_for_hosts(hosts)
        yield cluster


@contextmanager
def host(migrated: Migrated, folder: Path) -> Iterator[None]:
    """Run a worker node during the block."""
    folder.mkdir()
    environment = {**migrated.environment, "DATA_DIR": str(folder), "NODE_NAME": folder.name}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ilios", "workers"], env=environment, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def _is_ready(beat: Heartbeat | None) -> bool:
    return beat is not None and beat.workers_ready == WORKERS


if __name__ == "__main__":
    main()
