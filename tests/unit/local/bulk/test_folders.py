"""Folders of processes that were killed are not left behind for long."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ilios.local.bulk import folders
from ilios.local.bulk.folders import LOCK, own_folder

PREFIX = "ilios-test-"


def test_a_folder_goes_with_its_block(tmp_path: Path) -> None:
    with own_folder(PREFIX, str(tmp_path)) as folder:
        (folder / "a").write_text("x")

    assert list(tmp_path.iterdir()) == []


def test_one_that_is_in_use_stays_and_one_that_was_left_goes(tmp_path: Path) -> None:
    left = tmp_path / f"{PREFIX}left"
    left.mkdir()
    (left / LOCK).touch()
    other = tmp_path / "other"
    other.mkdir()

    with own_folder(PREFIX, str(tmp_path)) as used, own_folder(PREFIX, str(tmp_path)) as second:
        assert sorted(tmp_path.iterdir()) == sorted([other, used, second])


def test_one_without_a_lock_goes_when_it_is_old(tmp_path: Path) -> None:
    new, old = tmp_path / f"{PREFIX}new", tmp_path / f"{PREFIX}old"
    new.mkdir()
    old.mkdir()
    long_ago = time.time() - folders.OLD_SECONDS - 60
    os.utime(old, (long_ago, long_ago))

    with own_folder(PREFIX, str(tmp_path)) as used:
        assert sorted(tmp_path.iterdir()) == sorted([new, used])
