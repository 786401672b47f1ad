"""What traces cost, in processor time: `python -m bench.tracing`.

First what one span takes by itself. Then documents of one page are queued and converted by the
Mistral engine, whose stand-in answers at once: of all ways through the service the one that takes the
least, beside which spans weigh the most. Pairs of services do so, one without traces and one that
sends them to a collector in another process, in turn; a ratio is that of a pair.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

from bench import provider
from ilios.core.telemetry import spans, tracing
from ilios.core.telemetry.spans import EndedSpan, Kind
from ilios.core.telemetry.tracing import Origin

LATENCY_MS = 0
CONCURRENCY = 16
DELAY_MS = 200  #: between exports, so that few spans are left when the last document is done
TIMES = 20_000
ROUNDS = 5
MICROSECONDS = 1_000_000
ATTRIBUTES = {"ilios.job.id": "j" * 24, "ilios.document.id": "d" * 24, "ilios.pages": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--pairs", type=int, default=9)
    options = parser.parse_args()
    print(f"a span: {span_us(None):.2f} µs off, {span_us([]):.2f} µs recorded")
    provider.prepare(options.documents)
    ratios = []
    with collector() as url:
        sent = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_BSP_SCHEDULE_DELAY": str(DELAY_MS),
        }
        for pair in range(options.pairs):
            runs = [(False, {}), (True, sent)]
            cpu_ms = {
                is_on: provider.measure(
                    "queue", options.documents, LATENCY_MS, CONCURRENCY, variables=variables
                ).cpu_ms
                for is_on, variables in (runs if pair % 2 else reversed(runs))
            }
            ratios.append(cpu_ms[True] / cpu_ms[False])
            print(
                f"{cpu_ms[False]:.2f} ms for a document without, {cpu_ms[True]:.2f} with traces: "
                f"{ratios[-1]:.3f}",
                flush=True,
            )
    print(f"median {statistics.median(ratios):.3f}")


def span_us(recorded: list[EndedSpan] | None) -> float:
    """Return the microseconds of a span, the quickest of ROUNDS; recorded in a list, or not."""
    spans.record_with(None if recorded is None else recorded.append)
    seconds = []
    with tracing.working_for(Origin("request", tracing.continue_trace(None))):
        for _ in range(ROUNDS):
            began = time.process_time()
            for _ in range(TIMES):
                with spans.span("convert", Kind.CONSUMER, dict(ATTRIBUTES)):
                    pass
            seconds.append(time.process_time() - began)
            if recorded:
                recorded.clear()
    spans.record_with(None)
    return min(seconds) / TIMES * MICROSECONDS


@contextmanager
def collector() -> Iterator[str]:
    """Run a collector that takes everything and keeps nothing; provide its URL."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=collect, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # as http.server calls it
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def collect(pipe: Connection) -> None:
    """Be the collector."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    pipe.send(server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    main()
