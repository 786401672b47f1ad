"""How long to wait before something is tried again."""

from __future__ import annotations

import random
from datetime import timedelta

RETRY_BASE_SECONDS = 5.0
RETRY_JITTER = 0.2
MAX_DOUBLINGS = 10
LONGEST_WAIT = timedelta(minutes=10)  #: whatever a provider asks for


def retry_delay(attempts: int) -> timedelta:
    """Wait before the next attempt: 5 s, 10 s, 20 s … 10 min, with ±20 % jitter.

    Raises ValueError if attempts < 1.
    """
    if attempts < 1:
        raise ValueError("attempts must be at least 1")
    jitter = random.uniform(1 - RETRY_JITTER, 1 + RETRY_JITTER)  # noqa: S311  # not a secret
    seconds = RETRY_BASE_SECONDS * 2 ** min(attempts - 1, MAX_DOUBLINGS)
    return min(timedelta(seconds=seconds), LONGEST_WAIT) * jitter
