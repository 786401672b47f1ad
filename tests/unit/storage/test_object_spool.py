"""The spool of objects: bounded, checked before it is trusted, and never in the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ilios.core import data_folder
from ilios.core.conversion_errors import StorageUnavailable
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.storage import object_spool
from ilios.storage.object_spool import ObjectSpool, sha256_of
from tests.support.waiting import wait_until

KEY = "documents/instance/document/source"
PART = "documents/instance/document/parts/0-9"

FILLS_FOR_EVER = """
import sys
from itertools import count
from pathlib import Path
from ilios.core import data_folder
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.storage.object_spool import ObjectSpool, sha256_of

settings = Settings(data_dir=Path(sys.argv[1]))
spool = ObjectSpool(data_folder.spool(settings), DiskReserve(settings))
for number in count():
    arriving = data_folder.uploads(settings) / f"{number}"
    arriving.write_bytes(f"{number}".encode() * 10_000)
    spool.keep(f"documents/i/{number}/source", arriving, sha256_of(arriving))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path / "data", min_free_disk_bytes=0)
    data_folder.prepare(made)
    return made


@pytest.fixture
def spool(settings: Settings) -> ObjectSpool:
    return ObjectSpool(data_folder.spool(settings), DiskReserve(settings))


@pytest.fixture
def received(settings: Settings) -> Callable[[bytes], Path]:
    """Provide a file that has just been received."""

    def receive(content: bytes) -> Path:
        path = data_folder.uploads(settings) / os.urandom(8).hex()
        path.write_bytes(content)
        return path

    return receive


def kept(settings: Settings) -> list[Path]:
    return sorted(data_folder.spool(settings).iterdir())


def keep(spool: ObjectSpool, key: str, path: Path) -> None:
    spool.keep(key, path, sha256_of(path))


def test_a_file_is_moved_in_and_out_once(
    spool: ObjectSpool, received: Callable[[bytes], Path], tmp_path: Path, settings: Settings
) -> None:
    arrived = received(b"the bytes")

    keep(spool, KEY, arrived)

    assert not arrived.exists()
    assert spool.take(KEY, tmp_path / "taken")
    assert (tmp_path / "taken").read_bytes() == b"the bytes"
    assert not spool.take(KEY, tmp_path / "again")
    assert kept(settings) == []


def test_keys_are_kept_apart(
    spool: ObjectSpool, received: Callable[[bytes], Path], tmp_path: Path
) -> None:
    for key in (KEY, f"{KEY}.1", f"{KEY}-1", PART):
        keep(spool, key, received(key.encode()))

    for key in (PART, f"{KEY}.1", KEY):
        assert spool.take(key, tmp_path / "taken")
        assert (tmp_path / "taken").read_bytes() == key.encode()
        (tmp_path / "taken").unlink()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: os.truncate(path, 0),
        lambda path: os.truncate(path, 5),
        lambda path: path.write_bytes(bytes(9)),
        lambda path: path.write_bytes(b"the bytes and more"),
    ],
    ids=["empty", "cut", "zeros", "longer"],
)
def test_a_damaged_file_is_removed_and_not_taken(
    spool: ObjectSpool,
    received: Callable[[bytes], Path],
    tmp_path: Path,
    settings: Settings,
    damage: Callable[[Path], object],
) -> None:
    keep(spool, KEY, received(b"the bytes"))
    damage(kept(settings)[0])

    assert not spool.take(KEY, tmp_path / "taken")

    assert not (tmp_path / "taken").exists()
    assert kept(settings) == []


def test_a_removed_file_leaves_nothing(
    spool: ObjectSpool, received: Callable[[bytes], Path], settings: Settings
) -> None:
    keep(spool, KEY, received(b"secret"))
    keep(spool, PART, received(b"secret"))

    spool.remove(KEY)
    spool.remove(PART)
    spool.remove(PART)

    assert kept(settings) == []


def test_what_cannot_be_removed_is_an_error(
    spool: ObjectSpool, received: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    keep(spool, KEY, received(b"secret"))
    monkeypatch.setattr(Path, "unlink", refuse)

    with pytest.raises(StorageUnavailable):
        spool.remove(KEY)


def test_bytes_and_files_are_bounded(
    spool: ObjectSpool,
    received: Callable[[bytes], Path],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(object_spool, "SPOOL_MAX_BYTES", 1000)
    monkeypatch.setattr(object_spool, "SPOOL_MAX_FILES", 8)
    sizes = [1001, *[300] * 5, *[10] * 20]
    files = [received(bytes(size)) for size in sizes]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: keep(spool, f"documents/i/{n}/source", files[n]), range(26)))

    assert sum(path.stat().st_size for path in kept(settings)) <= 1000
    assert 3 <= len(kept(settings)) <= 8
    left = [path for path in files if path.exists()]
    assert len(left) + len(kept(settings)) == len(files)


def test_a_full_spool_takes_files_again_once_some_were_taken(
    spool: ObjectSpool,
    received: Callable[[bytes], Path],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(object_spool, "SPOOL_MAX_FILES", 2)
    monkeypatch.setattr(object_spool, "RECOUNT_SECONDS", 0)
    for number in range(3):
        keep(spool, f"documents/i/{number}/source", received(b"bytes"))
    assert len(kept(settings)) == 2

    assert spool.take("documents/i/0/source", tmp_path / "taken")
    keep(spool, "documents/i/3/source", received(b"bytes"))

    assert len(kept(settings)) == 2
    assert spool.take("documents/i/3/source", tmp_path / "again")


def test_a_file_whose_content_is_known_is_found_without_reading_all_names(
    spool: ObjectSpool,
    received: Callable[[bytes], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arrived = received(b"the bytes")
    sha256 = sha256_of(arrived)
    spool.keep(KEY, arrived, sha256)
    monkeypatch.setattr(os, "listdir", None)

    assert not spool.take(KEY, tmp_path / "other", sha256_of(received(b"others")))
    assert spool.take(KEY, tmp_path / "taken", sha256)
    assert (tmp_path / "taken").read_bytes() == b"the bytes"


def test_of_many_that_take_a_file_one_gets_it(
    spool: ObjectSpool, received: Callable[[bytes], Path], tmp_path: Path
) -> None:
    keep(spool, KEY, received(bytes(100_000)))

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda n: spool.take(KEY, tmp_path / f"{n}"), range(8)))

    assert taken.count(True) == 1


def test_a_disk_without_room_for_a_whole_spool_keeps_nothing(
    received: Callable[[bytes], Path], settings: Settings
) -> None:
    crowded = settings.model_copy(update={"min_free_disk_bytes": 2**60})
    arrived = received(b"the bytes")

    keep(ObjectSpool(data_folder.spool(settings), DiskReserve(crowded)), KEY, arrived)

    assert arrived.exists()
    assert kept(settings) == []


def test_a_disk_that_fails_costs_nothing_but_the_spool(
    spool: ObjectSpool,
    received: Callable[[bytes], Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    arrived = received(b"the bytes")
    monkeypatch.setattr(os, "rename", refuse)

    keep(spool, KEY, arrived)

    assert arrived.exists()
    assert not spool.take(KEY, tmp_path / "taken")


def test_without_its_folder_there_is_no_spool(
    received: Callable[[bytes], Path], settings: Settings, tmp_path: Path
) -> None:
    nowhere = ObjectSpool(settings.data_folder / "nowhere", DiskReserve(settings))

    keep(nowhere, KEY, received(b"the bytes"))
    nowhere.remove(KEY)

    assert not nowhere.take(KEY, tmp_path / "taken")


def test_a_process_that_is_killed_leaves_whole_files_only(
    spool: ObjectSpool, settings: Settings, tmp_path: Path
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", FILLS_FOR_EVER, settings.data_folder],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "MIN_FREE_DISK_BYTES": "0"},
    )
    try:
        wait_until(lambda: len(kept(settings)) > 20, timeout_s=60)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()

    for number in range(len(kept(settings))):
        assert spool.take(f"documents/i/{number}/source", tmp_path / f"{number}")
        assert (tmp_path / f"{number}").read_bytes() == f"{number}".encode() * 10_000
    assert kept(settings) == []
