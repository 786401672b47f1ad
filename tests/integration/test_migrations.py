"""Migrations through the alembic command, as an operator runs them."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pysqlite3
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from ilios import migrations
from ilios.errors import DatabaseRefused
from ilios.models import REVISION
from ilios.settings import Settings
from tests.support.migrating import REPOSITORY, alembic, environment


@pytest.fixture
def fresh(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def execute(path: Path, statement: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = pysqlite3.connect(str(path))
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_an_empty_folder_gets_a_database(fresh: Settings) -> None:
    assert alembic(fresh, "upgrade", "head").returncode == 0

    migrations.require_current(fresh)


def test_the_models_and_the_migrations_agree(fresh: Settings) -> None:
    alembic(fresh, "upgrade", "head")

    check = alembic(fresh, "check")

    assert "No new upgrade operations detected" in check.stdout


def test_the_revision_that_the_models_name_is_the_newest() -> None:
    scripts = ScriptDirectory.from_config(Config(REPOSITORY / "alembic.ini"))

    assert scripts.get_current_head() == REVISION


def test_down_and_up_again(fresh: Settings) -> None:
    for arguments in (("upgrade", "head"), ("downgrade", "base"), ("upgrade", "head")):
        done = alembic(fresh, *arguments)
        assert done.returncode == 0, done.stderr

    migrations.require_current(fresh)


KILLED_HALF_WAY = """
import os, signal, sys
from alembic.config import main
from sqlalchemy import event
from sqlalchemy.engine import Engine

@event.listens_for(Engine, "after_cursor_execute")
def kill(_connection, _cursor, statement, *_):
    if statement.strip().startswith("CREATE TABLE job_queue"):
        os.kill(os.getpid(), signal.SIGKILL)

main(["upgrade", "head"])
"""


def test_a_migration_that_is_killed_half_way_is_simply_repeated(fresh: Settings) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_HALF_WAY],
        cwd=REPOSITORY,
        env=environment(fresh),
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL

    again = alembic(fresh, "upgrade", "head")

    assert again.returncode == 0, again.stderr
    migrations.require_current(fresh)


def test_a_database_that_is_a_folder_is_refused(fresh: Settings) -> None:
    fresh.database_path.mkdir(parents=True)

    done = alembic(fresh, "upgrade", "head")

    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert "is a folder" in done.stderr


def test_a_database_that_is_locked_is_refused_with_what_to_do(
    fresh: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    alembic(fresh, "upgrade", "head")
    monkeypatch.setattr(migrations, "BUSY_TIMEOUT_MS", 10)
    stranger = pysqlite3.connect(str(fresh.database_path), isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")

    with (
        pytest.raises(DatabaseRefused, match="stop the program that has locked it"),
        migrations.exclusive(fresh, {REVISION}),
    ):
        pass

    stranger.close()


def test_two_upgrades_at_once_take_turns(fresh: Settings) -> None:
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: alembic(fresh, "upgrade", "head"), range(2)))

    assert [done.returncode for done in both] == [0, 0]
    migrations.require_current(fresh)


def test_somebody_elses_database_is_refused_untouched(fresh: Settings) -> None:
    execute(fresh.database_path, "CREATE TABLE documents (id TEXT, content TEXT)")
    before = fresh.database_path.read_bytes()

    done = alembic(fresh, "upgrade", "head")

    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert "no alembic_version" in done.stderr
    assert fresh.database_path.read_bytes() == before


def test_a_newer_database_is_refused_untouched(fresh: Settings) -> None:
    alembic(fresh, "upgrade", "head")
    execute(fresh.database_path, "UPDATE alembic_version SET version_num = '9999'")
    before = fresh.database_path.read_bytes()

    done = alembic(fresh, "upgrade", "head")

    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert "newer than this version" in done.stderr
    assert fresh.database_path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_untouched(fresh: Settings) -> None:
    fresh.database_path.parent.mkdir(parents=True)
    fresh.database_path.write_bytes(b"This is not a database." * 100)

    done = alembic(fresh, "upgrade", "head")

    assert done.returncode != 0
    assert "cannot be" in done.stderr.strip().splitlines()[-1]
    assert len(done.stderr.strip().splitlines()) == 1
    assert fresh.database_path.read_bytes() == b"This is not a database." * 100


def test_an_unwritable_folder_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = alembic(Settings(data_dir=tmp_path / "file" / "data"), "upgrade", "head")

    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert "cannot be written" in done.stderr
    assert "DATA_DIR" in done.stderr


def test_serving_without_a_migrated_database_is_refused(fresh: Settings) -> None:
    with pytest.raises(DatabaseRefused, match="alembic upgrade head"):
        migrations.require_current(fresh)
