"""Requests with a key while their bodies arrive: one at a time for each key."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from ilios.core.idempotency_errors import IdempotencyInFlight
from ilios.core.processes import lock_file
from ilios.documents.arrivals import PREFIX, Arrival


def test_a_key_arrives_once_at_a_time_and_leaves_no_file(tmp_path: Path) -> None:
    first, other = Arrival(tmp_path, "a"), Arrival(tmp_path, "b")

    with pytest.raises(IdempotencyInFlight):
        Arrival(tmp_path, "a")
    first.end()
    first.end()
    second = Arrival(tmp_path, "a")
    for arrival in (second, other):
        arrival.end()

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_has_left_is_no_arrival(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}a").touch()

    Arrival(tmp_path, "a").end()

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_its_holder_removed_is_not_taken_for_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it was opened before the holder removed it, and locked after."""
    path = tmp_path / f"{PREFIX}a"
    removed = lock_file(path, 0)
    path.unlink()
    fcntl.flock(removed, fcntl.LOCK_UN)
    opened = iter([removed])
    monkeypatch.setattr(
        "ilios.documents.arrivals.lock_file",
        lambda *asked: next(opened, None) or lock_file(*asked),
    )

    arrival = Arrival(tmp_path, "a")

    assert path.exists()
    with pytest.raises(IdempotencyInFlight):
        Arrival(tmp_path, "a")
    arrival.end()
