"""Pipes of multiprocessing, as often as they are asked."""

from __future__ import annotations

import select
from multiprocessing.connection import Connection


def is_readable(pipe: Connection, timeout_seconds: float = 0.0) -> bool:
    """Return whether something can be read, its end included, within a time.

    Does what `Connection.poll` does, which takes twenty times as long: it builds a selector for
    each answer. Raises OSError when we have closed the pipe.
    """
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(1000 * timeout_seconds))
