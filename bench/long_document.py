"""One long or heavy PDF through the Mistral engine: `python -m bench.long_document`.

Wall time against what the calls alone would take, and what the workers grow by meanwhile.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import threading
import time
from pathlib import Path

import psutil

from bench import pdfs
from bench.provider import WORKERS, database
from bench.service import HEADERS, MIB, Service, multipart, running
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer

SAMPLE_SECONDS = 0.05
CONCURRENCY = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=2400)
    parser.add_argument("--images", action="store_true", help="an image of 1 MB on each page")
    parser.add_argument("--latency-ms", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pdfs.write(Path(folder) / "long.pdf", options.pages, with_images=options.images)
        content = path.read_bytes()
    with MistralServer(latency_ms=options.latency_ms) as provider:
        settings = {
            "OCR_ENGINE": "mistral",
            "MISTRAL_API_KEY": API_KEY,
            "MISTRAL_SERVER_URL": provider.url,
        }
        with running(**settings) as service:
            convert(service, multipart("warm-up.pdf", _one_page()))
            memory = Memory(service)
            status = convert(service, multipart("long.pdf", content))
            grown = memory.stop()
            report(service, status, options)
        billed, files = provider.stats().billed_pages, provider.stats().files
    print(
        f"    billed {billed - 1} pages; files left at the provider: {files}; "
        f"growth of a worker {grown['worker']:.0f} MiB, of its parser {grown['parser']:.0f} MiB"
    )


def report(service: Service, status: dict[str, object], options: argparse.Namespace) -> None:
    with database(service) as rows:
        [(created, started, ended)] = rows(
            "SELECT unixepoch(created_at, 'subsec'), unixepoch(started_at, 'subsec'), "
            "unixepoch(processed_at, 'subsec') FROM documents WHERE id = ?",
            status["id"],
        )
        [(count, split_at)] = rows(
            "SELECT count(*), min(unixepoch(created_at, 'subsec')) FROM job_queue "
            "WHERE document_id = ? AND type = 'range'",
            status["id"],
        )
    calls = math.ceil(int(count) / (WORKERS * CONCURRENCY)) * options.latency_ms / 1000
    splitting = float(split_at) - float(started)
    wall = float(ended) - float(created)
    print(
        f"{options.pages} pages in {count} ranges: {wall:.2f} s, of which {splitting:.2f} s of "
        f"splitting; the rest is {(wall - splitting) / calls:.2f} of the calls' own {calls:.0f} s"
    )
    if status["status"] != "completed" or status["pagesDone"] != options.pages:
        raise RuntimeError(f"not completed: {status}")


def convert(service: Service, body: bytes) -> dict[str, object]:
    connection = service.connect()
    connection.request("POST", "/api/documents/submit", body, HEADERS)
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    assert answer.status == 202, document
    while True:
        status: dict[str, object] = service.get(f"/api/documents/status/{document['id']}?wait=60")
        if status["status"] not in ("pending", "processing"):
            return status


class Memory:
    """Watches by how much workers and their parsers grow, each by itself."""

    def __init__(self, service: Service) -> None:
        workers = service.supervisor().children()
        self._watched = [("worker", worker) for worker in workers]
        self._first = {worker.pid: worker.memory_info().rss for worker in workers}
        self._most: dict[str, float] = {"worker": 0.0, "parser": 0.0}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> dict[str, float]:
        self._stopped.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            for _, worker in self._watched:
                self._note("worker", worker)
                for child in worker.children():
                    self._note("parser", child)

    def _note(self, kind: str, process: psutil.Process) -> None:
        try:
            rss = process.memory_info().rss
        except psutil.NoSuchProcess:
            return
        first = self._first.setdefault(process.pid, rss)
        self._most[kind] = max(self._most[kind], (rss - first) / MIB)


def _one_page() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return pdfs.write(Path(folder) / "one.pdf", 1, mark=str(time.time())).read_bytes()


if __name__ == "__main__":
    main()
