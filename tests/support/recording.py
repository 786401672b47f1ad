"""Spans of this process, recorded for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ilios.core.telemetry import spans, tracing
from ilios.core.telemetry.spans import EndedSpan
from ilios.core.telemetry.tracing import Origin

TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
CAME: Final = f"00-{TRACE}-00f067aa0ba902b7-01"  #: the `traceparent` of a request


@contextmanager
def recording() -> Iterator[list[EndedSpan]]:
    """Record spans within; provide them in the order in which they end."""
    found: list[EndedSpan] = []
    spans.record_with(found.append)
    try:
        yield found
    finally:
        spans.record_with(None)
        tracing.sample_with(None)


@contextmanager
def asked() -> Iterator[None]:
    """Work within for a request that has a trace."""
    with tracing.working_for(Origin("request", CAME)):
        yield
