"""When the bucket is looked at, and when it counts as unreachable."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ilios.core.settings import Settings
from ilios.storage.health import StoreReport
from ilios.workers import maintenance
from ilios.workers.maintenance import StoreWatch


class Clock:
    """The monotonic clock, which only a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@pytest.fixture
def bucket(tmp_path: Path, clock: Clock) -> StoreWatch:
    return StoreWatch(Settings(data_dir=tmp_path).model_copy(update={"s3_bucket": "documents"}))


def state(store: StoreWatch) -> tuple[bool, bool]:
    """Return whether jobs may use it, and whether a look at it is due."""
    return store.may_be_used, store.is_look_due


def is_away(store: StoreWatch) -> bool:
    return store.answers is False


def test_a_folder_is_never_looked_at_and_always_answers(tmp_path: Path) -> None:
    folder = StoreWatch(Settings(data_dir=tmp_path))
    folder.record(StoreReport("It is away."))

    assert folder.may_be_used
    assert not folder.is_look_due
    assert folder.fault is None


def test_a_bucket_is_not_used_before_the_first_look_has_ended(bucket: StoreWatch) -> None:
    assert state(bucket) == (False, True)

    bucket.note_look()
    bucket.record(StoreReport(None))

    assert state(bucket) == (True, False)


def test_a_first_look_that_takes_long_means_that_the_bucket_does_not_answer(
    bucket: StoreWatch, clock: Clock
) -> None:
    bucket.note_look()
    assert not is_away(bucket)

    clock.seconds += maintenance.FIRST_ANSWER_SECONDS + 0.1
    bucket.note_look()

    assert is_away(bucket)


def test_a_bucket_that_is_away_is_looked_at_more_often(bucket: StoreWatch, clock: Clock) -> None:
    bucket.record(StoreReport(None))
    clock.seconds += maintenance.LOOK_AGAIN_SECONDS
    assert state(bucket) == (True, False)

    bucket.record(StoreReport("503 SlowDown"))
    assert state(bucket) == (False, False)
    clock.seconds += maintenance.LOOK_AGAIN_SECONDS
    assert state(bucket) == (False, True)
