"""A long result with blocks as it is sent: `python -m bench.pages`.

The time to its first byte, and by how much a web process grows while it is read. The result is put
into the database; each page has a title, a paragraph, a table and an image.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time

import psutil

from bench.service import MIB, Service, running
from ilios.core.settings import Settings
from ilios.db.sqlite_database import SqliteDatabase
from tests.support import structured

SAMPLE_SECONDS = 0.01
READ_BYTES = 1024 * 1024
FORMS = (
    "format=markdown",
    "format=json",
    "format=json&include=blocks",
    "format=zip",
    "format=html",
    "format=chunks",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    with running(WEB_CONCURRENCY="1") as service:
        service.pause_workers()  # else they convert what is put into the database
        try:
            document_id = _stored(service, options.pages)
            for form in FORMS:
                path = f"/api/documents/{document_id}?{form}"
                print(f"{options.pages} pages, {form}: {_measured(service, path, options.times)}")
        finally:
            service.resume_workers()


def _measured(service: Service, path: str, times: int) -> str:
    with Growth(service) as growth:
        reads = [read(service, path) for _ in range(times)]
    firsts = sorted(first_ms for first_ms, _, _ in reads)
    return (
        f"first byte {statistics.median(firsts):.0f} ms "
        f"(95 % within {firsts[len(firsts) * 95 // 100 - 1]:.0f} ms), "
        f"{statistics.median(seconds for _, seconds, _ in reads):.1f} s for "
        f"{reads[0][2] / MIB:.1f} MiB; the web process grew by {growth.mib:.1f} MiB"
    )


def _stored(service: Service, pages: int) -> str:
    settings = Settings(data_dir=service.data_dir)
    database = SqliteDatabase(settings.database_path)
    try:
        return structured.add_result(database, map(structured.page, range(pages)))
    finally:
        database.close()


def read(service: Service, path: str) -> tuple[float, float, int]:
    """Return the milliseconds to the first byte, the seconds to the last, and how many it were."""
    connection = service.connect()
    begun = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    size = len(answer.read(1))
    first = time.perf_counter() - begun
    while piece := answer.read(READ_BYTES):
        size += len(piece)
    seconds = time.perf_counter() - begun
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} was answered with {answer.status}")
    return 1000 * first, seconds, size


class Growth:
    """Watches by how much the web processes grow together."""

    def __init__(self, service: Service) -> None:
        supervisor = service.supervisor()
        others = {supervisor.pid, *(child.pid for child in supervisor.children(recursive=True))}
        self._watched = [one for one in service.tree() if one.pid not in others]
        self._first = self._most = self._rss()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Growth:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    @property
    def mib(self) -> float:
        return (self._most - self._first) / MIB

    def _watch(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            self._most = max(self._most, self._rss())

    def _rss(self) -> int:
        return sum(_rss_of(process) for process in self._watched)


def _rss_of(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


if __name__ == "__main__":
    main()
