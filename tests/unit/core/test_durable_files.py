"""Files that appear whole or not at all: after an error, a kill, a race and a power cut."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from tempfile import TemporaryFile
from threading import Barrier
from typing import Any

import pytest

from ilios.core import durable_files
from tests.support.power_cut import Record

OLD, NEW = b"old", b"new" * 1000
RACERS = 8

KILLED = """
import os, signal, sys
from pathlib import Path
from ilios.core import durable_files

step, act, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
path, content = folder / "file", b"new" * 1000

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if act == "publish":
    (folder / "draft").write_bytes(content)
setattr(os, step, die)
if act == "replace":
    durable_files.replace(path, content)
elif act == "publish":
    durable_files.publish(folder / "draft", path)
else:
    durable_files.create(path, content)
"""


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Record:  # that folder is older
    return Record(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(OLD)
    write_all, seen = durable_files.write_all, []

    def write_and_look(file: FileIO, view: memoryview) -> int:
        written = write_all(file, view)
        seen.append(path.read_bytes())
        return written

    monkeypatch.setattr(durable_files, "write_all", write_and_look)
    durable_files.replace(path, b"first ", b"second")

    assert seen == [OLD, OLD]
    assert path.read_bytes() == b"first second"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127, "a" * 249, "a" * 250])
def test_a_file_may_have_as_long_a_name_as_any(tmp_path: Path, name: str) -> None:
    path, like_it = tmp_path / name, tmp_path / (name[:-1] + "b")

    durable_files.replace(path, NEW)

    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert path.read_bytes() == NEW
    assert durable_files.draft_of(path) != durable_files.draft_of(like_it)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_stops_it_leaves_the_old_file_and_no_draft(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path.write_bytes(OLD)

    def stopped(*_: object) -> int:
        raise error

    monkeypatch.setattr(durable_files, "write_all", stopped)
    with pytest.raises(type(error)):
        durable_files.replace(path, NEW)

    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_takes_few_bytes_at_a_time_gets_them_all() -> None:
    class Slow(FileIO):
        def write(self, block: Any, /) -> int:
            return super().write(block[:7])

    with TemporaryFile() as file, Slow(file.fileno(), "wb", closefd=False) as slow:
        assert durable_files.write_all(slow, memoryview(NEW)) == len(NEW)
        file.seek(0)
        assert file.read() == NEW


def test_a_longer_draft_of_a_process_that_was_killed_leaves_no_bytes_behind(path: Path) -> None:
    durable_files.draft_of(path).write_bytes(2 * NEW)

    durable_files.replace(path, NEW)

    assert path.read_bytes() == NEW


def test_replacing_a_file_costs_no_fsync(path: Path, record: Record) -> None:
    durable_files.replace(path, NEW)

    assert [kind for kind, _ in record.events] == ["name"]


def test_the_file_has_the_mode_that_was_asked_for(path: Path) -> None:
    durable_files.replace(path, NEW, mode=0o600)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_published_survives_a_power_cut_bytes_first(path: Path, record: Record) -> None:
    draft = path.with_name("draft")
    draft.write_bytes(NEW)
    path.write_bytes(OLD)

    durable_files.publish(draft, path)

    assert record.bytes_were_safe_before_the_name(path)
    assert record.unsafe_names() == []
    assert path.read_bytes() == NEW
    assert list(path.parent.iterdir()) == [path]


def test_what_is_created_survives_a_power_cut_bytes_first(path: Path, record: Record) -> None:
    durable_files.create(path, NEW)

    assert record.bytes_were_safe_before_the_name(path)
    assert record.unsafe_names() == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_there_is_not_created_again(path: Path) -> None:
    path.write_bytes(OLD)

    durable_files.create(path, NEW)

    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_of_threads_that_race_to_create_a_file_one_writes_it(path: Path) -> None:
    start = Barrier(RACERS)
    contents = [bytes([number]) * 1000 for number in range(RACERS)]

    def create(content: bytes) -> bytes:
        start.wait()
        durable_files.create(path, content)
        return path.read_bytes()

    with ThreadPoolExecutor(RACERS) as pool:
        seen = set(pool.map(create, contents))

    assert len(seen) == 1
    assert seen <= set(contents)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("act", "step"),
    [("replace", "rename"), ("publish", "fsync"), ("publish", "rename"), ("create", "link")],
)
def test_a_process_that_is_killed_before_it_names_the_file_leaves_what_was_there(
    path: Path, act: str, step: str
) -> None:
    if act != "create":
        path.write_bytes(OLD)

    ended = subprocess.run([sys.executable, "-c", KILLED, step, act, path.parent], check=False)

    assert ended.returncode == -signal.SIGKILL
    assert path.exists() == (act != "create")
    assert not path.exists() or path.read_bytes() == OLD
    durable_files.replace(path, NEW)
    assert path.read_bytes() == NEW


def test_fsync_waits_for_a_folder_too(tmp_path: Path, record: Record) -> None:
    durable_files.fsync(tmp_path)

    assert record.events == [("fsync", tmp_path)]
    assert os.listdir(tmp_path) == []  # noqa: PTH208
