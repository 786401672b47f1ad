"""What threads have the poller do, which one byte in a pipe wakes for."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import PollableMethodQueue

WAKE_UPS_READ = 4096  #: at once: more than two threads write before the poller has looked


class PollerCalls(PollableMethodQueue):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn's queue, which wakes the poller once for all that came before it looked.

    A write to the pipe lets go of the interpreter, which other threads want.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_woken = False

    def defer(self, callback: Callable[..., object], *args: Any) -> None:
        """Have the poller call it. Safe in threads and in signal handlers."""
        self._queue.put(partial(callback, *args))
        if not self._is_woken:
            self._is_woken = True
            with suppress(OSError):
                os.write(self._write_fd, b"\0")

    def run_callbacks(self, _fileobj: Any, max_callbacks: int = WAKE_UPS_READ) -> None:
        """Call what was queued until now; what is queued meanwhile wakes the poller again."""
        with suppress(BlockingIOError):
            os.read(self._read_fd, max_callbacks)
        self._is_woken = False  # before the look: what comes after it has to wake again
        for _ in range(self._queue.qsize()):
            self._queue.get_nowait()()
