"""How fast probes are answered during outages: `python -m bench.health [SITUATION …]`.

Sixty clients keep the service busy, from a process of their own, while probes are sent one after
the other, each on a new connection, as an orchestrator does.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import multiprocessing
import os
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.service import HEADERS, REPOSITORY, Service, multipart, running
from ilios.db.driver import sqlite

CLIENTS = 60
PROBES = 1_000
PATHS = ("/health", "/livez")
PAUSE_SECONDS = 0.01
SETTLE_SECONDS = 5.0
SCAN = REPOSITORY / "samples" / "scanned-letter.pdf"
CONVERT, SUBMIT = "/v1/convert", "/api/documents/submit"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("situations", nargs="*", default=list(SITUATIONS))
    parser.add_argument("--probes", type=int, default=PROBES)
    options = parser.parse_args()
    for name in options.situations:
        with SITUATIONS[name]() as (service, path):
            measure(name, service, path, options.probes)


def measure(name: str, service: Service, path: str, probes: int) -> None:
    spawn = multiprocessing.get_context("spawn")
    clients = spawn.Process(target=keep_busy, args=(service.port, path), daemon=True)
    clients.start()
    time.sleep(SETTLE_SECONDS)
    for probe in PATHS:
        seconds = sorted(ask(service, probe) for _ in range(probes))
        p95, p99 = seconds[int(0.95 * probes)], seconds[int(0.99 * probes)]
        print(
            f"{name:10} {probe:8} {probes} probes: median {1000 * statistics.median(seconds):6.1f} "
            f"ms, p95 {1000 * p95:6.1f}, p99 {1000 * p99:6.1f}, worst {1000 * seconds[-1]:6.1f}",
            flush=True,
        )
    clients.kill()
    clients.join()


def ask(service: Service, path: str) -> float:
    """Return the seconds of one probe, from connect to last byte, whatever its status."""
    time.sleep(PAUSE_SECONDS)
    started = time.perf_counter()
    connection = service.connect()
    connection.request("GET", path)
    connection.getresponse().read()
    connection.close()
    return time.perf_counter() - started


def keep_busy(port: int, path: str) -> None:
    """Send documents without a pause, from all clients at once."""
    numbers = itertools.count(os.getpid() * 1_000_000)
    for _ in range(CLIENTS):
        threading.Thread(target=send, args=(port, path, numbers), daemon=True).start()
    threading.Event().wait()


def send(port: int, path: str, numbers: Iterator[int]) -> None:
    scan = SCAN.read_bytes()
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
            # Always other bytes: equal documents would share a conversion.
            body = multipart("scan.pdf", scan + b"\n%% %d" % next(numbers))
            connection.request("POST", path, body, HEADERS)
            if connection.getresponse().status >= 500:
                time.sleep(1)  # as Retry-After asks for
            connection.close()


@contextmanager
def load() -> Iterator[tuple[Service, str]]:
    """Run a service whose clients all wait for scans to be recognised."""
    with running() as service:
        yield service, CONVERT


@contextmanager
def locked() -> Iterator[tuple[Service, str]]:
    """Run a service while another program holds the database's write lock."""
    with running() as service, contextlib.closing(locked_database(service.data_dir)):
        yield service, SUBMIT


@contextmanager
def s3() -> Iterator[tuple[Service, str]]:
    """Run a service whose bucket accepts connections and never answers."""
    with ExitStack() as stack:
        url = stack.enter_context(silent_server())
        service = stack.enter_context(
            running(
                S3_BUCKET="documents",
                AWS_ACCESS_KEY_ID="id",
                AWS_SECRET_ACCESS_KEY="secret",  # noqa: S106  # not checked
                AWS_ENDPOINT_URL_S3=url,
            )
        )
        yield service, SUBMIT


@contextmanager
def provider() -> Iterator[tuple[Service, str]]:
    """Run a service whose provider accepts connections and never answers."""
    with ExitStack() as stack:
        url = stack.enter_context(silent_server())
        service = stack.enter_context(running(MISTRAL_API_KEY="key", MISTRAL_SERVER_URL=url))
        yield service, CONVERT


SITUATIONS = {"load": load, "locked": locked, "s3": s3, "provider": provider}


def locked_database(data_dir: Path) -> sqlite.Connection:
    connection = sqlite.connect(str(data_dir / "ilios.db"), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


@contextmanager
def silent_server() -> Iterator[str]:
    """Listen without accepting: connections wait in the backlog for ever."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


if __name__ == "__main__":
    main()
