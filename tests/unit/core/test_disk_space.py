"""Free space: what is kept free, and the account of what running writes were promised."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ilios.core import data_folder, disk_space
from ilios.core.conversion_errors import DiskFull
from ilios.core.disk_promises import DiskPromises
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import MIB, Settings
from ilios.core.spare_file import SPARE_BYTES, SpareFile
from tests.support.forking import REPOSITORY

FREE_BYTES = 500 * MIB
RESERVE_BYTES = 100 * MIB


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(disk_space, "free_bytes", lambda _folder: FREE_BYTES)
    (tmp_path / "run").mkdir()
    return Settings(data_dir=tmp_path, min_free_disk_bytes=RESERVE_BYTES)


@pytest.fixture
def reserve(settings: Settings) -> DiskReserve:
    return DiskReserve(settings)


def test_what_would_take_the_reserve_is_refused(reserve: DiskReserve) -> None:
    reserve.require(400 * MIB)

    with pytest.raises(DiskFull, match=r"Only 500 MiB are free .* 501 MiB are needed"):
        reserve.require(401 * MIB)


def test_what_others_were_promised_is_not_free(settings: Settings, reserve: DiskReserve) -> None:
    other = DiskReserve(settings)
    with other.promised(250 * MIB):
        with pytest.raises(DiskFull, match="Only 250 MiB are free"), reserve.promised(200 * MIB):
            pass
        with reserve.promised(150 * MIB):
            assert reserve.fault(1)

    reserve.require(400 * MIB)


def test_what_is_small_is_not_entered(settings: Settings, reserve: DiskReserve) -> None:
    with reserve.promised(1000):
        assert not data_folder.disk_promises(settings).exists()


def test_what_a_killed_process_was_promised_is_free_again(settings: Settings) -> None:
    folder = data_folder.disk_promises(settings)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from ilios.core.disk_promises import DiskPromises\n"
        "promises = DiskPromises(Path(sys.argv[1]))\n"
        "with promises.exclusively():\n"
        "    promises.add(1000)\n"
        "print(promises.total_bytes(), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "1000\n", done.stderr
    promises = DiskPromises(folder)
    assert promises.total_bytes() == 0
    with promises.exclusively():
        assert [path.name for path in folder.iterdir()] == ["lock"]


def test_a_look_removes_no_entry_that_is_just_being_made(settings: Settings) -> None:
    promises = DiskPromises(data_folder.disk_promises(settings))
    with promises.exclusively():
        entry = data_folder.disk_promises(settings) / "made-and-not-locked-yet"
        entry.touch()

        assert DiskPromises(entry.parent).total_bytes() == 0

        assert entry.exists()


def test_what_a_spare_file_has_given_up_is_not_free(
    settings: Settings, reserve: DiskReserve
) -> None:
    spare = SpareFile(settings.database_path)
    spare.make()
    reserve.require(400 * MIB)
    spare.give_up()

    with pytest.raises(DiskFull):
        reserve.require(400 * MIB)

    reserve.require(400 * MIB - SPARE_BYTES)
