"""OTLP by hand: what OpenTelemetry's own classes read of it, and what its encoder makes."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from ilios import __version__
from ilios.core.telemetry import otlp
from ilios.core.telemetry.spans import Attributes, EndedSpan, Kind

TRACE, SPAN, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "b7ad6b7169203331"
RESOURCE: Attributes = {"service.name": "ilios", "process.pid": 4711, "share": 0.25}
BEGAN_NS, ENDED_NS = 1_796_054_400_000_000_000, 1_796_054_400_012_345_678
VALUES: Attributes = {
    "text": "ü" * 200,
    "empty": "",
    "zero": 0,
    "one": 1,
    "two bytes": 128,
    "most": 2**63 - 1,
    "negative": -1,
    "least": -(2**63),
    "double": -1.5,
    "n" * 300: "v",
}


def span(**changes: Any) -> EndedSpan:
    made = EndedSpan(
        "convert",
        Kind.CONSUMER,
        f"00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{PARENT}-01",
        False,
        BEGAN_NS,
        ENDED_NS,
        {"ilios.pages": 3},
    )
    return made._replace(**changes)


def context(traceparent: str | None, *, is_remote: bool = False) -> SpanContext | None:
    if traceparent is None:
        return None
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote, TraceFlags(int(flags, 16)))


def as_the_sdk_has_it(ended: EndedSpan) -> ReadableSpan:
    code = StatusCode.ERROR if "error.type" in ended.attributes else StatusCode.UNSET
    return ReadableSpan(
        ended.name,
        context(ended.traceparent),
        context(ended.parent, is_remote=ended.is_parent_remote),
        Resource(RESOURCE),
        ended.attributes,
        kind=SpanKind[ended.kind.name],
        status=Status(code),
        start_time=ended.began_ns,
        end_time=ended.ended_ns,
        instrumentation_scope=InstrumentationScope("ilios", __version__),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"parent": None},
        {"is_parent_remote": True},
        {"name": "", "attributes": {}},
        {"name": "POST /api/documents/<id:document_id>/" + "x" * 100},
        {"attributes": {"error.type": "engine_failed"}},
        {"attributes": VALUES},
        *({"kind": kind} for kind in Kind),
    ],
)
def test_it_says_what_opentelemetrys_encoder_says(changes: dict[str, object]) -> None:
    ended = [span(**changes), span()]

    made = ExportTraceServiceRequest.FromString(otlp.request(otlp.head(RESOURCE), ended))

    theirs = encode_spans([as_the_sdk_has_it(one) for one in ended])
    for one in theirs.resource_spans[0].scope_spans[0].spans:
        one.flags |= 0x01  # the SDK leaves out that the trace is recorded
        if not one.status.code:
            one.ClearField("status")  # and has an empty one
    assert made == theirs


def test_what_is_no_unicode_is_replaced() -> None:
    made = otlp.request(otlp.head(RESOURCE), [span(attributes={"http.route": "/\udcff"})])

    (found,) = ExportTraceServiceRequest.FromString(made).resource_spans[0].scope_spans[0].spans
    assert found.attributes[0].value.string_value == "/?"


def test_many_spans_are_one_request() -> None:
    made = otlp.request(otlp.head(RESOURCE), [span(name=str(number)) for number in range(512)])

    found = ExportTraceServiceRequest.FromString(made).resource_spans[0].scope_spans[0].spans
    assert [one.name for one in found] == [str(number) for number in range(512)]
