"""Waits between attempts."""

from __future__ import annotations

import pytest

from ilios.queue.backoff import retry_delay


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 10), (3, 20)])
def test_waits_double_with_jitter_of_a_fifth(attempts: int, seconds: int) -> None:
    delays = [retry_delay(attempts).total_seconds() for _ in range(100)]

    assert min(delays) >= seconds * 0.8
    assert max(delays) <= seconds * 1.2
    assert len(set(delays)) > 1


def test_a_wait_before_the_first_attempt_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        retry_delay(0)
