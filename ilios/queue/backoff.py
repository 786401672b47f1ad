"""How long a job waits before its next attempt."""

from __future__ import annotations

from datetime import timedelta

from ilios.core.backoff import delay_seconds

RETRY_BASE_SECONDS = 5.0
RETRY_JITTER = 0.2
LONGEST_WAIT = timedelta(minutes=10)  #: whatever a provider asks for


def retry_delay(attempts: int) -> timedelta:
    """Return the wait before the next attempt: 5 s, 10 s, 20 s … 10 min, with ±20 % jitter.

    Raises ValueError if attempts < 1.
    """
    if attempts < 1:
        raise ValueError("attempts must be at least 1")
    seconds = delay_seconds(
        attempts - 1, RETRY_BASE_SECONDS, LONGEST_WAIT.total_seconds(), jitter=RETRY_JITTER
    )
    return timedelta(seconds=seconds)
