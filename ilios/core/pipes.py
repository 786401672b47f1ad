"""Pipes of multiprocessing, as often as they are asked."""

from __future__ import annotations

import select
from collections.abc import Iterable
from multiprocessing.connection import Connection


def is_readable(pipe: Connection, timeout_seconds: float = 0.0) -> bool:
    """Return whether something can be read, its end included, within a time.

    Does what `Connection.poll` does, which takes twenty times as long: it builds a selector for
    each answer. Raises OSError when we have closed the pipe.
    """
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(1000 * timeout_seconds))


def wait(sources: Iterable[Connection | int], timeout_seconds: float) -> set[Connection | int]:
    """Return those of pipes and descriptors that can be read, their ends included, within a time.

    Does what `multiprocessing.connection.wait` does, without its selector.
    """
    poll = select.poll()
    by_number = {}
    for source in sources:
        number = source if isinstance(source, int) else source.fileno()
        by_number[number] = source
        poll.register(number, select.POLLIN)
    return {by_number[number] for number, _ in poll.poll(1000 * max(0.0, timeout_seconds))}
