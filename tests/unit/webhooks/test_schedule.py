"""The waits between attempts."""

from __future__ import annotations

import pytest

from ilios.webhooks.schedule import delay

MINUTE, HOUR = 60, 3600


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [
        (1, 5),
        (2, 20),
        (3, MINUTE),
        (4, 2 * MINUTE),
        (5, 5 * MINUTE),
        (6, 15 * MINUTE),
        (7, HOUR),
        (8, 2 * HOUR),
        (19, 2 * HOUR),
    ],
)
def test_a_wait_is_within_a_fifth_of_what_is_promised(attempts: int, seconds: int) -> None:
    waits = {delay(attempts).total_seconds() for _ in range(20)}

    assert all(0.8 * seconds <= wait <= 1.2 * seconds for wait in waits)
    assert len(waits) > 1


def test_before_the_first_attempt_there_is_no_wait() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        delay(0)
