"""A collector of OpenTelemetry on this machine: takes OTLP over HTTP, and has the spans."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

HELD_MAX_S = 30
PATH = "/v1/traces"


@dataclass(frozen=True, slots=True)
class TakenSpan:
    """A span as it came."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str  #: empty at a root
    began_ns: int
    ended_ns: int
    has_failed: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]

    @property
    def process(self) -> str:
        return str(self.resource["ilios.process"])

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"


@dataclass
class Collector:
    """What came, and what is answered."""

    url: str = ""
    status: int = 200
    held: threading.Event | None = None  #: answers wait for it
    spans: list[TakenSpan] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)  #: unpacked
    headers: list[dict[str, str]] = field(default_factory=list)
    began: threading.Event = field(default_factory=threading.Event)  #: a request has come

    def of(self, trace_id: str) -> list[TakenSpan]:
        """Return the spans of a trace, in the order in which they began."""
        found = [one for one in self.spans if one.trace_id == trace_id]
        return sorted(found, key=lambda one: one.began_ns)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Return the status of the answer."""
        self.began.set()
        if self.held is not None:
            self.held.wait(HELD_MAX_S)
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if path != PATH or headers["content-type"] != "application/x-protobuf":
            return 404
        if self.status == 200:
            self.headers.append(headers)
            self.bodies.append(body)
            self.spans += _spans(body)
        return self.status


@contextmanager
def collecting() -> Iterator[Collector]:
    """Provide a collector that takes everything."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # as http.server calls it
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(collector.take(self.path, headers, body))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        if collector.held is not None:
            collector.held.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _spans(body: bytes) -> Iterator[TakenSpan]:
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _values(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield TakenSpan(
                    span.name,
                    WireSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    span.status.code == Status.STATUS_CODE_ERROR,
                    _values(span.attributes),
                    resource,
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
