"""What arrives in the remote, also when requests fail or processes are killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from sqlalchemy import text

from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import PageRow
from ilios.documents import extractions
from ilios.engines.extraction import ExtractionTexts
from ilios.replication import change_log, remote, snapshot
from ilios.replication.errors import RemoteUnreachable
from ilios.replication.remote import Remote
from ilios.replication.shipping import Shipper
from ilios.replication.volume import driver_connection
from tests.replication_server.process import NEEDS_SERVER, LibsqlServer
from tests.support import documents, replicas, structured
from tests.support.forking import REPOSITORY
from tests.support.migrating import environment

pytestmark = NEEDS_SERVER

Make = Callable[..., Shipper]


def add_page(database: Database, document_id: str, index: int, markdown: str) -> None:
    with database.writing() as session:
        session.add(
            PageRow(
                document_id=document_id,
                index=index,
                markdown=markdown,
                width=595.2755905511812,
                height=841.8900000000001,
                images=[{"name": "ä.png"}],
            )
        )


def execute(database: Database, statement: str) -> None:
    with database.writing() as session:
        session.execute(text(statement))


def pending(database: Database) -> int:
    with database.reading() as session:
        return change_log.length(driver_connection(session))


def test_a_database_arrives_as_it_is(
    settings: Settings, database: Database, make_shipper: Make
) -> None:
    document_id, _ = documents.add_document(database, owner="key-ü")
    add_page(database, document_id, 0, "# Größe\n\x00 NUL, \"quotes\", 'more', 𝕬\r\n")
    add_page(database, document_id, 1, "")
    structured.add_result(database, [structured.page(0)])
    with database.writing() as session:
        extractions.insert_texts(session, document_id, ExtractionTexts("{}", None, "In €."))
        extractions.keep(session, document_id, '{"total": "ü"}')

    make_shipper(settings).ship()

    assert replicas.differences(settings) == 0
    assert replicas.count(settings, "extractions") == 1
    assert pending(database) == 0


def test_inserts_updates_and_deletes_arrive_those_by_cascade_too(
    settings: Settings, database: Database, make_shipper: Make
) -> None:
    kept, _ = documents.add_document(database)
    gone, _ = documents.add_document(database)
    for document_id in (kept, gone):
        add_page(database, document_id, 0, "before")
    blocks = structured.add_result(database, [structured.page(0)])
    shipper = make_shipper(settings)
    shipper.ship()
    assert replicas.count(settings, "page_words") == 1

    execute(database, f"DELETE FROM documents WHERE id = '{gone}'")
    execute(database, f"UPDATE pages SET markdown = 'after' WHERE document_id = '{kept}'")
    execute(database, f"UPDATE pages SET \"index\" = 7 WHERE document_id = '{kept}'")
    execute(database, f"DELETE FROM documents WHERE id = '{blocks}'")
    documents.add_document(database)
    shipper.ship()

    assert replicas.differences(settings) == 0
    assert replicas.count(settings, "pages") == 1


def test_a_text_beyond_what_a_server_takes_in_one_value_arrives(
    settings: Settings, database: Database, make_shipper: Make
) -> None:
    document_id, _ = documents.add_document(database)
    shipper = make_shipper(settings)
    shipper.ship()

    add_page(database, document_id, 0, "zwölf MB " * 1_300_000)
    shipper.ship()

    assert replicas.differences(settings) == 0


def test_a_text_without_a_reference_is_deleted(
    settings: Settings, database: Database, make_shipper: Make
) -> None:
    document_id, _ = documents.add_document(database)
    add_page(database, document_id, 0, "x" * 1_000_000)
    add_page(database, document_id, 1, "y" * 1_000_000)
    make_shipper(settings).ship()
    before = replicas.count(settings, "ilios_replica_pieces")

    execute(database, 'DELETE FROM pages WHERE "index" = 0')
    with database.writing() as session:
        change_log.remove(driver_connection(session))
        change_log.install(driver_connection(session))
    make_shipper(settings).ship()

    assert replicas.count(settings, "ilios_replica_pieces") == before / 2
    assert replicas.differences(settings) == 0


def test_changes_too_many_for_one_request_arrive_together(
    settings: Settings, database: Database, make_shipper: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_shipper(settings).ship()
    monkeypatch.setattr(snapshot, "ENTRIES_MAX", 10)
    seen: list[int] = []
    shipper = make_shipper(
        settings, report=lambda _doing: seen.append(replicas.count(settings, "documents"))
    )
    gone, _ = documents.add_document(database)
    for _ in range(20):
        documents.add_document(database)
    execute(database, f"DELETE FROM documents WHERE id = '{gone}'")

    shipper.ship()

    assert len(seen) > 3
    assert set(seen) == {0}
    assert replicas.count(settings, "documents") == 20
    assert replicas.differences(settings) == 0


def test_what_changes_while_everything_is_sent_arrives_with_it(
    settings: Settings, database: Database, make_shipper: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "ENTRIES_MAX", 5)
    first, _ = documents.add_document(database)
    for _ in range(10):
        documents.add_document(database)
    left = iter(range(6))

    def write_meanwhile(_doing: str) -> None:
        if next(left, None) is not None:
            execute(database, f"UPDATE documents SET error = 'x' || error WHERE id = '{first}'")
            document_id, _ = documents.add_document(database)
            add_page(database, document_id, 0, "new")

    make_shipper(settings, report=write_meanwhile).ship()

    assert replicas.differences(settings) == 0


def test_another_schema_is_sent_whole_and_the_old_copy_stays_until_then(
    settings: Settings, database: Database, make_shipper: Make
) -> None:
    documents.add_document(database)
    make_shipper(settings).ship()
    before = replicas.ownership_of(settings).schema
    seen: list[tuple[str | None, int]] = []

    def look(_doing: str) -> None:
        seen.append((replicas.ownership_of(settings).schema, replicas.count(settings, "documents")))

    execute(database, "ALTER TABLE documents ADD COLUMN colour TEXT DEFAULT 'blue'")
    execute(database, "DROP TABLE pages")
    execute(database, "CREATE TABLE colours (name TEXT PRIMARY KEY)")
    execute(database, "INSERT INTO colours VALUES ('blue')")
    execute(database, "UPDATE alembic_version SET version_num = '0003'")
    with database.writing() as session:
        change_log.install(driver_connection(session))
    make_shipper(settings, report=look).ship()

    assert set(seen) == {(before, 1)}
    assert replicas.differences(settings) == 0
    assert replicas.count(settings, "sqlite_master WHERE name IN ('pages', 'colours')") == 1


KILLED_BEFORE_CONFIRMATION = """
import os, signal
from ilios.core import data_folder, settings
from ilios.db.sqlite_database import SqliteDatabase
from ilios.replication import (change_log)
from ilios.replication.remote import Remote
from ilios.replication.shipping import Shipper
loaded = settings.load()
change_log.confirm_token = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
node = data_folder.node_id(loaded)
Shipper(SqliteDatabase(loaded.database_path), Remote.of(loaded), node, 60).ship()
"""


def test_a_replicator_killed_before_it_records_a_commit_sends_again(
    settings: Settings, database: Database, make_shipper: Make
) -> None:
    make_shipper(settings).ship()
    documents.add_document(database)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_CONFIRMATION],
        cwd=REPOSITORY,
        env=environment(settings),
        check=False,
    )
    assert killed.returncode == -9
    assert replicas.count(settings, "documents") == 1
    assert pending(database) > 0

    documents.add_document(database)
    make_shipper(settings).ship()

    assert replicas.differences(settings) == 0
    assert pending(database) == 0


def test_a_request_that_is_executed_late_overwrites_nothing_newer(
    settings: Settings,
    database: Database,
    server: LibsqlServer,
    make_shipper: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document_id, _ = documents.add_document(database)
    make_shipper(settings).ship()
    server.suspend()
    with monkeypatch.context() as patch:
        patch.setattr(remote, "READ_SECONDS", 0.3)
        shipper = make_shipper(settings)
    for number in range(3):  # each lies with the server when it goes on
        execute(database, f"UPDATE documents SET error = '{number}' WHERE id = '{document_id}'")
        with pytest.raises(RemoteUnreachable):
            shipper.ship()
    server.resume()

    execute(database, f"UPDATE documents SET error = 'last' WHERE id = '{document_id}'")
    make_shipper(settings).ship()

    assert replicas.differences(settings) == 0


def test_what_was_refused_is_sent_when_the_server_is_back(
    settings: Settings, database: Database, server: LibsqlServer, make_shipper: Make
) -> None:
    shipper = make_shipper(settings)
    shipper.ship()
    server.kill()
    documents.add_document(database)
    with pytest.raises(RemoteUnreachable, match="Connection refused"):
        shipper.ship()

    server.start()
    shipper.ship()

    assert replicas.differences(settings) == 0


def test_a_remote_that_was_emptied_gets_everything_again(
    settings: Settings, database: Database, make_shipper: Make
) -> None:
    documents.add_document(database)
    shipper = make_shipper(settings)
    shipper.ship()
    tables = [
        str(name)
        for (name,) in Remote.of(settings).read("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    Remote.of(settings).transact([(f'DROP TABLE "{name}"', ()) for name in tables])

    shipper.ship()

    assert replicas.differences(settings) == 0


def test_turned_off_it_removes_the_log_and_turned_on_again_it_sends_everything(
    settings: Settings, database: Database, make_shipper: Make
) -> None:
    documents.add_document(database)
    make_shipper(settings).ship()
    with database.writing() as session:
        change_log.remove(driver_connection(session))
    with database.reading() as session:
        left = session.execute(
            text("SELECT name FROM sqlite_master WHERE name LIKE 'replication%'")
        ).all()
    assert left == []

    documents.add_document(database)
    with database.writing() as session:
        change_log.install(driver_connection(session))
    make_shipper(settings).ship()

    assert replicas.differences(settings) == 0
