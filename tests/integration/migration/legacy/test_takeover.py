"""How the new database takes the old one's place, and when it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db import quick_check, schema_version
from ilios.db.driver import sqlite
from ilios.db.models import REVISION
from ilios.migration.legacy import predecessor
from ilios.migration.upgrade import exclusive
from tests.support.forking import REPOSITORY
from tests.support.migrating import alembic, environment, upgrade
from tests.support.predecessor import KEYS, Predecessor, cuid

ADOPTABLE = "SELECT id, content, api_key FROM documents ORDER BY id"


def backups(settings: Settings) -> list[Path]:
    return list(settings.data_folder.glob("ilios.predecessor-*.db"))


def files(settings: Settings) -> dict[str, bytes]:
    """Return the database's files, without our locks and the index of the WAL."""
    beside = settings.data_folder.glob("ilios*")
    return {p.name: p.read_bytes() for p in beside if not p.name.endswith(("-lock", "-shm"))}


def assert_refused_untouched(settings: Settings, *words: str, command: str = "upgrade") -> None:
    before = files(settings)

    done = alembic(settings, command, *(["head"] if command == "upgrade" else []))

    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert [word for word in words if word not in line] == []
    assert files(settings) == before


def test_the_old_file_is_kept_beside_for_its_owner_only(
    full: Predecessor, old_settings: Settings
) -> None:
    before = full.execute(ADOPTABLE)

    done = alembic(old_settings, "upgrade", "head")

    (backup,) = backups(old_settings)
    assert backup.stat().st_mode & 0o777 == 0o600
    assert Predecessor(backup).execute(ADOPTABLE) == before
    event = json.loads(done.stdout.splitlines()[-1])
    assert event["event"] == "database.adopted"
    assert event["backup"] == str(backup)
    assert event["documents"] == len(before)
    assert "keys in clear" in event["note"]
    assert not [key for key in KEYS if key in done.stdout + done.stderr]


def test_an_adopted_database_is_not_adopted_again(
    full: Predecessor, old_settings: Settings
) -> None:
    upgrade(old_settings)
    before = files(old_settings)

    done = alembic(old_settings, "upgrade", "head")

    assert (done.returncode, done.stdout) == (0, "")
    assert files(old_settings) == before


def test_what_a_killed_predecessor_had_committed_is_adopted_too(
    old: Predecessor, old_settings: Settings
) -> None:
    dying = (
        "import os, sys; from ilios.db.driver import sqlite; c = sqlite.connect(sys.argv[1]); "
        "c.execute(\"UPDATE documents SET content = 'late'\"); c.commit(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", dying, old.path], check=True)
    assert old.path.with_name("ilios.db-wal").stat().st_size > 0

    upgrade(old_settings)

    assert Predecessor(old.path).execute("SELECT markdown FROM pages") == [("late",)]
    (backup,) = backups(old_settings)
    assert Predecessor(backup).execute("SELECT content FROM documents") == [("late",)]
    assert not old.path.with_name("ilios.db-wal").exists()


def test_a_predecessor_that_is_still_open_is_refused_even_if_it_does_nothing(
    old: Predecessor, old_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predecessor, "BUSY_TIMEOUT_MS", 10)
    running = sqlite.connect(str(old.path))
    running.execute("SELECT count(*) FROM documents").fetchall()

    with (
        pytest.raises(DatabaseRefused, match="in use: stop the predecessor"),
        exclusive(old_settings, {REVISION}),
    ):
        pass

    running.close()
    assert len(old.execute(ADOPTABLE)) == 1
    assert not backups(old_settings)


@pytest.mark.parametrize("arguments", [("current",), ("check",), ("upgrade", "0001")])
def test_only_an_upgrade_to_the_head_adopts(
    old: Predecessor, old_settings: Settings, arguments: tuple[str, ...]
) -> None:
    before = files(old_settings)

    done = alembic(old_settings, *arguments)

    assert done.returncode != 0
    assert files(old_settings) == before
    said = done.stdout + done.stderr
    assert "`alembic upgrade head` adopts it" in said or "database is not up to date" in said


def test_serving_before_the_adoption_is_refused(old: Predecessor, old_settings: Settings) -> None:
    with pytest.raises(DatabaseRefused, match="`ilios migrate` to adopt it"):
        schema_version.require_current(old_settings)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("status", "dreaming", "its status is 'dreaming'"),
        ("created_at", "yesterday", "'yesterday' is no time in seconds"),
        ("created_at", 10**17, "is no time in seconds"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(
    old: Predecessor, old_settings: Settings, column: str, value: object, said: str
) -> None:
    old.document("odd", "completed")
    old.execute(f"UPDATE documents SET {column} = ? WHERE id = ?", value, cuid("odd"))

    assert_refused_untouched(old_settings, f"row {cuid('odd')} of documents", said)


def test_what_is_nearly_the_predecessors_is_refused(
    old: Predecessor, old_settings: Settings
) -> None:
    old.execute("ALTER TABLE documents ADD COLUMN tenant text")

    assert_refused_untouched(old_settings, "columns of documents with tenant", "LOCAL_DB_PATH=")


def test_an_unknown_table_is_refused_for_its_content_would_be_lost(
    old: Predecessor, old_settings: Settings
) -> None:
    old.execute("CREATE TABLE tenants (id)")

    assert_refused_untouched(old_settings, "tables with tenants", "left untouched")


def test_a_damaged_predecessor_is_refused(full: Predecessor, old_settings: Settings) -> None:
    content = bytearray(full.path.read_bytes())
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    full.path.write_bytes(content)

    assert_refused_untouched(old_settings, "cannot be read as a database", "restore a backup")


def test_a_full_disk_leaves_everything_as_it_was(full: Predecessor, old_settings: Settings) -> None:
    before = files(old_settings)

    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 32; exec "$@"', "sh", sys.executable, "-m", "alembic",
         "upgrade", "head"],
        cwd=REPOSITORY,
        env=environment(old_settings),
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip

    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert "could not be adopted" in line
    assert "make room on its disk" in line
    assert files(old_settings) == before


def test_a_database_of_another_program_keeps_its_wal(old_settings: Settings) -> None:
    path = old_settings.database_path
    path.parent.mkdir()
    dying = (
        "import os, sys; from ilios.db.driver import sqlite; c = sqlite.connect(sys.argv[1]); "
        "c.execute('PRAGMA journal_mode=WAL'); c.execute('CREATE TABLE theirs (id)'); c.commit(); "
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", dying, path], check=True)
    assert "ilios.db-wal" in files(old_settings)

    assert_refused_untouched(old_settings, "made by another program", "left untouched")


def test_a_database_of_another_program_gets_no_wal(old_settings: Settings) -> None:
    path = old_settings.database_path
    path.parent.mkdir()
    theirs = sqlite.connect(str(path))
    theirs.execute("PRAGMA journal_mode=WAL")
    theirs.execute("CREATE TABLE theirs (id)")
    theirs.commit()
    theirs.close()

    assert_refused_untouched(old_settings, "made by another program")

    assert {p.name for p in path.parent.glob("ilios*")} == {"ilios.db", "ilios.db.migrate-lock"}


def test_a_file_that_fails_its_check_is_refused() -> None:
    with pytest.raises(DatabaseRefused, match=r"\(row 3 missing from index\): restore a backup"):
        quick_check.require_sound(Path("ilios.db"), "row 3 missing from index")
