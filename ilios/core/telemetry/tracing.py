"""Which request the present work goes back to, and how others are told of it.

W3C Trace Context (https://www.w3.org/TR/trace-context/): a request brings a `traceparent`, or gets
one; its job keeps it, and calls to the provider carry on with it. `tracestate` is not passed on.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from ilios.core.telemetry import logs

HEADER: Final = "traceparent"
VERSION: Final = "00"
SAMPLED: Final = 0x01
_TRACEPARENT: Final = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace_id>(?!0{32})[0-9a-f]{32})"
    r"-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that something goes back to; both None for what no request has asked for."""

    request_id: str | None = None
    traceparent: str | None = None

    @property
    def trace_id(self) -> str | None:
        """32 hexadecimal digits."""
        return self.traceparent.split("-")[1] if self.traceparent else None


NOWHERE: Final = Origin()

_CURRENT: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def taken_up(header: str | None) -> str:
    """Our `traceparent` in the trace of a request's header; in a new trace if that is not valid."""
    found = _TRACEPARENT.fullmatch(header.strip()) if header else None
    if found is None or (found["version"] == VERSION and found["more"]):
        return _written(secrets.token_hex(16), SAMPLED)
    return _written(found["trace_id"], int(found["flags"], 16) & SAMPLED)


def current() -> Origin:
    """What the work of this thread goes back to."""
    return _CURRENT.get()


def next_traceparent() -> str | None:
    """For a call to others: the same trace, a new span. None outside of any trace."""
    traceparent = current().traceparent
    if traceparent is None:
        return None
    _, trace_id, _, flags = traceparent.split("-")
    return _written(trace_id, int(flags, 16))


def begin(origin: Origin) -> None:
    """From here on this thread works for the origin, until it begins something else."""
    _CURRENT.set(origin)
    logs.bind(request_id=origin.request_id, trace_id=origin.trace_id)


@contextmanager
def working_for(origin: Origin, **fields: object) -> Iterator[None]:
    """Within, this thread works for the origin; lines of the log have these fields too.

    What no request has asked for gets a trace of its own.
    """
    if origin.traceparent is None:
        origin = Origin(origin.request_id, taken_up(None))
    token = _CURRENT.set(origin)
    try:
        with logs.bound(request_id=origin.request_id, trace_id=origin.trace_id, **fields):
            yield
    finally:
        _CURRENT.reset(token)


def _written(trace_id: str, flags: int) -> str:
    return f"{VERSION}-{trace_id}-{secrets.token_hex(8)}-{flags:02x}"
