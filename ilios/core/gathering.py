"""How long the one that acts for several threads waits for others to come.

As many as came the last time are likely to come again: what one of them is done for costs nearly as
much as for all of them. One that was alone waits for nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

STEP_SECONDS: Final = 0.0005


class Gathering:
    """Used by one thread at a time."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest_seconds = longest_seconds
        self._last = 1

    def wait(self, count: Callable[[], int]) -> None:
        """Wait until so many have come as the last time, or for as long as is allowed."""
        until = time.monotonic() + self._longest_seconds
        while self._last > 1 and count() < self._last and time.monotonic() < until:
            time.sleep(STEP_SECONDS)

    def note(self, number: int) -> None:
        """Note how many there were."""
        self._last = number
