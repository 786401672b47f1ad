"""Times of one step, and what is said of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Durations:
    """Milliseconds that something took, again and again."""

    def __init__(self) -> None:
        self._all: list[float] = []

    def __str__(self) -> str:
        ordered = sorted(self._all)
        return (
            f"median {ordered[len(ordered) // 2]:.1f} ms, 95 % within "
            f"{ordered[len(ordered) * 95 // 100]:.1f} ms, longest {ordered[-1]:.1f} ms"
        )

    def add(self, seconds: float) -> None:
        self._all.append(1000 * seconds)

    @contextmanager
    def measured(self, clock: Callable[[], float] = time.perf_counter) -> Iterator[None]:
        begun = clock()
        yield
        self.add(clock() - begun)
