"""What a run over very many documents says of itself."""

from __future__ import annotations

import pytest

from ilios.cli.bulk_progress import BulkProgress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> BulkProgress:
    return BulkProgress(lambda: "2,000+", clock)


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_it_tells_every_ten_seconds_how_far_and_how_fast(
    progress: BulkProgress, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for second in range(1, 21):
        clock.now = float(second)
        progress.complete(2)
        progress.tick()

    assert told(capsys) == [
        "10 of 2,000+ documents, 10 converted (20 pages), 1.0/s",
        "20 of 2,000+ documents, 20 converted (40 pages), 1.0/s",
    ]


def test_the_rate_is_that_of_the_last_minute(
    progress: BulkProgress, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for moment in range(10, 200, 10):
        clock.now = float(moment)
        if moment <= 100:
            progress.complete(1)
        progress.tick()

    assert told(capsys)[-1].endswith("10 converted (10 pages), 0.0/s")


def test_failures_are_told_at_once_and_counted(
    progress: BulkProgress, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.skip()
    progress.fail("a\x1b.pdf", "It is damaged.", is_written=True)
    progress.fail("b.pdf", "It is gone.", is_written=False)
    clock.now = 4.0
    progress.end()

    assert told(capsys) == [
        r"ilios: a\x1b.pdf: It is damaged.",
        "ilios: b.pdf: It is gone.",
        "3 of 2,000+ documents, 0 converted (0 pages), 1 known, 1 failed, 1 not read, 0.0/s in 4 s",
    ]
    assert progress.has_failed
