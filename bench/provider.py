"""Documents per second through the Mistral engine: `python -m bench.provider`.

The provider is the stand-in of the tests, on this machine; it and the clients share the processors
with the service. Rates count from the first submit to the last completion.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench import object_store, pdfs
from bench.service import HEADERS, Service, multipart, running
from ilios.db.driver import sqlite
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer

CLIENTS = 8
WORKERS = 2
WARM = WORKERS * 2  #: documents before the measured ones
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Result:
    """What one run took; rates count documents a second."""

    rate: float
    ideal: float  #: what the calls in flight allow; infinite when they take no time
    cpu_ms: float  #: of the whole service, for one document
    waits: list[float]  #: seconds of each request, in order
    peak: int  #: calls in flight at most

    @property
    def p95_ms(self) -> float:
        return 1000 * self.waits[int(0.95 * len(self.waits))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=["queue", "convert"])
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--latency-ms", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=16, help="calls of each worker")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--document-kib", type=int, default=0, help="size of each, at least")
    parser.add_argument("--bucket", action="store_true", help="objects in a bucket, not a folder")
    options = parser.parse_args()
    prepare(options.documents, options.document_kib)
    result = measure(**{k: v for k, v in vars(options).items() if k != "document_kib"})
    print(
        f"{options.scenario}: {options.documents} documents, {options.latency_ms} ms a call, "
        f"{WORKERS * options.concurrency} calls at once, {options.clients} clients: "
        f"{result.rate:.0f}/s, {result.rate / result.ideal:.2f} of the ideal; requests: "
        f"median {1000 * statistics.median(result.waits):.0f} ms, p95 {result.p95_ms:.0f} ms\n"
        f"    {result.cpu_ms:.1f} ms of the service's processor time for each; "
        f"at most {result.peak} calls at once"
    )


def measure(
    scenario: str,
    documents: int,
    latency_ms: int,
    concurrency: int,
    clients: int = CLIENTS,
    *,
    bucket: bool = False,
    variables: Mapping[str, str] = MappingProxyType({}),
    settle_seconds: float = 0.0,
) -> Result:
    """Run a service over prepared documents, queued or converted at once.

    `settle_seconds` is for what it does after the last, before its processor time is read.
    """
    with MistralServer(latency_ms=latency_ms) as provider, ExitStack() as stack:
        settings = stack.enter_context(object_store.bucket()) if bucket else {}
        settings |= settings_of(provider) | {"WORKER_CONCURRENCY": str(concurrency), **variables}
        service = stack.enter_context(running(**settings))
        warm_up(service)
        work = [(service, number) for number in range(documents)]
        before, started = service.cpu_seconds(), time.time()
        waits = sorted(everywhere(work, clients, submit if scenario == "queue" else convert))
        ended = time.time()
        if scenario == "queue":
            ended = last_completion(service, documents + WARM)
        time.sleep(settle_seconds)
        cpu = service.cpu_seconds() - before
        peak = provider.stats().peak_in_flight
    ideal = 1000 * WORKERS * concurrency / latency_ms if latency_ms else float("inf")
    return Result(documents / (ended - started), ideal, 1000 * cpu / documents, waits, peak)


def settings_of(provider: MistralServer) -> dict[str, str]:
    """Return the settings by which a service converts with a provider."""
    return {
        "OCR_ENGINE": "mistral",
        "MISTRAL_API_KEY": API_KEY,
        "MISTRAL_SERVER_URL": provider.url,
    }


def warm_up(service: Service) -> None:
    """Convert a few documents, so that every process has loaded what it needs."""
    everywhere([(service, -1 - number) for number in range(WARM)], CLIENTS, convert)


def submit(service: Service, number: int) -> float:
    return _post(service, "/api/documents/submit", number, 202)


def convert(service: Service, number: int) -> float:
    return _post(service, "/v1/convert", number, 200)


def everywhere(
    work: list[tuple[Service, int]], clients: int, act: Callable[[Service, int], float]
) -> list[float]:
    """Do all work by `clients` at once; return the seconds of each item."""
    waiting, seconds, lock = iter(work), list[float](), threading.Lock()

    def client() -> None:
        while True:
            with lock:
                item = next(waiting, None)
            if item is None:
                return
            took = act(*item)
            with lock:
                seconds.append(took)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(seconds) != len(work):
        raise RuntimeError("not every request was answered as it should be")
    return seconds


def last_completion(service: Service, documents: int) -> float:
    """Wait until all documents are completed; return when the last was, as `time.time()`."""
    with database(service) as rows:
        while True:
            ended = rows(
                "SELECT status, count(*), max(unixepoch(processed_at, 'subsec')) "
                "FROM documents WHERE processed_at IS NOT NULL GROUP BY status"
            )
            if sum(count for _, count, _ in ended) >= documents:
                break
            time.sleep(POLL_SECONDS)
    if [status for status, _, _ in ended] != ["completed"]:
        raise RuntimeError(f"not every document was completed: {ended}")
    return float(ended[0][2])


@contextmanager
def database(service: Service) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Open the service's database for queries during the block."""
    connection = sqlite.connect(f"file:{service.data_dir}/ilios.db?mode=ro", uri=True)
    try:
        yield lambda statement, *values: connection.execute(statement, values).fetchall()
    finally:
        connection.close()


_connections = threading.local()


def _post(service: Service, path: str, number: int, expected: int) -> float:
    started = time.perf_counter()
    if not hasattr(_connections, "open"):
        _connections.open = service.connect()
    connection = _connections.open
    connection.request("POST", path, _bodies[number], HEADERS)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == expected, text
    return time.perf_counter() - started


_bodies: dict[int, bytes] = {}


def prepare(documents: int, kib: int = 0) -> None:
    """Make PDFs of one page, all different: equal ones would be converted once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.pdf"
        for number in range(-WARM, documents):
            pdfs.write(path, 1, mark=f"of document {number}", padding=1024 * kib)
            _bodies[number] = multipart(f"{number}.pdf", path.read_bytes())


if __name__ == "__main__":
    main()
