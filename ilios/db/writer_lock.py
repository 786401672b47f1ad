"""A fair lock: writers of one host go in order of arrival, since SQLite's own lock starves some.

It orders writers and does not exclude them: one that waits too long goes on without it, and SQLite
still keeps writers apart. Otherwise a process that is stopped while it holds the lock would stop
all the others, among them the one that ends processes which hang.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from _thread import start_new_thread
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ilios.core.telemetry import logs
from ilios.core.wakeup import Wakeup

log = logs.get(__name__)


class WriterLock:
    """A queue of this process's threads, the first of which queues at the lock file."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self._path = path
        self._timeout_seconds = timeout_seconds
        self._mutex = threading.Lock()
        self._is_taken = False  #: by one of our threads
        self._waiting: deque[Wakeup] = deque()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock, or go on without it after `timeout_seconds`."""
        deadline = time.monotonic() + self._timeout_seconds
        if not self._acquire_thread():
            log.warning("database.turn_skipped", waited_s=self._timeout_seconds)
            yield
            return
        try:
            with self._file(deadline):
                yield
        finally:
            self._release_thread()

    @contextmanager
    def _file(self, deadline: float) -> Iterator[None]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _flock(descriptor, deadline):
                log.warning("database.turn_skipped", waited_s=self._timeout_seconds)
            yield
        finally:
            os.close(descriptor)

    def _acquire_thread(self) -> bool:
        """Wait to be the first of this process's threads; return False on a timeout."""
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return True
            waiter = Wakeup()
            self._waiting.append(waiter)
        if waiter.wait(self._timeout_seconds):
            return True
        with self._mutex:
            if waiter not in self._waiting:
                return True  # released to it a moment ago
            self._waiting.remove(waiter)
            return False

    def _release_thread(self) -> None:
        with self._mutex:
            self._is_taken = bool(self._waiting)
            if self._waiting:
                self._waiting.popleft().set()


def _flock(descriptor: int, deadline: float) -> bool:
    """Take the lock of the file; return False when the deadline passes first.

    flock has no timeout, and only a caller that blocks keeps its place in the kernel's queue, so a
    thread blocks for us. It has a duplicate of the descriptor: the lock belongs to both and ends
    with the last of them, also when the thread gets it after we have gone on.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        acquired = Wakeup()
        # Not threading.Thread, whose start waits for the thread: most writers of a busy host wait.
        start_new_thread(_flock_blocking, (os.dup(descriptor), acquired))
        return acquired.wait(max(0.0, deadline - time.monotonic()))
    return True


def _flock_blocking(descriptor: int, acquired: Wakeup) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)
    acquired.set()
