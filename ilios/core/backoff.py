"""Exponential back-off: how long to wait before something is tried again."""

from __future__ import annotations

import math
import random
from typing import Final

MAX_DOUBLINGS: Final = 64  #: keeps the power within what a float holds


def delay_seconds(
    doublings: int, base_seconds: float, max_seconds: float = math.inf, *, jitter: float = 0.0
) -> float:
    """Return the base, doubled so often, at most `max_seconds`, ± a random share of it.

    The jitter, a share from 0 to 1, comes after the maximum: many that wait for the longest time
    must not return in one moment either. Fewer than no doublings count as none.
    """
    seconds = base_seconds * 2.0 ** min(max(0, doublings), MAX_DOUBLINGS)
    return min(seconds, max_seconds) * random.uniform(1 - jitter, 1 + jitter)  # noqa: S311  # not a secret
