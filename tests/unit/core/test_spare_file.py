"""The spare file of a database."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ilios.core import spare_file
from ilios.core.spare_file import SPARE_BYTES, WRITE_ROOM_BYTES, SpareFile


@pytest.fixture
def spare(tmp_path: Path) -> SpareFile:
    return SpareFile(tmp_path / "ilios.db")


def leave(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    monkeypatch.setattr(spare_file, "free_bytes", lambda _folder: free_bytes)


def test_it_is_really_allocated_and_for_its_owner_alone(spare: SpareFile) -> None:
    assert spare.make()

    found = spare.path.stat()
    assert found.st_size == SPARE_BYTES
    assert found.st_blocks * 512 >= SPARE_BYTES
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert spare.missing_bytes() == 0
    assert not spare.make()


def test_it_is_given_up_once_and_only_when_next_to_nothing_is_free(
    spare: SpareFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare.make()
    leave(monkeypatch, WRITE_ROOM_BYTES)
    assert not spare.give_up_if_short()
    leave(monkeypatch, WRITE_ROOM_BYTES - 1)

    assert spare.give_up_if_short()

    assert spare.missing_bytes() == SPARE_BYTES
    assert spare.path.stat().st_blocks == 0
    assert not spare.give_up_if_short()


def test_it_is_not_made_where_that_would_fill_the_disk(
    spare: SpareFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(monkeypatch, SPARE_BYTES + WRITE_ROOM_BYTES)

    assert not spare.make()

    assert spare.missing_bytes() == SPARE_BYTES
    assert spare.missing_bytes_once_made() == 0
    assert not spare.give_up_if_short()
