"""Calls whose answer is waited for only so long: they go on by themselves, for nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from ilios.core import computing

T = TypeVar("T")


class BoundedCall(Generic[T]):
    """Makes a call in a thread of its own; who asks while one is made shares its outcome."""

    def __init__(self, work: Callable[[], T], seconds: float) -> None:
        self._work = work
        self._seconds = seconds
        self._lock = threading.Lock()
        self._made: _Made[T] | None = None

    def __call__(self) -> T:
        """Return or raise what the call does. Raises TimeoutError when that takes too long."""
        with self._lock:
            if self._made is None or self._made.has_ended.is_set():
                self._made = _Made(self._work)
            made = self._made
        with computing.waiting():
            if not made.has_ended.wait(self._seconds):
                raise TimeoutError(f"no answer for {self._seconds:g} s")
        return made.outcome()


class _Made(Generic[T]):
    """A call that was begun."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.has_ended = threading.Event()
        self._results: list[T] = []
        self._error: Exception | None = None
        threading.Thread(target=self._make, args=(work,), name="bounded", daemon=True).start()

    def _make(self, work: Callable[[], T]) -> None:
        try:
            self._results.append(work())
        except Exception as error:  # noqa: BLE001  # who asked raises it
            self._error = error
        finally:
            self.has_ended.set()

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        return self._results[0]
