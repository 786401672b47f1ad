"""What one thread waits for, once; for what happens at every request and job."""

from __future__ import annotations

import threading


class Wakeup:
    """Like threading.Event for a single thread that waits: set it once for each wait.

    A lock alone takes a sixth of the time: who sets an Event still holds the lock that the woken
    thread wants first, and they stop each other.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        self._lock.release()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Return whether it was set, after `timeout_seconds` at the latest; None: no timeout."""
        return self._lock.acquire(timeout=-1 if timeout_seconds is None else timeout_seconds)
