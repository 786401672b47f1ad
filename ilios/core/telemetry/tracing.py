"""Tracing: the request that the present work belongs to, and its propagation to other services.

W3C Trace Context (https://www.w3.org/TR/trace-context/): a request brings a `traceparent`, or gets
one; its job keeps it, and calls to the provider carry on with it. `tracestate` is not passed on.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, NamedTuple

from ilios.core.telemetry import logs

HEADER: Final = "traceparent"
VERSION: Final = "00"
SAMPLED: Final = 0x01
_TRACEPARENT: Final = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace_id>(?!0{32})[0-9a-f]{32})"
    r"-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)


class Origin(NamedTuple):
    """The request that work belongs to; both fields are None for work without a request."""

    request_id: str | None = None
    traceparent: str | None = None

    @property
    def trace_id(self) -> str | None:
        """The trace's id, 32 hexadecimal digits."""
        return self.traceparent.split("-")[1] if self.traceparent else None


NO_ORIGIN: Final = Origin()

_CURRENT: ContextVar[Origin] = ContextVar("origin", default=NO_ORIGIN)


def continue_trace(header: str | None) -> str:
    """Return a `traceparent` with a new span in the header's trace, or in a new one if invalid."""
    found = _TRACEPARENT.fullmatch(header.strip()) if header else None
    if found is None or (found["version"] == VERSION and found["more"]):
        return _traceparent(secrets.token_hex(16), SAMPLED)
    return _traceparent(found["trace_id"], int(found["flags"], 16) & SAMPLED)


def current() -> Origin:
    """Return the origin of this thread's present work."""
    return _CURRENT.get()


def next_traceparent() -> str | None:
    """Return a `traceparent` for a call: same trace, new span. None outside of any trace."""
    traceparent = current().traceparent
    if traceparent is None:
        return None
    _, trace_id, _, flags = traceparent.split("-")
    return _traceparent(trace_id, int(flags, 16))


def begin(origin: Origin) -> None:
    """Set the origin of this thread's work, until it begins other work."""
    _CURRENT.set(origin)
    logs.bind(request_id=origin.request_id, trace_id=origin.trace_id)


@contextmanager
def working_for(origin: Origin, **fields: object) -> Iterator[None]:
    """Set the origin of this thread's work within, and add fields to its log lines.

    Work without a request gets a trace of its own.
    """
    if origin.traceparent is None:
        origin = Origin(origin.request_id, continue_trace(None))
    token = _CURRENT.set(origin)
    try:
        with logs.bound(request_id=origin.request_id, trace_id=origin.trace_id, **fields):
            yield
    finally:
        _CURRENT.reset(token)


def _traceparent(trace_id: str, flags: int) -> str:
    return f"{VERSION}-{trace_id}-{secrets.token_hex(8)}-{flags:02x}"
