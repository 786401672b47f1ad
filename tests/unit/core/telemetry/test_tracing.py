"""W3C Trace Context: what is continued, what is ignored, and what is sent on."""

from __future__ import annotations

from contextvars import Context

import pytest

from ilios.core.telemetry import tracing
from ilios.core.telemetry.tracing import Origin

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("header", "flags"),
    [
        (VALID, "01"),
        (f"  {VALID} ", "01"),
        (f"00-{TRACE}-{SPAN}-00", "00"),
        (f"00-{TRACE}-{SPAN}-ff", "01"),  # of the flags, only `sampled` is ours to pass on
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", "01"),
    ],
)
def test_a_valid_trace_is_continued_in_a_new_span(header: str, flags: str) -> None:
    version, trace_id, span_id, taken_flags = tracing.continue_trace(header).split("-")

    assert (version, trace_id, taken_flags) == ("00", TRACE, flags)
    assert span_id != SPAN
    assert len(span_id) == len(SPAN)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        VALID.upper(),
        f"{VALID}, {VALID}",
        f"{VALID}-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0g",
    ],
)
def test_an_invalid_header_starts_a_new_trace(header: str | None) -> None:
    first, second = (Origin(traceparent=tracing.continue_trace(header)) for _ in range(2))

    assert first.trace_id not in (None, TRACE, "0" * 32)
    assert first.trace_id != second.trace_id


def test_calls_are_spans_of_their_own_and_end_with_the_work() -> None:
    before = tracing.current()
    with tracing.working_for(Origin("request", VALID)):
        calls = [tracing.next_traceparent() or "" for _ in range(2)]

    assert {call[: len(f"00-{TRACE}")] for call in calls} == {f"00-{TRACE}"}
    assert len({SPAN, *(call.split("-")[2] for call in calls)}) == 3
    assert tracing.current() is before
    assert Context().run(tracing.next_traceparent) is None


def test_work_without_a_request_has_a_trace_too() -> None:
    with tracing.working_for(tracing.NO_ORIGIN):
        assert tracing.current().trace_id is not None
