"""Jobs a second through PostgreSQL, beside procrastinate on the same server, and the pickup of one.

`python -m bench.queue_rate`, by hand. Ours are documents of one page, through all services but
HTTP: stored in a folder, admitted, claimed, converted by an engine that does nothing, charged,
indexed and finished. A job of procrastinate does nothing. Both have two processes of so many slots,
and as many threads that enqueue; what is counted is from the first to be enqueued to the end of the
last. The two take turns, each with an empty database.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import bindparam, select

from bench import beside_peers, postgres
from bench.postgres import Migrated
from ilios.accounts import holdings
from ilios.core import data_folder
from ilios.core.telemetry import logs
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus
from ilios.db.prepared import Prepared
from ilios.documents.admission import Order
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.queue.notify import open_notifier
from ilios.storage.opening import open_store
from tests.postgres_server.process import PostgresServer

WORKERS = 2
WARM = 64  #: documents before the measured ones
STEP_SECONDS = 0.02
LONGEST_SECONDS = 600
ORDER = Order(owner="bench")
_STATUS = Prepared(select(Document.status).where(Document.id == bindparam("of_document")))


@dataclass(frozen=True)
class Taken:
    """What the jobs of one run have taken."""

    jobs: int
    enqueue_s: float
    total_s: float
    cpu_s: float  #: of enqueuer, workers and server

    def __str__(self) -> str:
        return (
            f"{self.jobs / self.total_s:7.0f}/s, enqueued at {self.jobs / self.enqueue_s:.0f}/s, "
            f"{1000 * self.cpu_s / self.jobs:.2f} ms of processor time each"
        )


class Ours:
    """Services on a database, and the workers that do what is submitted."""

    def __init__(self, migrated: Migrated, database: Database, workers: psutil.Process) -> None:
        settings = migrated.settings
        self.database = database
        self._uploads = data_folder.uploads(settings)
        self._submissions = Submissions(
            settings, database, open_store(settings), open_notifier(settings, database)
        )
        self.workers = workers
        self._made = 0

    def received(self, count: int) -> list[Received]:
        """Return files that have just arrived, all different."""
        return [self._receive() for _ in range(count)]

    def submit(self, file: Received, order: Order = ORDER) -> str:
        return self._submissions.submit(file, order).id

    def is_done(self, document_id: str) -> bool:
        with self.database.watching() as watch:
            return _STATUS.all(watch, of_document=document_id) == [(DocumentStatus.COMPLETED,)]

    def wait_until_done(self) -> None:
        """Wait until no document waits, or is worked on."""
        deadline = time.monotonic() + LONGEST_SECONDS
        with self.database.watching() as watch:
            while holdings.sums(watch).waiting_documents:
                if time.monotonic() > deadline or not self.workers.is_running():
                    raise RuntimeError("not all documents were done")
                time.sleep(STEP_SECONDS)

    def _receive(self) -> Received:
        self._made += 1
        content = f"Document {self._made}".encode()
        path = self._uploads / f"{self._made}"
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        return Received(path, "one.txt", len(content), sha256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=16, help="that enqueue, on both sides")
    parser.add_argument("--slots", type=int, default=10, help="of each of two processes")
    parser.add_argument("--pickups", type=int, default=100, help="on an idle queue, one by one")
    parser.add_argument("--data", type=Path, help="a folder for objects, which are no part of it")
    parser.add_argument("--alone", action="store_true", help="without procrastinate")
    options = parser.parse_args()
    found: dict[str, list[Taken]] = {"Ilios": [], "procrastinate": []}
    with postgres.server() as server:
        for number in range(options.rounds):
            with running(server, options.slots, options.data) as ours:
                found["Ilios"].append(rate(server, ours, options.jobs, options.threads))
                if number == options.rounds - 1:
                    print_pickups(pickups(ours, options.pickups))
            if not options.alone:
                found["procrastinate"].append(peer(server, options))
    print_rates(found)


def print_rates(found: dict[str, list[Taken]]) -> None:
    medians = {}
    for name, runs in found.items():
        for run in runs:
            print(f"{name:14} {run}")
        if runs:
            medians[name] = statistics.median(run.jobs / run.total_s for run in runs)
    if len(medians) == 2:
        mine, theirs = medians.values()
        print(f"{'ratio':14} {mine / theirs:7.2f} of the medians, {mine:.0f}/s and {theirs:.0f}/s")


def print_pickups(waits: Sequence[float]) -> None:
    if waits:
        p95 = sorted(waits)[int(0.95 * len(waits))]
        print(
            f"pickup of {len(waits)} documents on an idle queue: median "
            f"{statistics.median(waits):.1f} ms, p95 {p95:.1f} ms, worst {max(waits):.1f} ms"
        )


@contextmanager
def running(server: PostgresServer, slots: int, data: Path | None = None) -> Iterator[Ours]:
    """Run workers on an empty database during the block; `data`: where to make a data folder."""
    more = {
        "OCR_ENGINE": "embedded",
        "WORKER_COUNT": str(WORKERS),
        "WORKER_CONCURRENCY": str(slots),
        "LOG_LEVEL": "WARNING",
    }
    with postgres.migrated(server, data, **more) as migrated, migrated.opened() as database:
        logs.configure(migrated.settings, "bench")
        with (migrated.settings.data_folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.noop_workers"],
                env=migrated.environment,
                stdout=log,
                stderr=log,
            )
        try:
            ours = Ours(migrated, database, psutil.Process(process.pid))
            run_all(ours, ours.received(WARM), 1)
            yield ours
        finally:
            process.terminate()
            process.wait(60)


def rate(server: PostgresServer, ours: Ours, jobs: int, threads: int) -> Taken:
    files = ours.received(jobs)
    processes = [psutil.Process(), ours.workers, psutil.Process(server.pid)]
    before = cpu_seconds(processes)
    started = time.perf_counter()
    enqueued = run_all(ours, files, threads)
    total = time.perf_counter() - started
    return Taken(jobs, enqueued - started, total, cpu_seconds(processes) - before)


def run_all(ours: Ours, files: Sequence[Received], threads: int) -> float:
    """Submit files and wait until they are done; return when the last was enqueued."""
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(ours.submit, files):
            pass
    enqueued = time.perf_counter()
    ours.wait_until_done()
    return enqueued


def pickups(ours: Ours, count: int) -> list[float]:
    """Return milliseconds from the creation of each document to its claim."""
    waits = []
    for file in ours.received(count):
        time.sleep(random.uniform(0.05, 0.3))  # noqa: S311  # out of step with any timer
        document_id = ours.submit(file)
        ours.wait_until_done()
        of_it = select(Document.created_at, Document.started_at)
        with ours.database.reading() as session:
            created, started = session.execute(of_it.where(Document.id == document_id)).one()
        assert started is not None
        waits.append(1000 * (started - created).total_seconds())
    return waits


def peer(server: PostgresServer, options: argparse.Namespace) -> Taken:
    with server.database() as name:
        seconds = beside_peers.queue_on(
            server.url(name), server.pid, options.jobs, options.threads, options.slots
        )
    return Taken(options.jobs, seconds["enqueue_s"], seconds["total_s"], seconds["cpu_s"])


def cpu_seconds(roots: Sequence[psutil.Process]) -> float:
    """Return the processor time of processes, and of all that they have started."""
    tree = {p.pid: p for root in roots for p in [root, *root.children(recursive=True)]}
    return sum(sum(process.cpu_times()[:4]) for process in tree.values())


if __name__ == "__main__":
    main()
