"""Databases with one thing wrong."""

from __future__ import annotations

import os
import subprocess
import sys

from ilios.core import clock
from ilios.db.driver import sqlite
from tests.integration.cli.cases import Case, seeded
from tests.support.forking import REPOSITORY
from tests.support.migrating import alembic


@seeded("SQLite", "can corrupt a database", f"Install {sqlite.__name__}")
def a_sqlite_that_corrupts_databases(case: Case) -> None:
    other = case.folder.parent / "other" / sqlite.__name__
    other.mkdir(parents=True)
    (other / "__init__.py").write_text(
        "from sqlite3.dbapi2 import *\nsqlite_version_info = (3, 46, 1)\n"
    )
    path = f"{other.parent}{os.pathsep}{REPOSITORY}"
    case.operator.prefix = ("env", f"PYTHONPATH={path}")


@seeded("database", "cannot be read as a database", "Restore a backup")
def a_database_with_a_damaged_header(case: Case) -> None:
    with case.database.open("r+b") as file:
        file.write(b"\xff" * 64)


@seeded("database integrity", "is corrupt", "restore the last backup")
def a_database_with_a_damaged_page(case: Case) -> None:
    page_bytes = 4096
    with case.database.open("r+b") as file:
        for page in range(6, 16):
            file.seek(page * page_bytes)
            file.write(b"\xa5" * page_bytes)


@seeded("ledger", "counted 999999 pages more", "Compare with its bill", "warning")
def a_provider_that_counts_more_than_it_was_sent(case: Case) -> None:
    settled = clock.now().strftime("%Y-%m-%d %H:%M:%S.000000")
    case.execute(
        "INSERT INTO usage (call_id, document_id, job_id, owner, operation, engine, model, state, "
        "expected_pages, is_batch, pages, claimed_pages, input_tokens, output_tokens, "
        "price_micros, margin_percent, base_cost_micros, total_cost_micros, created_at, "
        "settled_at) VALUES "
        "('c', 'd', 'j', 'me', 'convert', 'mistral', 'm', 'settled', 1, 0, 1, 1000000, 0, 0, 0, 0, "
        f"0, 0, '{settled}', '{settled}')"
    )


@seeded("database", "lacks the table daily_usage of its schema", "restore the last backup")
def a_database_without_a_table(case: Case) -> None:
    case.execute("DROP TABLE daily_usage")


@seeded("database", "lacks the column documents.info of its schema", "restore the last")
def a_database_without_a_column(case: Case) -> None:
    case.execute("ALTER TABLE documents DROP COLUMN info")


@seeded("database", "lacks the index ix_job_delayed", "restore the last backup")
def a_database_without_an_index(case: Case) -> None:
    case.execute("DROP INDEX ix_job_delayed")


@seeded("database", "newer than this version", "Start the newer version")
def a_database_of_a_newer_version(case: Case) -> None:
    case.execute("UPDATE alembic_version SET version_num = '29990101'")


@seeded("database", "the next start makes it", "Keep a backup first", "warning")
def a_database_of_an_older_version(case: Case) -> None:
    assert alembic(case.operator.settings, "downgrade", "-1").returncode == 0


@seeded("database", "made by another program", "Name a new file")
def a_database_of_another_program(case: Case) -> None:
    case.database.unlink()
    case.execute("CREATE TABLE recipes (id INTEGER PRIMARY KEY, title TEXT)")


@seeded("database", "is a folder", "Name a file")
def a_database_that_is_a_folder(case: Case) -> None:
    case.database.unlink()
    case.database.mkdir()


KILLED_WHILE_WRITING = """
import os, signal, sys
from ilios.db.driver import sqlite
connection = sqlite.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=DELETE")
connection.execute("PRAGMA cache_size=1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE half AS SELECT randomblob(100000) AS bytes")
os.kill(os.getpid(), signal.SIGKILL)
"""


@seeded("database", "when its writer was killed", "start the service", "warning")
def a_database_whose_writer_was_killed(case: Case) -> None:
    subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, case.database], check=False)
    assert case.database.with_name(f"{case.database.name}-journal").stat().st_size


@seeded("write lock", "has been locked by process", "Stop that program")
def a_program_that_keeps_the_database_locked(case: Case) -> None:
    other_program = sqlite.connect(str(case.database), isolation_level=None)
    case.stack.callback(other_program.close)
    other_program.execute("PRAGMA journal_mode=WAL")
    other_program.execute("BEGIN IMMEDIATE")


@seeded("stored bytes", "is noted wrongly", "ilios keys recount")
def a_database_that_notes_wrongly_what_a_key_holds(case: Case) -> None:
    case.execute("INSERT INTO owner_totals VALUES ('somebody', 1, 0, 0)")


@seeded("stored bytes", "are not all there", "Restart the service")
def a_database_without_one_of_its_triggers(case: Case) -> None:
    case.execute("DROP TRIGGER owner_totals_document_added")


@seeded("search index", "It is not all there", "Restart the service")
def a_search_index_without_one_of_its_triggers(case: Case) -> None:
    case.execute("DROP TRIGGER search_pages_removed")


@seeded("search index", "does not fit itself", "ilios search rebuild")
def a_search_index_that_is_malformed(case: Case) -> None:
    case.execute("INSERT INTO search_index (rowid, owner, text) VALUES (1, 'a', 'heron')")
    case.execute("UPDATE search_index_data SET block = x'00' WHERE id > 10")


@seeded("search index", "1 documents wait", "Let the service run", "warning")
def a_search_index_that_lacks_a_document(case: Case) -> None:
    case.execute("INSERT INTO search_pending (document_id) VALUES ('a')")


@seeded("search index", "has not listed yet", "Let the service run", "warning")
def a_search_index_that_was_just_made(case: Case) -> None:
    case.execute("INSERT INTO search_backfill VALUES ('documents', '')")


@seeded("webhooks", "are not all there", "Restart the service")
def a_database_that_misses_events(case: Case) -> None:
    case.execute("DROP TRIGGER webhooks_document_changed")


@seeded("webhooks", "cannot be signed", "--secret new")
def a_folder_whose_key_of_webhooks_is_lost(case: Case) -> None:
    done = case.operator.run("keys", "create", "team", "--webhook-url", "https://example.com/")
    assert done.returncode == 0, done.stderr
    (case.folder / "webhook-signing.key").unlink()


@seeded("webhooks", "nothing to sign its events with", "Set WEBHOOK_SECRET")
def a_key_with_a_webhook_that_is_not_signed(case: Case) -> None:
    done = case.operator.run("keys", "create", "team")
    assert done.returncode == 0, done.stderr
    case.execute("UPDATE api_keys SET webhook_url = 'https://example.com/'")


@seeded("webhooks", "1 events wait", "webhook.attempt_failed", "warning")
def a_receiver_that_nobody_reaches(case: Case) -> None:
    case.execute(
        "INSERT INTO webhook_deliveries (owner, number, id, event_id, stream, type, url, receiver, "
        "occurred_at, created_at, status, attempts) VALUES ('a', 1, 'b', 'c', 'c', 'webhook.test', "
        "'https://example.com/', 'https://example.com/', '2026-01-01 00:00:00.000000', "
        "'2026-01-01 00:00:00.000000', 'pending', 9)"
    )
