"""The one formula of waits between attempts, and what each of its callers makes of it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from ilios.conversion.provider_batches.input import upload_pause
from ilios.core.backoff import delay_seconds
from ilios.db.database import busy_delay
from ilios.queue.backoff import retry_delay
from ilios.replication import handle
from ilios.replication.replicator import pause_seconds
from ilios.workers import pool


def job_seconds(attempts: int) -> float:
    return retry_delay(attempts).total_seconds()


def round_seconds(failures: int) -> float:
    return pause_seconds(failures, 60)


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Have every random draw fall at this share of its range."""

    def fix(share: float) -> None:
        monkeypatch.setattr(random, "uniform", lambda low, high: low + share * (high - low))

    return fix


@pytest.mark.parametrize(
    ("wait", "start", "seconds", "jitter"),
    [
        (job_seconds, 1, [5, 10, 20, 40, 80, 160, 320, 600, 600], 0.2),
        (pool.restart_delay, 0, [0.1, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5], 0.2),
        (handle.restart_delay, 0, [0.5, 1, 2, 4, 8, 16, 30, 30], 0.0),
        (round_seconds, 0, [60, 1, 2, 4, 8, 16, 30, 30], 0.0),
        (busy_delay, 0, [0.2, 0.4, 0.8, 1.6], 0.5),
        (upload_pause, 1, [1, 2, 4, 8, 16, 30, 30], 0.0),
    ],
    ids=["job", "worker", "replicator", "round", "database", "upload"],
)
def test_every_caller_waits_as_long_as_it_says(
    draw: Callable[[float], None],
    wait: Callable[[int], float],
    start: int,
    seconds: list[float],
    jitter: float,
) -> None:
    for share, factor in ((0.5, 1), (0, 1 - jitter), (1, 1 + jitter)):
        draw(share)

        waits = [wait(attempt) for attempt in range(start, start + len(seconds))]

        assert waits == pytest.approx([second * factor for second in seconds], rel=1e-6)


def test_a_round_that_failed_is_repeated_no_later_than_the_interval() -> None:
    assert pause_seconds(5, 10) == 10


@pytest.mark.parametrize(("asked_seconds", "seconds"), [(7.0, 7.0), (120.0, 30.0), (0.0, 4.0)])
def test_an_upload_waits_as_long_as_the_provider_asks_up_to_a_maximum(
    asked_seconds: float, seconds: float
) -> None:
    assert upload_pause(3, asked_seconds) == seconds


def test_however_often_it_doubles_the_wait_is_at_most_the_maximum() -> None:
    assert delay_seconds(100_000, 1.0, 30.0) == 30.0


def test_waits_with_jitter_differ() -> None:
    waits = {delay_seconds(3, 1.0, 30.0, jitter=0.2) for _ in range(100)}

    assert len(waits) > 1
    assert 6.4 <= min(waits) <= max(waits) <= 9.6
