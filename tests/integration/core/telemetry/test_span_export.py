"""Sending spans: to a real receiver of OTLP, to one that is gone, to one that does not answer."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from io import StringIO
from typing import Any

import pytest
from prometheus_client import Counter
from pydantic import SecretStr

from ilios import __version__
from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.core.telemetry import logs, metrics, span_export, spans, trace_sending, tracing
from ilios.core.telemetry.logs import LogConfig
from ilios.core.telemetry.spans import Kind
from ilios.core.telemetry.tracing import Origin
from tests.support.collecting import Collector, collecting
from tests.support.waiting import wait_until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CAME = f"00-{TRACE}-{SPAN}-01"
TIMEOUT_S = 30
QUEUE = 64
SOON_MS = 100

Export = Callable[..., None]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def export(settings: Settings) -> Iterator[Export]:
    """Send the spans of this process as these settings say."""

    def begin(url: str, **changes: Any) -> None:
        given = {"otel_exporter_otlp_endpoint": url, "otel_bsp_schedule_delay": SOON_MS}
        trace_sending.start(settings.model_copy(update={**given, **changes}), "web")

    yield begin
    trace_sending.stop()
    tracing.sample_with(None)


@pytest.fixture
def log() -> Iterator[StringIO]:
    stream = StringIO()
    logs.apply(LogConfig("test"), stream)
    yield stream
    logs.apply(LogConfig("test"))


@pytest.fixture
def closed_port() -> str:
    """Provide an address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def work(name: str = "work") -> None:
    """Do something that is a span."""
    with tracing.working_for(Origin("request", CAME)), spans.span(name):
        pass


def work_in_vain(times: int) -> None:
    """Do things whose spans are not taken, one after the other."""
    before = counted("failed")
    for number in range(times):
        work()
        wait_until(partial(has_counted, "failed", before + number + 1), TIMEOUT_S)


def has_counted(outcome: str, least: float) -> bool:
    return counted(outcome) >= least


def counted(outcome: str) -> float:
    counter: Counter = metrics.SPANS.labels(outcome)
    return float(counter._value.get())


def events(log: StringIO) -> list[str]:
    return [json.loads(line)["event"] for line in log.getvalue().splitlines()]


def test_spans_come_as_they_were_with_what_the_process_is(
    export: Export, collector: Collector, settings: Settings
) -> None:
    export(
        collector.url,
        otel_exporter_otlp_headers=SecretStr("x-api-key=s3cret%20key,other=1"),
        otel_resource_attributes="deployment.environment.name=staging,service.name=unheard",
        otel_service_name="papers",
    )

    said_within: spans.Attributes = {"ilios.pages": 3, "ilios.share": 0.5, "a": "b"}
    with (
        tracing.working_for(Origin("request", CAME)),
        spans.span("outer", Kind.SERVER),
        spans.span("inner", attributes=said_within),
    ):
        spans.fail("engine_failed")
    wait_until(lambda: len(collector.spans) == 2, TIMEOUT_S)

    outer, inner = collector.of(TRACE)
    assert (outer.name, outer.kind, outer.parent_id) == ("outer", "SERVER", SPAN)
    assert (inner.name, inner.kind, inner.parent_id) == ("inner", "INTERNAL", outer.span_id)
    assert inner.attributes == {
        "ilios.pages": 3, "ilios.share": 0.5, "a": "b", "error.type": "engine_failed",
    }  # fmt: skip
    assert (outer.has_failed, inner.has_failed) == (False, True)
    assert outer.began_ns <= inner.began_ns <= inner.ended_ns <= outer.ended_ns
    node = data_folder.node_id(settings)
    said = {
        "service.name": "papers",
        "service.version": __version__,
        "deployment.environment.name": "staging",
        "ilios.node": node,
        "ilios.process": "web",
    }
    assert said.items() <= outer.resource.items()
    assert outer.resource["service.instance.id"].startswith(f"{node}/web/")
    assert collector.headers[0]["x-api-key"] == "s3cret key"
    assert collector.headers[0]["other"] == "1"


def test_a_stop_sends_what_is_left(export: Export, collector: Collector) -> None:
    export(collector.url, otel_bsp_schedule_delay=60_000)
    for number in range(20):
        work(f"work {number}")

    trace_sending.stop()

    assert {one.name for one in collector.spans} == {f"work {number}" for number in range(20)}
    assert not spans.are_on()


def test_a_full_batch_does_not_wait_for_its_time(export: Export, collector: Collector) -> None:
    export(collector.url, otel_bsp_schedule_delay=60_000, otel_bsp_max_export_batch_size=8)

    for _ in range(8):
        work()

    wait_until(lambda: len(collector.spans) == 8, TIMEOUT_S)


def test_a_collector_that_does_not_answer_makes_nobody_wait_and_the_queue_is_bounded(
    export: Export, collector: Collector
) -> None:
    dropped = counted("dropped")
    collector.held = threading.Event()
    export(collector.url, otel_bsp_max_queue_size=QUEUE, otel_bsp_max_export_batch_size=1)
    work("first")
    collector.began.wait(TIMEOUT_S)  # from now on the thread waits for the answer

    for _ in range(QUEUE + 36):
        work()

    assert counted("dropped") - dropped == 36
    trace_sending.stop()  # comes back, though no answer does
    assert collector.spans == []


def test_an_outage_of_the_collector_is_told_once_and_so_is_its_end(
    export: Export, collector: Collector, log: StringIO
) -> None:
    collector.status = 400  # which is not repeated
    export(collector.url)
    work_in_vain(3)

    collector.status = 200
    work("after")

    wait_until(lambda: "traces.sent_again" in log.getvalue(), TIMEOUT_S)
    assert events(log) == ["traces.started", "traces.not_sent", "traces.sent_again"]


def test_nobody_who_listens_costs_spans_and_nothing_else(
    export: Export, closed_port: str, log: StringIO
) -> None:
    export(closed_port, otel_exporter_otlp_timeout=50)

    work_in_vain(2)
    trace_sending.stop()

    assert events(log) == ["traces.started", "traces.not_sent"]


def test_a_span_that_cannot_be_written_does_not_end_the_others(
    export: Export, collector: Collector, log: StringIO
) -> None:
    export(collector.url)
    spans.record(spans.EndedSpan("broken", Kind.SERVER, "no-hex-at-all", None, False, 1, 2, {}))
    wait_until(lambda: "traces.broke" in log.getvalue(), TIMEOUT_S)

    work()

    wait_until(lambda: [one.name for one in collector.spans] == ["work"], TIMEOUT_S)


@pytest.mark.parametrize(
    ("sampler", "share", "recorded"),
    [
        ("always_off", None, {"came": False, "came with a no": False, "new": False}),
        ("always_on", None, {"came": True, "came with a no": True, "new": True}),
        ("parentbased_always_on", None, {"came": True, "came with a no": False, "new": True}),
        ("parentbased_always_off", None, {"came": True, "came with a no": False, "new": False}),
        ("traceidratio", 0.0, {"came": False, "came with a no": False, "new": False}),
        ("traceidratio", None, {"came": True, "came with a no": True, "new": True}),
        ("parentbased_traceidratio", 0.0, {"came": True, "came with a no": False, "new": False}),
    ],
)
def test_samplers_do_as_opentelemetry_says(
    export: Export,
    collector: Collector,
    sampler: str,
    share: float | None,
    recorded: dict[str, bool],
) -> None:
    export(collector.url, otel_traces_sampler=sampler, otel_traces_sampler_arg=share)

    begun = {
        "came": tracing.continue_trace(CAME),
        "came with a no": tracing.continue_trace(f"00-{TRACE}-{SPAN}-00"),
        "new": tracing.continue_trace(None),
    }

    assert {how: tracing.is_sampled(one) for how, one in begun.items()} == recorded


def test_the_share_of_a_sampler_is_about_what_it_records(
    export: Export, collector: Collector
) -> None:
    export(collector.url, otel_traces_sampler="traceidratio", otel_traces_sampler_arg=0.25)

    sampled = sum(tracing.is_sampled(tracing.continue_trace(None)) for _ in range(4000))

    assert 800 < sampled < 1200


def test_without_an_endpoint_nothing_is_started(settings: Settings) -> None:
    for changes in (
        {},
        {"otel_traces_exporter": "none", "otel_exporter_otlp_endpoint": "http://collector"},
        {"otel_sdk_disabled": True, "otel_exporter_otlp_endpoint": "http://collector"},
    ):
        trace_sending.start(settings.model_copy(update=changes), "web")
        assert not spans.are_on()
    assert span_export._export is None
