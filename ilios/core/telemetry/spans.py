"""Spans: what of a trace was done when, as far as traces are sent anywhere.

A span's context is the `traceparent` of the present work (see `tracing`), which jobs keep and calls
carry on with. As long as no recorder is set, `span` and `apart` return one object that does
nothing. What a span says follows the stable semantic conventions of OpenTelemetry; what is ours
begins with `ilios.`. Ids, codes and counts: never contents, names of files, or paths.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar, Token
from enum import IntEnum
from types import TracebackType
from typing import Final, NamedTuple, Self

from ilios.core.errors import IliosError
from ilios.core.telemetry import tracing
from ilios.core.telemetry.tracing import Origin

ERROR_TYPE: Final = "error.type"  #: a span that has it has failed
NANOSECONDS_PER_SECOND: Final = 1_000_000_000
Attributes = dict[str, str | int | float]


class Kind(IntEnum):
    """The kinds of OpenTelemetry, by its names and numbers."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class EndedSpan(NamedTuple):
    """A span that has ended; moments are nanoseconds since 1970."""

    name: str
    kind: Kind
    traceparent: str
    parent: str | None  #: `traceparent` of the span that it is a part of
    is_parent_remote: bool  #: the parent is of another process
    began_ns: int
    ended_ns: int
    attributes: Attributes


class RemoteSpan(NamedTuple):
    """A span whose parent, if it has one, is of another service."""

    traceparent: str
    parent: str | None

    def ended(self, name: str, kind: Kind, seconds: float, attributes: Attributes) -> EndedSpan:
        """Return it as it ends now, after so many seconds."""
        now_ns = time.time_ns()
        began_ns = now_ns - round(seconds * NANOSECONDS_PER_SECOND)
        return EndedSpan(
            name, kind, self.traceparent, self.parent, True, began_ns, now_ns, attributes
        )


Recorder = Callable[[EndedSpan], None]
"""Takes what has ended, in any thread, and returns at once."""


class Span:
    """A span that nobody records."""

    __slots__ = ()

    @property
    def is_recorded(self) -> bool:
        return False

    @property
    def traceparent(self) -> str | None:
        """What carries on with it; outside of any trace None."""
        return tracing.next_traceparent()

    def note(self, name: str, value: str | int | float) -> None:
        """Set an attribute."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """End the span."""


class _Recorded(Span):
    """A span that lasts as long as its `with`."""

    __slots__ = (
        *("_attributes", "_began", "_began_ns", "_is_parent_remote", "_kind", "_name"),
        *("_parent", "_record", "_traceparent"),
    )

    def __init__(
        self,
        record: Recorder,
        parent: str,
        name: str,
        kind: Kind,
        attributes: Attributes | None,
        *,
        is_parent_remote: bool = False,
    ) -> None:
        self._record = record
        self._name = name
        self._kind = kind
        self._attributes: Attributes = {} if attributes is None else attributes
        self._is_parent_remote = is_parent_remote
        self._parent = parent
        self._traceparent = tracing.within(parent)

    @property
    def is_recorded(self) -> bool:
        return True

    @property
    def traceparent(self) -> str | None:
        return self._traceparent

    def note(self, name: str, value: str | int | float) -> None:
        self._attributes[name] = value

    def __enter__(self) -> Self:
        self._began_ns, self._began = time.time_ns(), time.monotonic_ns()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if error is not None and not isinstance(error, GeneratorExit):  # nobody wants the rest
            self._attributes.setdefault(ERROR_TYPE, error_type(error))
        ended_ns = self._began_ns + time.monotonic_ns() - self._began
        self._record(
            EndedSpan(
                self._name,
                self._kind,
                self._traceparent,
                self._parent,
                self._is_parent_remote,
                self._began_ns,
                ended_ns,
                self._attributes,
            )
        )


class _Current(_Recorded):
    """The same for what this thread does within: its calls, and jobs that it adds, belong to it."""

    __slots__ = ("_before", "_outer")

    def __enter__(self) -> Self:
        origin = Origin(tracing.current().request_id, self._traceparent)
        self._before: Token[Origin] = tracing.enter(origin)
        self._outer: Token[Span] = _CURRENT.set(self)
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _CURRENT.reset(self._outer)
        tracing.leave(self._before)
        super().__exit__(kind, error, trace)


UNRECORDED: Final = Span()
_CURRENT: ContextVar[Span] = ContextVar("span", default=UNRECORDED)
_recorder: Recorder | None = None


def record_with(recorder: Recorder | None) -> None:
    """Have this process's spans recorded from now on; None for no more."""
    global _recorder
    _recorder = recorder


def are_on() -> bool:
    """Return whether spans of this process are recorded, in traces that are."""
    return _recorder is not None


def are_recorded() -> bool:
    """Return whether spans are recorded of what this thread does now."""
    return _recorder is not None and _sampled() is not None


def _sampled() -> str | None:
    """Return the `traceparent` of the present work if its trace is recorded."""
    traceparent = tracing.current().traceparent
    return traceparent if tracing.is_sampled(traceparent) else None


def span(
    name: str,
    kind: Kind = Kind.INTERNAL,
    attributes: Attributes | None = None,
    *,
    is_parent_remote: bool = False,
) -> Span:
    """Return a span of the present work for a `with`, which is the present work within."""
    if _recorder is None or (parent := _sampled()) is None:
        return UNRECORDED
    return _Current(_recorder, parent, name, kind, attributes, is_parent_remote=is_parent_remote)


def apart(name: str, kind: Kind = Kind.INTERNAL, attributes: Attributes | None = None) -> Span:
    """Return a span for a `with` that leaves the present work as it is.

    So a generator may have one: what it changed in its thread, its caller would see.
    """
    if _recorder is None or (parent := _sampled()) is None:
        return UNRECORDED
    return _Recorded(_recorder, parent, name, kind, attributes)


def record(ended: EndedSpan) -> None:
    """Record what has ended; do nothing where spans are not recorded."""
    if _recorder is not None:
        _recorder(ended)


def note(name: str, value: str | int | float) -> None:
    """Set an attribute of the innermost span of this thread's present work."""
    _CURRENT.get().note(name, value)


def fail(error: str) -> None:
    """Let the innermost span of this thread's present work have failed, by this code."""
    _CURRENT.get().note(ERROR_TYPE, error)


def error_type(error: BaseException) -> str:
    """Return the code of an error of ours, the class of another; its text may quote a document."""
    if isinstance(error, IliosError):
        return error.code
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else _named(kind)


def _named(kind: type[BaseException]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
