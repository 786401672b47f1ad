"""huey on SQLite, with fsync, which is its nearest to our promise."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huey import SqliteHuey

from bench.peers.work import FOLDER, work

CONSUMER = str(Path(sys.executable).with_name("huey_consumer"))
CONSUMERS = [[CONSUMER, "bench.peers.huey_queue.huey", "-w", "8", "-d", "0.01", "-m", "0.1"]] * 2

huey = SqliteHuey(filename=str(FOLDER / "huey.db"), fsync=True, results=False)


@huey.task()
def job(number: int) -> None:
    work(number)


enqueue = job


@contextmanager
def server() -> Iterator[list[int]]:
    """Run nothing: the queue is a file."""
    yield []
