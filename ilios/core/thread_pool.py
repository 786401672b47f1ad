"""Threads for what one thread begins, started as they are needed and kept.

As concurrent.futures has them, but without a future for each call: making and ending one takes as
long as reading the head of a request.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

Work = Callable[[], object]


class ThreadPool:
    """At most so many threads of a name. They end with the process."""

    def __init__(self, name: str, threads: int) -> None:
        self._name = name
        self._threads = threads
        self._started = 0
        self._idle: deque[None] = deque()  #: an entry for each thread that waits for work
        self._works: SimpleQueue[Work] = SimpleQueue()

    def run(self, work: Work) -> None:
        """Have a thread run it, now or as soon as one is free. For one thread only."""
        if self._idle:
            self._idle.pop()
        elif self._started < self._threads:
            name = f"{self._name}_{self._started}"
            threading.Thread(target=self._run, name=name, daemon=True).start()
            self._started += 1  # not one that the system refused
        self._works.put(work)

    def shutdown(self, *, wait: bool) -> None:
        """Do nothing, for gunicorn: the process ends without waiting for threads."""

    def _run(self) -> None:
        while True:
            work = self._works.get()
            try:
                work()
            except Exception:  # noqa: BLE001  # it is logged as of any thread, and this one goes on
                crash = threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread()))
                threading.excepthook(crash)
            del work  # it holds a connection
            self._idle.append(None)
