"""Writers of one host take turns, in order of arrival: SQLite's own lock lets one starve.

A courtesy, and no more: whoever waits too long goes on without a turn, and SQLite's lock still
keeps writers apart. Else a process that is stopped inside its turn would stop all the others with
it, the one that ends processes which hang among them.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ilios.core.telemetry import logs

log = logs.get(__name__)


class WriterLock:
    """The queue at one lock file, and before it one of this process's threads."""

    def __init__(self, path: Path, patience_seconds: float) -> None:
        self._path = path
        self._patience_seconds = patience_seconds
        self._mutex = threading.Lock()
        self._is_taken = False  #: by one of our threads
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, at most as long as the patience lasts."""
        deadline = time.monotonic() + self._patience_seconds
        if not self._enter():
            log.warning("database.turn_skipped", waited_s=self._patience_seconds)
            yield
            return
        try:
            with self._file(deadline):
                yield
        finally:
            self._leave()

    @contextmanager
    def _file(self, deadline: float) -> Iterator[None]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _lock(descriptor, deadline):
                log.warning("database.turn_skipped", waited_s=self._patience_seconds)
            yield
        finally:
            os.close(descriptor)

    def _enter(self) -> bool:
        """Be the one of our threads whose turn it is; False when the patience has ended."""
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return True
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        if called.acquire(timeout=self._patience_seconds):
            return True
        with self._mutex:
            if called not in self._waiting:
                return True  # called a moment ago
            self._waiting.remove(called)
            return False

    def _leave(self) -> None:
        with self._mutex:
            self._is_taken = bool(self._waiting)
            if self._waiting:
                self._waiting.popleft().release()


def _lock(descriptor: int, deadline: float) -> bool:
    """Take the lock of the file; False when the deadline came before.

    flock knows no timeout, and only who blocks keeps a place: a thread does it for us. On a
    duplicate: the lock is both descriptors', so that it ends with the last of them, also when the
    thread gets it after we have gone on.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        taken = threading.Event()
        arguments = (os.dup(descriptor), taken)
        threading.Thread(target=_block, args=arguments, name="turn", daemon=True).start()
        return taken.wait(max(0.0, deadline - time.monotonic()))
    return True


def _block(descriptor: int, taken: threading.Event) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)
    taken.set()
