"""Tracing: the request that the present work belongs to, and its propagation to other services.

W3C Trace Context (https://www.w3.org/TR/trace-context/): a request brings a `traceparent`, or gets
one; its job keeps it, and calls to the provider carry on with it. `tracestate` is not passed on.
"""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Final, NamedTuple

from ilios.core.telemetry import logs

HEADER: Final = "traceparent"
VERSION: Final = "00"
SAMPLED: Final = 0x01
SPAN_AT: Final = len("00-") + 32 + len("-")  #: where a `traceparent` has the id of its span
FLAGS_AT: Final = SPAN_AT + 16  #: and where its flags, behind a hyphen
_TRACEPARENT: Final = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace_id>(?!0{32})[0-9a-f]{32})"
    r"-(?P<span_id>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
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

Sampler = Callable[[str, str | None], bool]
"""Takes the id of a trace, and the `traceparent` that came, if another service began it."""
_sampler: Sampler | None = None


def sample_with(sampler: Sampler | None) -> None:
    """Have a sampler say which traces are recorded; None: all that do not come with a no."""
    global _sampler
    _sampler = sampler


def parent_of(header: str | None) -> str | None:
    """Return the `traceparent` that a header has, in our version; None if it is invalid."""
    found = _TRACEPARENT.fullmatch(header.strip()) if header else None
    if found is None or (found["version"] == VERSION and found["more"]):
        return None
    flags = int(found["flags"], 16) & SAMPLED
    return f"{VERSION}-{found['trace_id']}-{found['span_id']}-{flags:02x}"


def continue_trace(header: str | None) -> str:
    """Return a `traceparent` with a new span in the header's trace, or in a new one if invalid."""
    return begin_span(parent_of(header))


def begin_span(parent: str | None) -> str:
    """Return a `traceparent` with a new span in the trace of a parent, or in a new one."""
    if parent is None:
        trace_id, flags = secrets.token_hex(16), SAMPLED
    else:
        _, trace_id, _, found = parent.split("-")
        flags = int(found, 16)
    if _sampler is not None:
        flags = SAMPLED if _sampler(trace_id, parent) else 0
    return _traceparent(trace_id, flags)


def is_sampled(traceparent: str | None) -> bool:
    """Return whether the trace is recorded, as far as it is ours."""
    return traceparent is not None and traceparent[-1] == "1"


def current() -> Origin:
    """Return the origin of this thread's present work."""
    return _CURRENT.get()


def next_traceparent() -> str | None:
    """Return a `traceparent` for a call: same trace, new span. None outside of any trace."""
    traceparent = current().traceparent
    return None if traceparent is None else within(traceparent)


def within(traceparent: str) -> str:
    """Return a `traceparent` of the same trace with a new span."""
    return f"{traceparent[:SPAN_AT]}{_span_id()}{traceparent[FLAGS_AT:]}"


def begin(origin: Origin) -> None:
    """Set the origin of this thread's work, until it begins other work."""
    _CURRENT.set(origin)
    logs.bind(request_id=origin.request_id, trace_id=origin.trace_id)


def enter(origin: Origin) -> Token[Origin]:
    """Set the origin of this thread's work until `leave`, in the same trace."""
    return _CURRENT.set(origin)


def leave(token: Token[Origin]) -> None:
    """Restore the origin of before."""
    _CURRENT.reset(token)


@contextmanager
def working_for(origin: Origin, **fields: object) -> Iterator[None]:
    """Set the origin of this thread's work within, and add fields to its log lines.

    Work without a request gets a trace of its own.
    """
    if origin.traceparent is None:
        origin = Origin(origin.request_id, begin_span(None))
    token = _CURRENT.set(origin)
    try:
        with logs.bound(request_id=origin.request_id, trace_id=origin.trace_id, **fields):
            yield
    finally:
        _CURRENT.reset(token)


def _traceparent(trace_id: str, flags: int) -> str:
    return f"{VERSION}-{trace_id}-{_span_id()}-{flags:02x}"


def _span_id() -> str:
    return f"{random.getrandbits(64):016x}"  # no secret, and there are many
