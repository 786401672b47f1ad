"""The data folder's own files."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest

from ilios.core import data_folder
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from tests.support.power_cut import Record


def test_a_node_id_is_drawn_once_and_survives_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path)
    record = Record(monkeypatch)

    first = data_folder.node_id(settings)

    path = data_folder.node_id_file(settings)
    assert record.bytes_were_safe_before_the_name(path)
    assert record.unsafe_names() == []
    assert first == path.read_text() == data_folder.node_id(settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"\xff\x00garbage", b"no id\n", b"a" * 100_000])
def test_a_node_id_that_is_none_is_refused_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    settings = Settings(data_dir=tmp_path)
    data_folder.node_id_file(settings).write_bytes(content)

    with pytest.raises(StartupError, match=r"does not hold the id of this node\. Delete it"):
        data_folder.node_id(settings)


def test_a_start_closes_what_earlier_versions_left_open_to_others(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    data_folder.prepare(settings)
    tmp_path.chmod(0o755)
    open_to_all = [
        settings.database_path,
        settings.database_path.with_name("ilios.db-wal"),
        settings.database_path.with_name("ilios.db-shm"),
        data_folder.node_id_file(settings),
    ]
    for path in open_to_all:
        path.touch()
        path.chmod(0o644)
    folders = [*data_folder.own_folders(settings), settings.data_folder / "tmp"]
    for folder in folders:
        folder.chmod(0o755)

    data_folder.prepare(settings)

    assert {stat.S_IMODE(path.stat().st_mode) for path in open_to_all} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)

    data_folder.prepare(Settings(data_dir=tmp_path))

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_a_full_disk_is_named_as_the_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "touch", refuse)

    with pytest.raises(StartupError, match="is on a full disk: free a few MiB"):
        data_folder.prepare(Settings(data_dir=tmp_path))


def test_another_process_may_empty_a_folder_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    touch = Path.touch

    def touch_and_lose(path: Path) -> None:
        touch(path)
        data_folder.empty(path.parent)

    monkeypatch.setattr(Path, "touch", touch_and_lose)

    data_folder.prepare(settings)

    assert all(folder.is_dir() for folder in data_folder.own_folders(settings))
