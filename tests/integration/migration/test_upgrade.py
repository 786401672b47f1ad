"""Migrations through the alembic command, as an operator runs them."""

from __future__ import annotations

import json
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db import (
    owner_totals,
    password_triggers,
    quick_check,
    schema_version,
    search_backfill,
    search_index,
    webhook_triggers,
)
from ilios.db.driver import sqlite
from ilios.db.models import REVISION
from ilios.migration import downgrades, upgrade
from tests.support.forking import REPOSITORY, run_python
from tests.support.migrating import alembic, environment

SCRIPTS = ScriptDirectory.from_config(Config(REPOSITORY / "alembic.ini"))
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]  #: oldest first


@pytest.fixture
def fresh(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def execute(path: Path, statement: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite.connect(str(path))
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_an_empty_folder_gets_a_database(fresh: Settings) -> None:
    assert alembic(fresh, "upgrade", "head").returncode == 0

    schema_version.require_current(fresh)


def test_the_models_and_the_migrations_agree(fresh: Settings) -> None:
    alembic(fresh, "upgrade", "head")

    check = alembic(fresh, "check")

    assert "No new upgrade operations detected" in check.stdout


def test_the_revision_that_the_models_name_is_the_newest() -> None:
    assert SCRIPTS.get_current_head() == REVISION


def test_autogenerate_by_hand_finds_nothing_to_write(fresh: Settings, tmp_path: Path) -> None:
    alembic(fresh, "upgrade", "head")
    shutil.copy(REPOSITORY / "alembic.ini", tmp_path)
    shutil.copytree(REPOSITORY / "alembic", tmp_path / "alembic")

    done = alembic(fresh, "revision", "--autogenerate", "--rev-id", "drift", folder=tmp_path)

    assert done.returncode == 0, done.stderr
    (written,) = set((tmp_path / "alembic/versions").glob("*.py")) - {
        tmp_path / "alembic/versions" / known.name
        for known in (REPOSITORY / "alembic/versions").glob("*.py")
    }
    lines = written.read_text().splitlines()
    assert [x for x in lines if x.startswith("    ") and "#" not in x] == ["    pass", "    pass"]


def test_current_by_hand_names_the_revision(fresh: Settings) -> None:
    alembic(fresh, "upgrade", "0001")
    before = alembic(fresh, "current").stdout
    alembic(fresh, "upgrade", "head")

    after = alembic(fresh, "current").stdout

    assert (before, after) == ("0001\n", f"{REVISION} (head)\n")


def test_each_migration_is_logged(fresh: Settings) -> None:
    lines = alembic(fresh, "upgrade", "head").stdout.splitlines()

    events = [json.loads(line) for line in lines]
    assert [(e["event"], e["revision"], e["direction"]) for e in events] == [
        ("database.migrated", revision, "up") for revision in REVISIONS
    ]


FIRST_CONTENT = (
    "INSERT INTO batches (id, owner, total_documents, priority, created_at) VALUES "
    "('batch', 'anna', 1, 5, '2026-01-01 00:00:00.000000')",
    "INSERT INTO documents (id, owner, file_name, mime_type, file_size, storage_key, status, "
    "engine_fault, operation, batch_id, options, warnings, pages_done, retention_days, created_at) "
    "VALUES ('document', 'anna', 'a.pdf', 'application/pdf', 3, 'key', 'completed', 0, 'convert', "
    "'batch', '{}', '[]', 1, 365, '2026-01-01 00:00:00.000000')",
    'INSERT INTO pages (document_id, "index", markdown, images) '
    "VALUES ('document', 0, '# One', '[]')",
    "INSERT INTO job_queue (id, document_id, owner, type, status, priority, rank, attempts, "
    "max_attempts, crashes, created_at) VALUES ('job', 'document', 'anna', 'convert', 'completed', "
    "5, 1, 1, 3, 0, '2026-01-01 00:00:00.000000')",
    "INSERT INTO usage (call_id, document_id, job_id, owner, operation, engine, model, state, "
    "pages, input_tokens, output_tokens, price_micros, margin_percent, base_cost_micros, "
    "total_cost_micros, created_at) VALUES ('call', 'document', 'job', 'anna', 'convert', "
    "'mistral', 'm', 'settled', 1, 0, 2, 4000, 30, 4000, 5200, '2026-01-01 00:00:00.000000')",
)
"""A row in each table that the first revision made."""
LATER_CONTENT = (
    "INSERT INTO provider_batches VALUES ('lane', 'batch', 'anna', 'm', 'running', 1, 'theirs', "
    "'RUNNING', '[]', '[]', '2026-01-01 00:00:00.000000', NULL, NULL)",
    "INSERT INTO job_queue (id, provider_batch_id, owner, type, lane, status, priority, rank, "
    "attempts, max_attempts, crashes, created_at) VALUES ('step', 'lane', 'anna', "
    "'provider_batch', 'mistral', 'pending', 5, 1, 0, 1000, 0, '2026-01-01 00:00:00.000000')",
    "UPDATE instance SET adopted_at = '2026-01-01 00:00:00.000000'",
    "INSERT INTO idempotency_keys VALUES ('key', 'anna', 1, 'content', 'batch', '[]', 'pp', 1, "
    "'2026-01-01 00:00:00.000000')",
    *(
        "INSERT INTO documents (id, owner, file_name, mime_type, file_size, storage_key, status, "
        "engine_fault, operation, result_of, provider_batch_id, options, warnings, pages_done, "
        f"retention_days, created_at) VALUES ('{name}', 'anna', 'a.pdf', 'application/pdf', 3, "
        f"'key', '{status}', 0, 'convert', {result_of}, {lane}, '{{}}', '[]', 0, 365, "
        "'2026-01-01 00:00:00.000000')"
        for name, status, result_of, lane in (
            ("duplicate", "completed", "'document'", "NULL"),
            ("archive", "archived", "NULL", "NULL"),
            ("split", "processing", "NULL", "NULL"),
            ("duplicate-of-split", "pending", "'split'", "NULL"),
            ("in-lane", "processing", "NULL", "'lane'"),
            ("cancelled", "cancelled", "NULL", "NULL"),
            ("deleted", "deleted", "NULL", "NULL"),
            ("deleted-leader", "deleted", "NULL", "NULL"),
            ("waiting-duplicate", "pending", "'deleted-leader'", "NULL"),
        )
    ),
    "INSERT INTO job_queue (id, document_id, owner, type, lane, first_page, last_page, status, "
    "priority, rank, attempts, max_attempts, crashes, created_at) VALUES ('range', 'split', "
    "'anna', 'range', 'mistral', 0, 9, 'pending', 5, 1, 0, 3, 0, '2026-01-01 00:00:00.000000')",
    "INSERT INTO job_queue (id, document_id, owner, type, lane, status, priority, rank, attempts, "
    "max_attempts, crashes, created_at) VALUES ('of-leader', 'deleted-leader', 'anna', 'convert', "
    "'mistral', 'pending', 5, 1, 0, 3, 0, '2026-01-01 00:00:00.000000')",
    "INSERT INTO pages (document_id, \"index\", markdown, images) VALUES ('split', 7, 'x', '[]')",
)
"""What only later revisions can hold."""


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Insert what the first revision could already hold."""
    connection = sqlite.connect(str(path))
    found = {
        "documents": "SELECT id, owner, status, batch_id, options FROM documents",
        "pages": 'SELECT document_id, "index", markdown FROM pages',
        "jobs": "SELECT id, document_id, status FROM job_queue WHERE document_id IS NOT NULL",
        "usage": "SELECT call_id, total_cost_micros FROM usage",
        "batches": "SELECT id, owner, total_documents FROM batches",
        "instance": "SELECT id, created_at FROM instance",
    }
    rows = {name: connection.execute(query).fetchall() for name, query in found.items()}
    connection.close()
    return rows


def test_every_revision_goes_up_and_down_with_data_in_it(fresh: Settings) -> None:
    alembic(fresh, "upgrade", REVISIONS[0])
    for statement in FIRST_CONTENT:
        execute(fresh.database_path, statement)
    before = content(fresh.database_path)

    for direction, revisions in (("upgrade", REVISIONS[1:]), ("downgrade", REVISIONS[-2::-1])):
        for revision in revisions:
            done = alembic(fresh, direction, revision)
            assert done.returncode == 0, done.stderr
            assert content(fresh.database_path) == before


def test_what_only_later_revisions_know_becomes_what_the_first_can_hold(fresh: Settings) -> None:
    alembic(fresh, "upgrade", "head")
    for statement in (*FIRST_CONTENT, *LATER_CONTENT):
        execute(fresh.database_path, statement)

    down = alembic(fresh, "downgrade", REVISIONS[0])

    assert down.returncode == 0, down.stderr
    found = content(fresh.database_path)
    assert {name: status for name, _, status, *_ in found["documents"]} == {
        "document": "completed",
        "duplicate": "completed",
        "archive": "completed",
        "split": "pending",
        "duplicate-of-split": "pending",
        "in-lane": "pending",
        "cancelled": "failed",
        "deleted": "failed",
        "deleted-leader": "pending",
        "waiting-duplicate": "pending",
    }
    assert sorted(found["pages"]) == [("document", 0, "# One"), ("duplicate", 0, "# One")]
    waiting = sorted(str(document) for _, document, status in found["jobs"] if status == "pending")
    assert waiting == [
        "deleted-leader",
        "duplicate-of-split",
        "in-lane",
        "split",
        "waiting-duplicate",
    ]


def test_webhooks_are_made_and_forgotten(fresh: Settings) -> None:
    alembic(fresh, "upgrade", "0014")
    for statement in FIRST_CONTENT:
        execute(fresh.database_path, statement)
    before = content(fresh.database_path)
    alembic(fresh, "upgrade", "head")
    of_old = rows(fresh.database_path, "SELECT * FROM webhook_deliveries")
    address = "UPDATE documents SET webhook_url = 'https://example.com/', status = 'pending'"
    execute(fresh.database_path, address)
    execute(fresh.database_path, "UPDATE documents SET status = 'completed'")
    told = rows(fresh.database_path, "SELECT type, receiver, status FROM webhook_deliveries")

    down = alembic(fresh, "downgrade", "0014")

    assert down.returncode == 0, down.stderr
    assert of_old == []
    assert told == [("document.completed", "https://example.com/", "pending")]
    assert content(fresh.database_path) == before
    triggers = "SELECT name FROM sqlite_master WHERE name LIKE 'webhook%'"
    assert rows(fresh.database_path, triggers) == []
    assert alembic(fresh, "upgrade", "head").returncode == 0
    with closing(sqlite.connect(str(fresh.database_path))) as connection:
        assert webhook_triggers.are_installed(connection)


@pytest.mark.parametrize(
    ("status", "sealed", "then"),
    [
        ("processing", "'sealed'", ("failed", "option_unavailable")),
        ("completed", "''", ("completed", None)),
        ("completed", "NULL", ("completed", None)),
    ],
)
def test_passwords_of_documents_are_forgotten_with_their_documents_end(
    fresh: Settings, status: str, sealed: str, then: tuple[str, str | None]
) -> None:
    alembic(fresh, "upgrade", "0017")
    for statement in FIRST_CONTENT:
        execute(fresh.database_path, statement)
    alembic(fresh, "upgrade", "head")
    with closing(sqlite.connect(str(fresh.database_path))) as connection:
        assert password_triggers.are_installed(connection)
    execute(fresh.database_path, f"UPDATE documents SET status = '{status}'")
    insert = f"INSERT INTO document_passwords VALUES ('document', {sealed})"
    execute(fresh.database_path, insert)

    down = alembic(fresh, "downgrade", "0017")

    assert down.returncode == 0, down.stderr
    assert rows(fresh.database_path, "SELECT status, error_code FROM documents") == [then]
    names = "SELECT name FROM sqlite_master WHERE name LIKE '%password%'"
    assert rows(fresh.database_path, names) == []
    up = alembic(fresh, "upgrade", "head")
    assert up.returncode == 0, up.stderr
    with closing(sqlite.connect(str(fresh.database_path))) as connection:
        assert password_triggers.are_installed(connection)


LONG_PAGE = "ä" * 65_535 + "b€" * 65_536 + "🙂"


def test_long_pages_are_cut_into_pieces_and_joined_again(fresh: Settings) -> None:
    alembic(fresh, "upgrade", "0008")
    for statement in FIRST_CONTENT:
        execute(fresh.database_path, statement)
    for index, text in ((1, LONG_PAGE), (2, "ä" * 65_536), (3, "ä" * 65_537)):
        execute(
            fresh.database_path,
            'INSERT INTO pages (document_id, "index", markdown, images) '
            f"VALUES ('document', {index}, '{text}', '[]')",
        )
    before = content(fresh.database_path)

    alembic(fresh, "upgrade", "0009")
    connection = sqlite.connect(str(fresh.database_path))
    pieces = connection.execute(
        'SELECT "index", number, length(markdown) FROM page_pieces ORDER BY 1, 2'
    ).fetchall()
    longest = connection.execute("SELECT max(length(markdown)) FROM pages").fetchone()
    connection.close()
    alembic(fresh, "downgrade", "0008")

    assert pieces == [(1, 1, 65_536), (1, 2, 65_536), (3, 1, 1)]
    assert longest == (65_536,)
    assert content(fresh.database_path) == before


STRUCTURE = (
    "INSERT INTO page_pieces VALUES ('document', 0, 1, 'more', '[1]')",
    "INSERT INTO page_words VALUES ('document', 0, 0, '[]')",
    "UPDATE pages SET confidence = 0.9, details = '{}', layout = '[1]'",
    "UPDATE documents SET info = '{}'",
    "INSERT INTO extractions VALUES ('document', '{}', NULL, NULL, '{}')",
    "UPDATE usage SET is_annotated = 1",
)


def test_old_pages_have_no_structure_and_a_downgrade_forgets_that_of_new_ones(
    fresh: Settings,
) -> None:
    alembic(fresh, "upgrade", "0011")
    for statement in FIRST_CONTENT:
        execute(fresh.database_path, statement)
    before = content(fresh.database_path)
    alembic(fresh, "upgrade", "head")
    upgraded = structure(fresh.database_path)
    for statement in STRUCTURE:
        execute(fresh.database_path, statement)

    down = alembic(fresh, "downgrade", "0011")
    downgraded = content(fresh.database_path)
    left = rows(fresh.database_path, "SELECT name FROM sqlite_master WHERE name LIKE 'search%'")
    again = alembic(fresh, "upgrade", "head")

    assert (down.returncode, again.returncode) == (0, 0), down.stderr + again.stderr
    assert left == []
    with closing(sqlite.connect(str(fresh.database_path))) as connection:
        assert not search_backfill.list_documents(connection, 9)
        waiting = connection.execute("SELECT document_id FROM search_pending").fetchall()
    assert waiting == rows(fresh.database_path, "SELECT DISTINCT document_id FROM pages") != []
    assert upgraded == [(None, None, None, None)]
    assert content(fresh.database_path) == downgraded == before
    assert structure(fresh.database_path) == [(None, None, None, None)]
    with closing(sqlite.connect(str(fresh.database_path))) as connection:
        assert owner_totals.are_installed(connection)
        assert owner_totals.differences(connection) == []


NEWER_OPTIONS = """{"pages": "1-3", "include_blocks": true, "confidence": "word",
    "image_limit": 5, "image_min_size": 9, "allow_partial": 0.5, "extraction":
    {"digest": "d", "of_document": true, "of_images": false}}"""
PLAIN = '{"table_format": "html"}'
PARTIAL = '{"allow_partial": 1.0}'
OPTIONS_OF_0011 = {
    *("pages", "model", "include_images", "table_format", "extract_header", "extract_footer"),
    "max_cost_micros",
}
NEWER_DOCUMENTS = (  # id, status, result_of, options, failed pages, status after a downgrade
    ("plain", "pending", None, PLAIN, None, "pending"),
    ("fields", "pending", None, NEWER_OPTIONS, None, "failed"),
    ("joined", "pending", "fields", NEWER_OPTIONS, None, "failed"),
    ("fields-done", "completed", None, NEWER_OPTIONS, None, "completed"),
    ("may-lack", "pending", None, PARTIAL, None, "pending"),
    ("lacks-so-far", "processing", None, PARTIAL, '[[0, 0, "corrupt_document"]]', "failed"),
    ("lacks", "archived", None, PARTIAL, '[[0, 0, "corrupt_document"]]', "archived"),
    ("blocks", "pending", None, '{"include_blocks": true}', None, "pending"),
)


def test_what_was_asked_of_newer_versions_is_forgotten_or_fails_with_a_reason(
    fresh: Settings,
) -> None:
    alembic(fresh, "upgrade", "head")
    with closing(sqlite.connect(str(fresh.database_path))) as connection:
        for name, status, result_of, options, failed, _ in NEWER_DOCUMENTS:
            connection.execute(
                "INSERT INTO documents (id, owner, file_name, mime_type, file_size, storage_key, "
                "status, engine_fault, operation, options, warnings, pages_done, retention_days, "
                "created_at, fingerprint, result_of, failed_pages, to_erase) VALUES (?, 'anna', "
                "'a.pdf', 'application/pdf', 3, 'key', ?, 0, 'convert', ?, '[]', 0, 365, "
                "'2026-01-01 00:00:00.000000', ?, ?, ?, 0)",
                (name, status, options, f"print-{name}", result_of, failed),
            )
            if status in ("pending", "processing") and result_of is None:
                connection.execute(
                    "INSERT INTO job_queue (id, document_id, owner, type, lane, status, priority, "
                    "rank, attempts, max_attempts, crashes, created_at, lease_token) VALUES "
                    "(?, ?, 'anna', 'convert', 'mistral', ?, 5, 1, 0, 3, 0, "
                    "'2026-01-01 00:00:00.000000', 'lease')",
                    (f"job-{name}", name, status),
                )
        connection.commit()

    down = alembic(fresh, "downgrade", "0011")

    assert down.returncode == 0, down.stderr
    found = rows(fresh.database_path, "SELECT id, status, error_code FROM documents")
    assert {(name, status) for name, status, _ in found} == {
        (name, after) for name, *_, after in NEWER_DOCUMENTS
    }
    assert {code for _, status, code in found if status == "failed"} == {downgrades.ERROR_CODE}
    told = rows(fresh.database_path, "SELECT error FROM documents WHERE status = 'failed'")
    assert all("etry it" in str(error) for (error,) in told)
    ends = "SELECT processed_at IS NOT NULL FROM documents WHERE status = 'failed'"
    assert set(rows(fresh.database_path, ends)) == {(1,)}
    options_left = rows(fresh.database_path, "SELECT id, options FROM documents")
    read = {name: json.loads(str(stored)) for name, stored in options_left}
    assert set().union(*read.values()) <= OPTIONS_OF_0011
    assert read["plain"] == {"table_format": "html"}
    assert read["fields-done"] == {"pages": "1-3"}
    # Neither a result without what it was asked for, nor one that lacks pages, answers another.
    prints = "SELECT id FROM documents WHERE fingerprint IS NOT NULL"
    assert rows(fresh.database_path, prints) == [("plain",)]
    jobs = "SELECT document_id, lease_token FROM job_queue WHERE status {} ORDER BY 1"
    assert rows(fresh.database_path, jobs.format("= 'failed'")) == [
        ("fields", None),
        ("lacks-so-far", None),
    ]
    assert [name for name, _ in rows(fresh.database_path, jobs.format("= 'pending'"))] == [
        "blocks",
        "may-lack",
        "plain",
    ]

    again = alembic(fresh, "upgrade", "head")

    assert again.returncode == 0, again.stderr
    with closing(sqlite.connect(str(fresh.database_path))) as connection:
        assert owner_totals.differences(connection) == []


def structure(path: Path) -> list[tuple[object, ...]]:
    return rows(
        path,
        "SELECT confidence, details, layout, info FROM pages JOIN documents ON id = document_id",
    )


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite.connect(str(path))) as connection:
        found: list[tuple[object, ...]] = connection.execute(query).fetchall()
    return found


def test_an_index_of_words_that_is_damaged_stops_no_start(fresh: Settings) -> None:
    alembic(fresh, "upgrade", "head")
    execute(fresh.database_path, "UPDATE search_index_data SET block = x'00'")
    execute(fresh.database_path, "DROP TRIGGER search_pages_removed")

    done = alembic(fresh, "upgrade", "head")

    assert done.returncode == 0, done.stderr
    with closing(sqlite.connect(str(fresh.database_path))) as connection:
        assert search_index.is_installed(connection)
        assert quick_check.first_fault(connection.execute) == "ok"
        assert quick_check.index_fault(connection.execute) == "ok"


def test_all_the_way_down_and_up_again(fresh: Settings) -> None:
    alembic(fresh, "upgrade", "head")
    for statement in (*FIRST_CONTENT, *LATER_CONTENT):
        execute(fresh.database_path, statement)

    for arguments in (("downgrade", "base"), ("upgrade", "head")):
        done = alembic(fresh, *arguments)
        assert done.returncode == 0, done.stderr

    schema_version.require_current(fresh)


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


def test_a_migration_that_is_killed_half_way_can_be_repeated(fresh: Settings) -> None:
    killed = run_python("-c", KILLED_HALF_WAY, environment=environment(fresh))
    assert killed.returncode == -signal.SIGKILL

    again = alembic(fresh, "upgrade", "head")

    assert again.returncode == 0, again.stderr
    schema_version.require_current(fresh)


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
    monkeypatch.setattr(upgrade, "BUSY_TIMEOUT_MS", 10)
    other_program = sqlite.connect(str(fresh.database_path), isolation_level=None)
    other_program.execute("BEGIN IMMEDIATE")

    with (
        pytest.raises(DatabaseRefused, match="stop the program that has locked it"),
        upgrade.exclusive(fresh, {REVISION}),
    ):
        pass

    other_program.close()


def test_two_upgrades_at_once_take_turns(fresh: Settings) -> None:
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: alembic(fresh, "upgrade", "head"), range(2)))

    assert [done.returncode for done in both] == [0, 0]
    schema_version.require_current(fresh)


def test_a_database_of_another_program_is_refused_untouched(fresh: Settings) -> None:
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


def test_a_truncated_database_is_refused_with_what_to_do(fresh: Settings) -> None:
    alembic(fresh, "upgrade", "head")
    os.truncate(fresh.database_path, fresh.database_path.stat().st_size // 2)
    before = fresh.database_path.read_bytes()

    done = alembic(fresh, "upgrade", "head")

    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert "cannot be read as a database" in line
    assert "restore a backup" in line
    assert fresh.database_path.read_bytes() == before


def test_a_damaged_database_is_not_migrated(fresh: Settings) -> None:
    alembic(fresh, "upgrade", REVISIONS[0])
    damage(fresh.database_path, "ix_job_leased")
    before = fresh.database_path.read_bytes()

    done = alembic(fresh, "upgrade", "head")

    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert "cannot be read as a database" in line
    assert fresh.database_path.read_bytes() == before


def test_a_damaged_database_is_not_served(fresh: Settings) -> None:
    alembic(fresh, "upgrade", "head")
    damage(fresh.database_path, "ix_job_leased")

    done = alembic(fresh, "upgrade", "head")  # as each start does

    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert "cannot be read as a database" in line
    assert "restore a backup" in line


def damage(path: Path, index: str) -> None:
    """Overwrite the page of an index, which nothing reads before it is used."""
    connection = sqlite.connect(str(path))
    (page,) = connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = ?", (index,)
    ).fetchone()
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * page_size)
        file.write(b"\xff" * page_size)


SERVERS = (("-m", "workers"), ("-c", "import app; app.create_app()"))


@pytest.mark.parametrize("server", SERVERS, ids=["supervisor", "web"])
@pytest.mark.parametrize("revision", ["0001", "9999"], ids=["older", "newer"])
def test_another_schema_is_not_served(
    fresh: Settings, server: tuple[str, ...], revision: str
) -> None:
    alembic(fresh, "upgrade", "head")
    execute(fresh.database_path, f"UPDATE alembic_version SET version_num = '{revision}'")
    before = fresh.database_path.read_bytes()

    done = run_python(*server, environment=environment(fresh))

    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert f"has schema {revision}, this version needs {REVISION}" in line
    assert "ilios migrate" in line
    assert fresh.database_path.read_bytes() == before


def test_serving_without_a_migrated_database_is_refused(fresh: Settings) -> None:
    with pytest.raises(DatabaseRefused, match="ilios migrate"):
        schema_version.require_current(fresh)


def test_what_was_not_fetched_fails_with_a_reason(fresh: Settings) -> None:
    alembic(fresh, "upgrade", "head")
    for status, job in (("pending", "pending"), ("cancelled", "cancelled")):
        execute(
            fresh.database_path,
            "INSERT INTO documents (id, owner, file_name, mime_type, file_size, storage_key, "
            "status, engine_fault, operation, options, warnings, pages_done, retention_days, "
            f"created_at, to_erase) VALUES ('{status}', 'anna', 'a.pdf', "
            f"'application/octet-stream', 0, '', '{status}', 0, 'convert', '{{}}', '[]', 0, 365, "
            "'2026-01-01 00:00:00.000000', 0)",
        )
        execute(
            fresh.database_path,
            "INSERT INTO url_sources (document_id, owner, url, url_digest, is_named, uses_cache) "
            f"VALUES ('{status}', 'anna', 'http://example.com/', 'd', 0, 1)",
        )
        execute(
            fresh.database_path,
            "INSERT INTO job_queue (id, document_id, owner, type, lane, status, priority, rank, "
            f"attempts, max_attempts, crashes, created_at) VALUES ('job-{status}', '{status}', "
            f"'anna', 'fetch', 'fetch', '{job}', 5, 1, 0, 3, 0, '2026-01-01 00:00:00.000000')",
        )

    down = alembic(fresh, "downgrade", "0014")
    found = rows(fresh.database_path, "SELECT id, status, error_code, storage_key FROM documents")
    jobs_left = rows(fresh.database_path, "SELECT id FROM job_queue")
    again = alembic(fresh, "upgrade", "head")

    assert (down.returncode, again.returncode) == (0, 0), down.stderr + again.stderr
    assert set(found) == {
        ("pending", "failed", downgrades.ERROR_CODE, "incoming/never-fetched/pending"),
        ("cancelled", "cancelled", None, "incoming/never-fetched/cancelled"),
    }
    assert jobs_left == []
    with closing(sqlite.connect(str(fresh.database_path))) as connection:
        assert owner_totals.differences(connection) == []
