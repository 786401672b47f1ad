"""A total deadline for the network calls of a thread.

Timeouts of HTTP clients apply to each phase, and start anew with each byte that arrives. So the
deadline is enforced below them, at the socket: every read and write waits no longer than what is
left: see `connections`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_DEADLINE: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


class Deadline:
    """A fixed moment, `seconds` from its creation."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def seconds_left(self) -> float:
        return max(0.0, self._at - time.monotonic())

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Make this thread's network calls inside the block end by then, with their own timeout."""
        token = _DEADLINE.set(self)
        try:
            yield
        finally:
            _DEADLINE.reset(token)


def seconds_left(timeout: float | None, expired: type[Exception]) -> float | None:
    """Return how long a phase may take: its own timeout, at most what the deadline leaves.

    Raises `expired` when nothing is left.
    """
    deadline = _DEADLINE.get()
    if deadline is None:
        return timeout
    seconds = deadline.seconds_left()
    if not seconds:
        raise expired("the deadline passed")
    return seconds if timeout is None else min(timeout, seconds)
