"""Spans: what is recorded of work, and that nothing is where nobody records."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from ilios.core.conversion_errors import CorruptDocument
from ilios.core.telemetry import spans, tracing
from ilios.core.telemetry.spans import EndedSpan, Kind
from ilios.core.telemetry.tracing import Origin
from tests.support.forking import REPOSITORY
from tests.support.recording import CAME, TRACE, recording

NOT_SAMPLED = CAME[:-1] + "0"
WITHOUT_TRACES = """
import sys
import ilios.api.app, ilios.workers.supervisor, ilios.workers.worker
from ilios.core.settings import Settings
from ilios.core.telemetry import trace_sending
settings = Settings(data_dir="/nowhere")
trace_sending.preload(settings)
trace_sending.start(settings, "web")
trace_sending.stop()
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


@pytest.fixture
def ended() -> Iterator[list[EndedSpan]]:
    with recording() as found:
        yield found


def test_without_a_recorder_all_spans_are_one_that_leaves_the_work_as_it_is() -> None:
    with tracing.working_for(Origin("request", CAME)):
        before = tracing.current()
        with spans.span("work") as first, spans.apart("more") as second:
            within = tracing.current()
            first.note("ilios.pages", 1)

    assert first is second is spans.UNRECORDED
    assert within is before
    assert not first.is_recorded


def test_without_traces_nothing_of_opentelemetry_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TRACES],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"


def test_spans_within_each_other_are_a_chain_that_jobs_and_calls_carry_on_with(
    ended: list[EndedSpan],
) -> None:
    with tracing.working_for(Origin("request", CAME)):
        with spans.span("outer", Kind.CONSUMER, is_parent_remote=True) as outer:
            of_jobs = tracing.current()
            with spans.apart("inner", Kind.CLIENT, {"server.port": 80}) as inner:
                of_calls = inner.traceparent
                assert tracing.current() is of_jobs  # a generator's caller is not moved into it
        after = tracing.current().traceparent

    first, second = ended
    assert (first.name, second.name) == ("inner", "outer")
    assert (second.parent, second.is_parent_remote) == (CAME, True)
    assert first.parent == second.traceparent == of_jobs.traceparent == outer.traceparent
    assert first.traceparent == of_calls
    assert of_jobs.request_id == "request"
    assert first.attributes == {"server.port": 80}
    assert second.began_ns <= first.began_ns <= first.ended_ns <= second.ended_ns
    assert after == CAME


def test_the_innermost_span_takes_what_is_noted_and_what_has_failed(ended: list[EndedSpan]) -> None:
    with tracing.working_for(Origin("request", CAME)), spans.span("outer"):
        with spans.span("inner"):
            spans.note("ilios.document.id", "d")
        spans.fail("provider_unavailable")

    inner, outer = ended
    assert inner.attributes == {"ilios.document.id": "d"}
    assert outer.attributes == {"error.type": "provider_unavailable"}


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (CorruptDocument("Page 3 of letter-to-anna.pdf is damaged."), "corrupt_document"),
        (ValueError("letter-to-anna.pdf"), "ValueError"),
        (subprocess.SubprocessError("letter-to-anna.pdf"), "subprocess.SubprocessError"),
    ],
)
def test_an_error_is_its_code_or_its_class_and_never_its_words(
    ended: list[EndedSpan], error: Exception, name: str
) -> None:
    with (
        tracing.working_for(Origin("request", CAME)),
        pytest.raises(type(error)),
        spans.span("work"),
    ):
        raise error

    assert [one.attributes for one in ended] == [{"error.type": name}]


def test_a_generator_that_nobody_reads_to_its_end_has_not_failed(ended: list[EndedSpan]) -> None:
    def numbers() -> Iterator[int]:
        with spans.apart("numbers"):
            yield from range(3)

    with tracing.working_for(Origin("request", CAME)):
        some = numbers()
        next(some)
        some.close()  # type: ignore[attr-defined]  # it is a generator

    assert [one.attributes for one in ended] == [{}]


@pytest.mark.parametrize("origin", [Origin("request", NOT_SAMPLED), tracing.NO_ORIGIN])
def test_what_is_not_sampled_or_belongs_to_no_trace_is_not_recorded(
    ended: list[EndedSpan], origin: Origin
) -> None:
    token = tracing.enter(origin)
    try:
        with spans.span("work"), spans.apart("more"):
            pass
    finally:
        tracing.leave(token)

    assert ended == []


def test_a_sampler_decides_once_on_each_trace() -> None:
    asked: list[tuple[str, str | None]] = []

    def sampler(trace_id: str, parent: str | None) -> bool:
        asked.append((trace_id, parent))
        return parent is None

    tracing.sample_with(sampler)
    try:
        begun, continued = tracing.continue_trace(None), tracing.continue_trace(CAME)
        with tracing.working_for(Origin("request", continued)):
            call = tracing.next_traceparent() or ""
    finally:
        tracing.sample_with(None)

    assert (begun[-2:], continued[-2:], call[-2:]) == ("01", "00", "00")
    assert asked == [(begun.split("-")[1], None), (TRACE, CAME)]
