"""A huge upload: throughput, and what it adds to the tree's memory: `python -m bench.upload`."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection

from bench.service import HEADERS, MIB, Service, multipart, running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    options = parser.parse_args()
    for path in ("/api/documents/submit", "/v1/convert"):
        with running() as service:
            service.get("/health")
            measure(service, path, options.mib)


def measure(service: Service, path: str, size_mib: int) -> None:
    idle = service.pss_mib()
    peak = [idle]
    uploaded = threading.Event()

    def watch() -> None:
        while not uploaded.wait(0.05):
            peak[0] = max(peak[0], service.pss_mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    connection = send(service, path, size_mib)
    seconds = time.perf_counter() - started
    uploaded.set()
    watcher.join()
    answer = connection.getresponse()
    print(
        f"{path}: {size_mib / seconds:.0f} MiB/s; memory {idle:.0f} MiB idle, "
        f"{peak[0] - idle:+.0f} MiB at the upload's peak; then {answer.status} "
        f"after {time.perf_counter() - started:.1f} s: {answer.read()[:150]!r}"
    )


def send(service: Service, path: str, size_mib: int) -> HTTPConnection:
    """Send a PDF that is generated while it is sent."""
    head, tail = multipart("huge.pdf", b"%PDF-1.4\n").split(b"%PDF-1.4\n")
    block = bytes(MIB)

    def body() -> Iterator[bytes]:
        yield head + b"%PDF-1.4\n" + block[9:]
        for _ in range(size_mib - 1):
            yield block
        yield tail

    connection = service.connect()
    length = len(head) + size_mib * MIB + len(tail)
    connection.request("POST", path, body(), {**HEADERS, "Content-Length": str(length)})
    return connection


if __name__ == "__main__":
    main()
