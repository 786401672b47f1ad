"""What traces cost, in processor time: `python -m bench.tracing`.

First what one span takes by itself, and what it would take made by OpenTelemetry's SDK. Then
documents of one page are queued and converted by the Mistral engine, whose stand-in answers at
once: of all ways through the service the one that takes the least, beside which spans weigh the
most. Pairs of services do so, one without traces and one that sends them to a collector in another
process, in turn; a ratio is that of a pair.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from bench import provider
from ilios.core.telemetry import otlp, spans, tracing
from ilios.core.telemetry.spans import EndedSpan, Kind
from ilios.core.telemetry.tracing import Origin

LATENCY_MS = 0
CONCURRENCY = 16
SETTLE_SECONDS = 6.0  #: in which the last spans are sent: every five seconds
SPANS = 2_000  #: of one round
ROUNDS = 20
MICROSECONDS = 1_000_000
ATTRIBUTES: spans.Attributes = {"ilios.job.id": "j" * 24, "ilios.document.id": "d" * 24}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--pairs", type=int, default=9)
    options = parser.parse_args()
    spans_alone()
    if options.pairs:
        services(options.documents, options.pairs)


def spans_alone() -> None:
    off, recorded, encoded = span_us()
    theirs, encoded_by_them = span_us_of_the_sdk()
    print(
        f"a span: {off:.2f} µs off, {recorded:.1f} to record, {encoded:.1f} to encode; "
        f"by the SDK {theirs:.1f} and {encoded_by_them:.1f}"
    )


def services(documents: int, pairs: int) -> None:
    provider.prepare(documents)
    ratios = []
    with collector() as url:
        sent = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        for pair in range(pairs):
            runs: list[tuple[bool, dict[str, str]]] = [(False, {}), (True, sent)]
            cpu_ms = {
                is_on: provider.measure(
                    "queue",
                    documents,
                    LATENCY_MS,
                    CONCURRENCY,
                    variables=variables,
                    settle_seconds=SETTLE_SECONDS,
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


def span_us() -> tuple[float, float, float]:
    """Return the microseconds of a span: off, recorded, and encoded."""
    recorded: list[EndedSpan] = []

    def make() -> None:
        recorded.clear()
        for _ in range(SPANS):
            with spans.span("convert", Kind.CONSUMER, dict(ATTRIBUTES)):
                pass

    head = otlp.head({"service.name": "ilios"})
    with tracing.working_for(Origin("request", tracing.continue_trace(None))):
        off = us_each(make)
        spans.record_with(recorded.append)
        on = us_each(make)
        spans.record_with(None)
    return off, on, us_each(lambda: otlp.request(head, recorded))


def span_us_of_the_sdk() -> tuple[float, float]:
    """Return the microseconds of the same span, made and encoded by OpenTelemetry's SDK."""
    made: list[ReadableSpan] = []

    class Kept(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            made.append(span)

    provider_of_theirs = TracerProvider()
    provider_of_theirs.add_span_processor(Kept())
    tracer = provider_of_theirs.get_tracer("ilios")

    def make() -> None:
        made.clear()
        for _ in range(SPANS):
            with tracer.start_as_current_span("convert", attributes=ATTRIBUTES):
                pass

    return us_each(make), us_each(lambda: encode_spans(made).SerializePartialToString())


def us_each(work: Callable[[], object]) -> float:
    """Return the microseconds of processor time of a span, in the quickest of ROUNDS."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds) / SPANS * MICROSECONDS


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
