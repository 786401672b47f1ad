"""When a delivery is tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from ilios.core.backoff import delay_seconds

DELAYS_SECONDS: Final = (5, 20, 60, 120, 300, 900, 3600)  #: after the first attempts
LAST_DELAY_SECONDS: Final = 7200  #: after all others
JITTER: Final = 0.2
TRIED_FOR_MAX: Final = timedelta(hours=24)  #: since the first attempt


def delay(attempts: int) -> timedelta:
    """Return the wait after so many attempts: 5 s, 20 s, 1 min … 2 h, ± 20 %.

    Raises ValueError if attempts < 1.
    """
    if attempts < 1:
        raise ValueError("attempts must be at least 1")
    is_early = attempts <= len(DELAYS_SECONDS)
    seconds = DELAYS_SECONDS[attempts - 1] if is_early else LAST_DELAY_SECONDS
    return timedelta(seconds=delay_seconds(0, seconds, jitter=JITTER))
