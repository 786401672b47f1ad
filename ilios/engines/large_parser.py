"""A parser child with more memory, for documents that need it: one of all processes at a time.

Few honest documents need much memory, and any hostile one takes what it gets. So a document whose
first reading ran out of it is read again, when no other is.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ilios.core.conversion_errors import EngineFailed
from ilios.engines import parse_spans
from ilios.engines.parser_messages import Message
from ilios.engines.parser_process import ParserProcess, Work

LOOK_SECONDS: Final = 0.2  #: between looks at whether it is free; flock has no timeout


class LargeParser:
    """Runs each task in a child of its own. Threads and processes that share `lock` take turns."""

    def __init__(
        self, work: Work, memory_limit_bytes: int, first_limit_bytes: int, lock: Path
    ) -> None:
        """Give the child these limits of memory; see ParserProcess."""
        self._work = work
        self._limits_bytes = memory_limit_bytes, first_limit_bytes
        self._lock = lock
        self._running: dict[str, tuple[ParserProcess, threading.Event]] = {}

    def run(self, task: Message, until: float, name: str) -> Generator[Message, None, None]:
        """Run a task as ParserProcess does, until this time by the monotonic clock.

        Raises EngineFailed too when it does not become free until then, or `stop` was called.
        """
        last, first = self._limits_bytes
        parser = ParserProcess(self._work, last, first_limit_bytes=first)
        stopped = threading.Event()
        self._running[name] = parser, stopped
        try:
            with self._turn(until, stopped):
                try:
                    with parse_spans.of(self._work) as span:
                        task = parse_spans.under(span, task)
                        yield from parser.run(task, max(0.0, until - time.monotonic()), name)
                finally:
                    parser.close()  # before the next one begins
        finally:
            del self._running[name]

    def stop(self, name: str) -> None:
        """End the task of this name, if it runs or waits."""
        running = self._running.get(name)
        if running is not None:
            parser, stopped = running
            stopped.set()
            parser.stop(name)

    @contextmanager
    def _turn(self, until: float, stopped: threading.Event) -> Iterator[None]:
        self._lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _is_locked(descriptor):
                if time.monotonic() >= until or stopped.wait(LOOK_SECONDS):
                    raise EngineFailed(
                        "The document needs much memory, and others have taken it for too long."
                    )
            yield
        finally:
            os.close(descriptor)  # ends the lock: children do not inherit it


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
