"""start.sh with real processes: what it starts, what it refuses, and how it ends."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.driver import sqlite
from tests.support.api_server import free_port
from tests.support.forking import LIKE_A_USER, REPOSITORY
from tests.support.start_script import END_TIMEOUT_S, Start, StartScript
from tests.support.waiting import wait_until

IDLE_STOP_LIMIT_S = 2.0  #: it takes half a second when the machine has nothing else to do
ACCOUNT_UID = 10001
PR_SET_CHILD_SUBREAPER = 36  #: linux/prctl.h


@pytest.fixture
def small(settings: Settings) -> Settings:
    """Provide settings of the fewest processes, on a free port."""
    return settings.model_copy(
        update={"port": free_port(), "worker_count": 1, "web_concurrency": 1}
    )


@pytest.fixture
def serving(start: Start, small: Settings) -> StartScript:
    """Provide a start.sh whose service is ready."""
    script = start(small)
    script.wait_until_ready()
    return script


def test_a_new_data_folder_is_made_migrated_and_served(
    start: Start, small: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "new"

    start(small.model_copy(update={"data_dir": folder})).wait_until_ready()

    assert (folder / "ilios.db").stat().st_uid == os.geteuid()
    assert (folder / "tmp").is_dir()


def test_sigterm_ends_an_idle_service_at_once_with_0(serving: StartScript, leniency: float) -> None:
    asked_at = time.monotonic()
    serving.process.terminate()

    assert serving.wait() == 0
    assert time.monotonic() - asked_at < IDLE_STOP_LIMIT_S * leniency
    serving.wait_until_nothing_is_left()


def test_an_orphan_of_whose_end_nobody_takes_note_does_not_delay_the_script(
    serving: StartScript, leniency: float
) -> None:
    with orphans_unnoticed(serving):
        asked_at = time.monotonic()
        serving.child("gunicorn").kill()  # its worker is left

        assert serving.wait() == 128 + signal.SIGKILL
        assert time.monotonic() - asked_at < IDLE_STOP_LIMIT_S * leniency
        wait_until(lambda: orphans(serving), END_TIMEOUT_S)


def test_a_second_sigterm_changes_nothing(serving: StartScript) -> None:
    serving.process.terminate()
    serving.process.terminate()

    assert serving.wait() == 0
    assert "supervisor.stopped" in serving.log
    serving.wait_until_nothing_is_left()


def test_ctrl_c_drains_and_ends_with_0(serving: StartScript) -> None:
    os.killpg(serving.process.pid, signal.SIGINT)

    assert serving.wait() == 0
    assert "supervisor.stopped" in serving.log
    serving.wait_until_nothing_is_left()


def test_a_sigterm_during_the_migration_lets_it_finish_and_starts_nothing(
    start: Start, small: Settings, tmp_path: Path
) -> None:
    fresh = small.model_copy(update={"data_dir": tmp_path / "new"})
    fresh.data_folder.mkdir()
    with (fresh.data_folder / "ilios.db.migrate-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as another migration would: ours waits for its end
        script = start(fresh)
        migration = script.child("migration")
        script.process.terminate()

    assert script.wait() == 0
    assert not migration.is_running()
    assert rows(fresh.database_path, "SELECT version_num FROM alembic_version")
    assert "supervisor.started" not in script.log
    script.wait_until_nothing_is_left()


def test_when_gunicorn_dies_the_supervisor_drains_and_the_script_fails(
    serving: StartScript,
) -> None:
    serving.child("gunicorn").kill()

    assert serving.wait() == 128 + signal.SIGKILL
    assert "gunicorn ended with status 137" in serving.log
    assert "supervisor.stopped" in serving.log
    serving.wait_until_nothing_is_left()


def test_when_the_supervisor_dies_gunicorn_drains_and_the_script_fails(
    serving: StartScript,
) -> None:
    serving.child("supervisor").kill()

    assert serving.wait() == 128 + signal.SIGKILL
    assert "the supervisor ended with status 137" in serving.log
    assert "Shutting down" in serving.log
    serving.wait_until_nothing_is_left()


@pytest.mark.parametrize(
    ("dying", "hanging"), [("gunicorn", "supervisor"), ("supervisor", "gunicorn")]
)
def test_when_one_half_dies_a_hanging_one_does_not_keep_the_script(
    start: Start, small: Settings, dying: str, hanging: str
) -> None:
    script = start(small.model_copy(update={"shutdown_grace_seconds": 1}))
    script.wait_until_ready()
    script.child(hanging).suspend()

    script.child(dying).kill()

    assert script.wait() == 128 + signal.SIGKILL
    script.wait_until_nothing_is_left()


def test_a_supervisor_that_stops_without_being_asked_is_a_failure(serving: StartScript) -> None:
    serving.child("supervisor").terminate()

    assert serving.wait() == 1
    serving.wait_until_nothing_is_left()


def test_nothing_outlives_a_killed_script(serving: StartScript) -> None:
    serving.process.kill()

    serving.wait_until_nothing_is_left(END_TIMEOUT_S)


def test_a_busy_port_is_one_line(start: Start, small: Settings) -> None:
    with socket.create_server(("0.0.0.0", small.port)):  # noqa: S104  # as gunicorn binds
        script = start(small)

        assert script.wait() == 1

    assert script.lines == [
        f"ilios: port {small.port} is taken by another program: stop it, or set PORT to a free one."
    ]


def test_a_wrong_setting_is_one_line(start: Start, small: Settings) -> None:
    script = start(small.model_copy(update={"worker_count": 0}))

    assert script.wait() == 1
    (line,) = script.lines
    assert line.startswith("ilios: WORKER_COUNT is '0':")


def test_a_data_folder_that_cannot_be_made_is_one_line(
    start: Start, small: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    script = start(small.model_copy(update={"data_dir": tmp_path / "file" / "data"}))

    assert script.wait() == 1
    (line,) = script.lines
    assert "cannot be written" in line


def test_a_data_folder_of_somebody_else_is_one_line_with_the_remedy(
    start: Start, small: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)

    script = start(small.model_copy(update={"data_dir": folder}), LIKE_A_USER)

    assert script.wait() == 1
    (line,) = script.lines
    assert f"chown -R {os.getuid()} {folder}" in line


def test_a_newer_database_is_refused_untouched(start: Start, small: Settings) -> None:
    change(small.database_path, "UPDATE alembic_version SET version_num = '29990101'")
    before = small.database_path.read_bytes()

    script = start(small)

    assert script.wait() == 1
    (line,) = script.lines
    assert "newer than this version" in line
    assert small.database_path.read_bytes() == before


def test_a_database_of_another_program_is_refused_untouched(start: Start, small: Settings) -> None:
    small.database_path.unlink()
    change(small.database_path, "CREATE TABLE documents (id TEXT PRIMARY KEY)")
    before = small.database_path.read_bytes()

    script = start(small)

    assert script.wait() == 1
    (line,) = script.lines
    assert "made by another program" in line
    assert small.database_path.read_bytes() == before


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite.connect(str(path))
    found: list[tuple[object, ...]] = connection.execute(query).fetchall()
    connection.close()
    return found


def change(path: Path, statement: str) -> None:
    connection = sqlite.connect(str(path))
    connection.execute(statement)
    connection.commit()
    connection.close()


# --- in the image: root hands the data folder over ---


RunInImage = Callable[[Path], subprocess.CompletedProcess[str]]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Provide a folder that other users may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="ilios-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def as_in_the_image(open_folder: Path) -> RunInImage:
    """Run start.sh as root where the account exists; `python` only tells whom it runs as."""
    passwd = open_folder / "passwd"
    account = f"ilios:x:{ACCOUNT_UID}:{ACCOUNT_UID}::/data:/bin/false\n"
    passwd.write_text(Path("/etc/passwd").read_text() + account)
    image = open_folder / "image"
    image.mkdir()
    shutil.copy(REPOSITORY / "start.sh", image)
    python = image / "python"
    python.write_text('#!/bin/sh\nid -u; id -G; echo "$HOME"; exit 3\n')
    python.chmod(0o755)
    namespace = ["unshare", "--mount", "sh", "-c"]
    bind = 'mount --bind "$1" /etc/passwd && shift && exec "$@"'
    if subprocess.run([*namespace, bind, "sh", passwd, "true"], check=False).returncode:
        pytest.skip("needs root and a mount namespace")

    def run(data_dir: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*namespace, bind, "sh", passwd, image / "start.sh"],
            env={"PATH": f"{image}:{os.environ['PATH']}", "DATA_DIR": str(data_dir)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root and a mount namespace")
def test_root_gives_the_volume_to_the_account_and_drops_to_it(
    as_in_the_image: RunInImage, open_folder: Path
) -> None:
    data = open_folder / "data"
    (data / "objects" / "deep").mkdir(parents=True)
    (data / "objects" / "deep" / "file").touch()
    (data / "link").symlink_to("/etc/passwd")

    done = as_in_the_image(data)

    assert done.stdout.split() == [str(ACCOUNT_UID), str(ACCOUNT_UID), str(data)]
    assert {path.lstat().st_uid for path in [data, *data.rglob("*")]} == {ACCOUNT_UID}
    assert Path("/etc/passwd").stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root and a mount namespace")
def test_a_volume_that_was_handed_over_is_not_walked_again(
    as_in_the_image: RunInImage, open_folder: Path
) -> None:
    data = open_folder / "data"
    (data / "objects").mkdir(parents=True)
    as_in_the_image(data)
    (data / "objects" / "left-by-root").touch()
    (data / "ilios.db-wal").touch()

    as_in_the_image(data)

    assert (data / "ilios.db-wal").stat().st_uid == ACCOUNT_UID
    assert (data / "objects" / "left-by-root").stat().st_uid == 0


def test_a_second_start_on_the_same_data_folder_harms_nothing(
    start: Start, serving: StartScript, small: Settings
) -> None:
    arriving = data_folder.uploads(small) / "arriving"
    arriving.touch()

    second = start(small.model_copy(update={"port": free_port()}))

    assert second.wait() != 0
    assert any(f"works in {small.data_folder}" in line for line in second.lines)
    assert arriving.exists()
    assert serving.process.poll() is None


def test_a_database_that_cannot_be_written_is_one_line(start: Start, small: Settings) -> None:
    small.database_path.chmod(0o400)

    script = start(small, LIKE_A_USER)

    assert script.wait() == 1
    (line,) = script.lines
    assert f"{small.database_path} cannot be written" in line
    assert "chown" in line


@contextlib.contextmanager
def orphans_unnoticed(script: StartScript) -> Iterator[None]:
    """Be a PID 1 that takes its time: orphans of this process's children stay in the table."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0)
        for orphan in orphans(script):
            os.waitpid(orphan.pid, 0)


def orphans(script: StartScript) -> list[psutil.Process]:
    """Return the script's processes that have come to this one, and have ended."""
    return [
        one
        for one in psutil.Process().children()
        if one.pid != script.process.pid
        and one.status() == psutil.STATUS_ZOMBIE
        and os.getsid(one.pid) == script.process.pid
    ]
