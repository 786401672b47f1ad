"""What a dialect costs beside `/v1/convert`: `python -m bench.dialects`.

The processor time of the whole service for a document, in pairs that alternate, with the stand-in
for Mistral or the embedded engine; and by how much the web processes grow over a large PDF that
comes as base64 inside JSON.
"""

from __future__ import annotations

import argparse
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import pdfs
from bench.dialect_calls import BASE64_CALLS, CALLS, Act, Call, Caller
from bench.provider import settings_of
from bench.service import MIB, Service, running
from tests.mistral_server.process import MistralServer

KIB = 1024
WARM = 4  #: documents of each call before the measured ones
RATIO_MAX = 1.10
GROWTH_MAX_MIB = 64
SAMPLE_SECONDS = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["mistral", "embedded"], default="mistral")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--documents", type=int, default=40, help="of each side of a pair")
    parser.add_argument("--kib", type=int, default=100, help="size of each document")
    parser.add_argument("--base64-mib", type=int, default=20)
    parser.add_argument("--only", choices=sorted(CALLS), action="append")
    options = parser.parse_args()
    with _service(options.engine) as service, TemporaryDirectory() as folder:
        documents = _Documents(Path(folder), options.kib * KIB)
        for name in options.only or CALLS:
            ratios, ours, theirs = _pairs(service, CALLS[name], documents, options)
            ratio = statistics.median(ratios)
            verdict = "" if ratio <= RATIO_MAX else f"   over {RATIO_MAX}"
            print(
                f"{name:20} {1000 * ours:6.1f} ms beside {1000 * theirs:6.1f} ms: "
                f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}){verdict}"
            )
        for name, act in BASE64_CALLS.items():
            large = pdfs.write(
                Path(folder) / "large.pdf", 1, mark=name, padding=options.base64_mib * MIB
            )
            grown = _growth_mib(service, act, documents, large.read_bytes())
            verdict = "" if grown <= GROWTH_MAX_MIB else f"   over {GROWTH_MAX_MIB} MiB"
            print(f"{name:20} {options.base64_mib} MiB as base64: {grown:+.1f} MiB{verdict}")


@contextmanager
def _service(engine: str) -> Iterator[Service]:
    if engine == "embedded":
        with running(OCR_ENGINE="embedded") as service:
            yield service
    else:
        with MistralServer() as provider, running(**settings_of(provider)) as service:
            yield service


class _Documents:
    """One-page PDFs of a size, no two alike: equal documents would share a conversion."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        self._path = folder / "document.pdf"
        self._size = size_bytes
        self._number = 0

    def next(self) -> bytes:
        self._number += 1
        path = pdfs.write(self._path, 1, mark=f"number {self._number}", padding=self._size)
        return path.read_bytes()


def _pairs(
    service: Service, call: Call, documents: _Documents, options: argparse.Namespace
) -> tuple[list[float], float, float]:
    """Return the ratios of all pairs, and the median seconds for a document of either side."""
    caller = Caller(service)
    for act in (call.act, call.beside):
        _seconds(service, caller, act, documents, WARM)
    sides: list[tuple[float, float]] = []
    for number in range(options.pairs):
        order = (call.act, call.beside) if number % 2 else (call.beside, call.act)
        took = {act: _seconds(service, caller, act, documents, options.documents) for act in order}
        sides.append((took[call.act], took[call.beside]))
    return (
        [ours / theirs for ours, theirs in sides],
        statistics.median(ours for ours, _ in sides),
        statistics.median(theirs for _, theirs in sides),
    )


def _seconds(
    service: Service,
    caller: Caller,
    act: Act,
    documents: _Documents,
    count: int,
) -> float:
    """Return the service's processor time for each of so many documents."""
    contents = [documents.next() for _ in range(count)]
    before = service.cpu_seconds()
    for content in contents:
        act(caller, content)
    return (service.cpu_seconds() - before) / count


def _growth_mib(service: Service, act: Act, documents: _Documents, content: bytes) -> float:
    """Return by how much the PSS of the web processes grows at most over one document."""
    for _ in range(WARM):  # what is loaded once is not growth
        act(Caller(service), documents.next())
    first = service.web_pss_bytes()
    peak, done = [first], threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], service.web_pss_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        act(Caller(service), content)
    finally:
        done.set()
        watcher.join()
    return (peak[0] - first) / MIB


if __name__ == "__main__":
    main()
