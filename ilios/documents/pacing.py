"""Pacing: work on the database in short steps; other writers have their turn in the pauses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

PAUSE_FACTOR: Final = 4  #: a step is followed by a pause of so many times as long

Step = Callable[[], bool]
"""Does a part of some work; returns whether there may be more of it."""
Pause = Callable[[float], object]


def in_turns(steps: Iterable[Step], until: float, pause: Pause = time.sleep) -> bool:
    """Take the steps in turns, each until it has no more to do.

    Returns whether all have ended; False when it was `until`, by the monotonic clock, before.
    """
    left = list(steps)
    while left and time.monotonic() < until:
        left = [step for step in left if _is_more(step, pause)]
    return not left


def _is_more(step: Step, pause: Pause) -> bool:
    began = time.monotonic()
    if not step():
        return False
    pause(PAUSE_FACTOR * (time.monotonic() - began))
    return True
