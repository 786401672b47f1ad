"""Sending spans by OTLP over HTTP, with OpenTelemetry's SDK: the one module that imports it.

A process has a bounded queue and one thread, from `start` on: after all forks, for a thread is not
copied by one. Recording puts a span into the queue, or drops it when that is full; nothing waits
for a collector but the thread (ADR 0050).
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import sampling
from opentelemetry.semconv.attributes import service_attributes
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from ilios import __version__
from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.core.settings.tracing import pairs
from ilios.core.telemetry import logs, metrics, otlp, spans, tracing
from ilios.core.telemetry.spans import EndedSpan

log = logs.get(__name__)

FLUSH_SECONDS_MAX: Final = 2.0  #: for what is left when a process stops
MILLISECONDS_PER_SECOND: Final = 1000
SENT, FAILED, DROPPED = metrics.SPAN_OUTCOMES

Send = Callable[[bytes], bool]
"""Sends a request, with pauses and repetitions; returns whether it was taken."""


class SpanExport:
    """A queue of spans, and the thread that sends them."""

    def __init__(
        self,
        send: Send,
        close: Callable[[], None],
        head: bytes,
        *,
        queue_size: int,
        batch_size: int,
        delay_seconds: float,
    ) -> None:
        """Send requests that begin with `head`. `close` ends the pauses of `send`, too."""
        self._send = send
        self._close = close
        self._head = head
        self._queue: deque[EndedSpan] = deque()
        self._queue_size = queue_size
        self._batch_size = min(batch_size, queue_size)
        self._delay_seconds = delay_seconds
        self._wake = threading.Event()
        self._is_stopping = False
        self._is_refused = False  #: the last export has failed
        self._until = float("inf")  #: by time.monotonic, no more is sent
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def record(self, ended: EndedSpan) -> None:
        """Take a span; drop it when too many wait."""
        waiting = len(self._queue)  # threads may pass the bound together, by one each
        if waiting >= self._queue_size:
            metrics.SPANS.labels(DROPPED).inc()
            return
        self._queue.append(ended)
        if waiting + 1 >= self._batch_size and not self._wake.is_set():
            self._wake.set()

    def stop(self, seconds: float) -> None:
        """Send what is left, for so long at most; not to a collector that is gone."""
        self._until = time.monotonic() + seconds
        self._is_stopping = True
        if self._is_refused:
            self._close()
        self._wake.set()
        self._thread.join(seconds)
        self._close()

    def _run(self) -> None:
        while not self._is_stopping:
            self._wake.wait(self._delay_seconds)
            self._wake.clear()
            self._empty()
        self._empty()

    def _empty(self) -> None:
        """Send what waits, in batches."""
        while self._queue and time.monotonic() < self._until:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_size))]
            is_sent = False
            try:
                is_sent = self._send(otlp.request(self._head, batch))
            except Exception:  # this thread goes on
                log.exception("traces.broke")
            self._note(len(batch), is_sent=is_sent)

    def _note(self, count: int, *, is_sent: bool) -> None:
        """Count a batch, and log when it is the first that fails, or the first that does not."""
        metrics.SPANS.labels(SENT if is_sent else FAILED).inc(count)
        if is_sent and self._is_refused:
            log.info("traces.sent_again")
        elif not is_sent and not self._is_refused:
            log.warning("traces.not_sent", spans=count)
        self._is_refused = not is_sent


_export: SpanExport | None = None


def preload() -> None:
    """Have the SDK import what it does for its first exporter."""
    # Its lines may quote headers, and come with each export that fails: `traces.not_sent` is ours.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
    OTLPSpanExporter()


def start(settings: Settings, process: str) -> None:
    """Send the spans of this process from now on, for one that forks no more."""
    global _export
    url = settings.traces_endpoint
    if url is None:
        return
    preload()
    exporter = OTLPSpanExporter(
        endpoint=url,
        headers=settings.traces_headers,
        timeout=settings.traces_timeout_seconds,
    )
    _export = SpanExport(
        lambda request: exporter._client.export(request).success,  # `export` would encode anew
        exporter.shutdown,
        otlp.head(_resource(settings, process)),
        queue_size=settings.otel_bsp_max_queue_size,
        batch_size=settings.otel_bsp_max_export_batch_size,
        delay_seconds=settings.otel_bsp_schedule_delay / MILLISECONDS_PER_SECOND,
    )
    tracing.sample_with(_sampler(settings))
    _export.start()
    spans.record_with(_export.record)
    log.info("traces.started", host=urlsplit(url).hostname)


def stop() -> None:
    """Record no more spans, and send what is left within FLUSH_SECONDS_MAX."""
    global _export
    spans.record_with(None)
    if _export is not None:
        _export.stop(FLUSH_SECONDS_MAX)
    _export = None


def _resource(settings: Settings, process: str) -> dict[str, object]:
    """Return what the spans of a process have in common; the variables of OpenTelemetry win."""
    node = data_folder.node_id(settings)
    attributes = {
        service_attributes.SERVICE_NAME: "ilios",
        service_attributes.SERVICE_VERSION: __version__,
        service_attributes.SERVICE_INSTANCE_ID: f"{node}/{process}/{os.getpid()}",
        "ilios.node": node,
        "ilios.process": process,
        **pairs(settings.otel_resource_attributes),
    }
    if settings.otel_service_name:
        attributes[service_attributes.SERVICE_NAME] = settings.otel_service_name
    return dict(Resource.create(attributes).attributes)


def _sampler(settings: Settings) -> tracing.Sampler | None:
    """Return what decides on a trace; None where it is recorded unless it comes with a no."""
    name, share = settings.otel_traces_sampler, settings.otel_traces_sampler_arg
    if name == "parentbased_always_on":
        return None
    roots: dict[str, sampling.Sampler] = {
        "always_on": sampling.ALWAYS_ON,
        "always_off": sampling.ALWAYS_OFF,
        "traceidratio": sampling.TraceIdRatioBased(1.0 if share is None else share),
    }
    root = roots[name.removeprefix("parentbased_")]
    sampler = sampling.ParentBased(root) if name.startswith("parentbased_") else root

    def decide(trace_id: str, parent: str | None) -> bool:
        came = _context(parent, is_remote=True) if parent else None
        context = set_span_in_context(NonRecordingSpan(came)) if came else None
        decided = sampler.should_sample(context, int(trace_id, 16), "").decision
        return decided is sampling.Decision.RECORD_AND_SAMPLE

    return decide


def _context(traceparent: str, *, is_remote: bool) -> SpanContext:
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote, TraceFlags(int(flags, 16)))
