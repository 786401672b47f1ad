"""An empty volume and a filled remote, through the alembic command, as start.sh runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.driver import sqlite
from ilios.db.models import DocumentStatus, PagePiece, PageRow
from ilios.db.sqlite_database import SqliteDatabase
from ilios.documents import indexing, results
from ilios.documents.listing import Filter, Listing
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs
from ilios.replication import change_log, restore, snapshot
from ilios.replication.errors import OtherWriter, ReplicationRefused
from ilios.replication.remote import Remote
from ilios.replication.shipping import Shipper
from ilios.replication.startup import prepare_volume
from ilios.replication.volume import driver_connection
from ilios.webhooks import outbox
from tests.replication_server.process import NEEDS_SERVER, LibsqlServer
from tests.support import documents, replicas, search_indexes, structured
from tests.support.forking import run_python
from tests.support.migrating import alembic, environment
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

pytestmark = NEEDS_SERVER

Make = Callable[..., Shipper]


def fill(database: Database, count: int = 5) -> None:
    for number in range(count):
        document_id, _ = documents.add_document(database)
        with database.writing() as session:
            page = PageRow(document_id=document_id, index=0, markdown=f"# Page {number}\x00ü")
            page.images, page.width = [], 595.2755905511812
            session.add(page)


def refused(settings: Settings) -> str:
    """Return the one line with which a start is refused."""
    with pytest.raises(ReplicationRefused) as caught:
        prepare_volume(settings)
    assert "\n" not in caught.value.detail
    return caught.value.detail


def test_an_empty_volume_is_restored_to_what_the_lost_one_had(
    settings: Settings, empty: Settings, database: Database, make_shipper: Make
) -> None:
    fill(database)
    make_shipper(settings).ship(last=True)

    done = alembic(empty, "upgrade", "head")

    assert done.returncode == 0, done.stderr
    assert replicas.files_differ(settings.database_path, empty.database_path) == []
    assert "objects_not_restored" in done.stdout  # no bucket


def test_a_restored_volume_goes_on_where_the_lost_one_stopped(
    settings: Settings, empty: Settings, database: Database, make_shipper: Make
) -> None:
    fill(database)
    make_shipper(settings).ship(last=True)
    prepare_volume(empty)
    restored = SqliteDatabase(empty.database_path)
    fill(restored, 1)
    said: list[str] = []

    make_shipper(empty, report=said.append).ship()

    assert replicas.differences(empty) == 0
    assert "sending everything" not in said
    restored.close()


def test_blocks_details_and_words_come_back(
    settings: Settings, empty: Settings, database: Database, make_shipper: Make
) -> None:
    structured.add_result(database, [structured.page(0), structured.plain_page(1, "x" * 70_000)])
    with database.writing() as session:  # longer than what is sent as one value
        session.execute(update(PageRow).where(PageRow.index == 1).values(layout="ä" * 300_000))
        session.execute(update(PagePiece).values(layout="[1]"))
    make_shipper(settings).ship(last=True)

    prepare_volume(empty)

    assert replicas.files_differ(settings.database_path, empty.database_path) == []
    restored = SqliteDatabase(empty.database_path)
    search_indexes.list_stored(restored)
    with restored.writing() as session:  # the copy has no index: what came is indexed here
        assert not indexing.add_pending(session, 10**6)
    assert Listing(restored).documents(Filter("anonymous", q="herons"), None, 1).documents
    restored.close()


def test_events_that_were_not_delivered_come_back_once(
    settings: Settings, empty: Settings, database: Database, make_shipper: Make
) -> None:
    url = "https://example.com/hooks"
    document_id, _ = documents.add_document(database, webhook_url=url)
    with database.writing() as session:
        results.complete(session, document_id, clock.now())
    make_shipper(settings).ship(last=True)

    prepare_volume(empty)

    assert replicas.files_differ(settings.database_path, empty.database_path) == []
    restored = SqliteDatabase(empty.database_path)
    with restored.watching() as watch:
        assert [one.receiver for one in outbox.each_receiver(watch)] == ["https://example.com/"]
        assert not outbox.is_empty(watch)
    restored.close()


def test_portions_and_long_texts_are_put_together_again(
    settings: Settings,
    empty: Settings,
    database: Database,
    make_shipper: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(database, 9)
    with database.writing() as session:
        session.connection().exec_driver_sql(
            "UPDATE pages SET markdown = replace(hex(zeroblob(3000000)), '00', 'zwölf') "
            "WHERE document_id = (SELECT min(id) FROM documents)"
        )
    make_shipper(settings).ship(last=True)
    monkeypatch.setattr(restore, "ROWS_MAX", 4)
    monkeypatch.setattr(restore, "PORTION_MAX_BYTES", 900)

    prepare_volume(empty)

    assert replicas.files_differ(settings.database_path, empty.database_path) == []


def test_a_copy_whose_replacement_was_interrupted_is_restored_as_it_was_before(
    settings: Settings,
    empty: Settings,
    database: Database,
    make_shipper: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(database)
    make_shipper(settings).ship(last=True)
    before = settings.database_path.with_name("before.db")
    replicas.snapshot(settings.database_path, before)
    with database.writing() as session:
        change_log.remove(driver_connection(session))
        change_log.install(driver_connection(session))
    monkeypatch.setattr(snapshot, "ENTRIES_MAX", 2)
    fill(database)
    interrupted = iter([None, None, None, None])
    with pytest.raises(StopIteration):
        make_shipper(settings, 0, report=lambda _: next(interrupted)).ship()
    wait_until(lambda: replicas.ownership_of(settings).lease_seconds <= 0, 20)

    prepare_volume(empty)

    assert replicas.files_differ(before, empty.database_path) == []


def test_a_first_copy_that_was_never_finished_is_not_restored(
    settings: Settings, empty: Settings, database: Database, make_shipper: Make
) -> None:
    fill(database)
    with pytest.raises(StopIteration):
        make_shipper(settings, 0, report=lambda _: next(iter([]))).ship()

    assert "never finished" in refused(empty)
    assert not empty.database_path.exists()


KILLED_IN_RESTORE = """
import os, signal
from ilios.core import settings
from ilios.replication import restore
from ilios.replication.startup import prepare_volume
real = restore._rows_per_read
def killed(remote, table, after):
    if table.name == "pages" and after is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(remote, table, after)
restore._rows_per_read = killed
prepare_volume(settings.load())
"""


def test_a_restore_that_is_killed_leaves_no_database_and_can_be_repeated(
    settings: Settings, empty: Settings, database: Database, make_shipper: Make
) -> None:
    fill(database)
    make_shipper(settings).ship(last=True)
    killed = run_python("-c", KILLED_IN_RESTORE, environment=environment(empty))
    assert killed.returncode == -9
    assert not empty.database_path.exists()

    prepare_volume(empty)

    assert replicas.files_differ(settings.database_path, empty.database_path) == []


def test_a_volume_that_cannot_hold_the_copy_ends_the_start_with_one_line(
    settings: Settings, empty: Settings, make_shipper: Make
) -> None:
    make_shipper(settings).ship(last=True)
    in_the_way = empty.database_path.with_name("ilios.db.restoring")
    in_the_way.mkdir(parents=True)

    assert "cannot be restored to" in refused(empty)


def test_a_wal_of_a_deleted_database_is_not_applied_to_the_restored_one(
    settings: Settings, database: Database, make_shipper: Make
) -> None:
    fill(database)
    make_shipper(settings).ship(last=True)
    path = settings.database_path
    kept = path.with_name("kept.db")
    replicas.snapshot(path, kept)
    wal = path.with_name(path.name + "-wal")
    left = wal.read_bytes()
    assert left
    database.close()
    path.unlink()
    wal.write_bytes(left)

    prepare_volume(settings)

    assert replicas.files_differ(kept, path) == []


def test_jobs_of_the_lost_node_are_claimed_at_once(
    settings: Settings, empty: Settings, database: Database, make_shipper: Make
) -> None:
    document_id, _ = documents.add_document(database, settings=settings)
    with database.writing() as session:
        assert jobs.claim(session, EMBEDDED, "lost/worker-0", clock.now())
    make_shipper(settings).ship(last=True)
    prepare_volume(empty)
    (settings.data_folder / "objects").rename(empty.data_folder / "objects.lost")
    data_folder.objects(empty).rmdir()
    (empty.data_folder / "objects.lost").rename(data_folder.objects(empty))
    supervisor = SupervisorProcess(empty.model_copy(update={"worker_count": 1}))
    restored = SqliteDatabase(empty.database_path)
    try:
        supervisor.wait_until_ready()
        wait_until(
            lambda: documents.document(restored, document_id).status is DocumentStatus.COMPLETED,
            timeout_s=30,
        )
    finally:
        restored.close()
        supervisor.close()


def test_the_lease_of_a_dead_writer_is_waited_for(
    settings: Settings, empty: Settings, database: Database, make_shipper: Make
) -> None:
    fill(database)
    make_shipper(settings, 2).ship()

    prepare_volume(empty)

    assert replicas.ownership_of(empty).writer == data_folder.node_id(empty)
    assert replicas.files_differ(settings.database_path, empty.database_path) == []


def test_a_live_writer_is_not_taken_over_from(
    settings: Settings, empty: Settings, make_shipper: Make
) -> None:
    shipper = make_shipper(settings, 15)
    shipper.ship()
    stop = threading.Event()

    def live() -> None:
        while not stop.wait(0.5):
            shipper.ship()

    writer = threading.Thread(target=live)
    writer.start()
    try:
        with pytest.raises(OtherWriter, match="stop one of the two"):
            prepare_volume(empty)
    finally:
        stop.set()
        writer.join()
    assert not empty.database_path.exists()
    assert replicas.ownership_of(settings).writer == data_folder.node_id(settings)


def test_a_volume_that_was_taken_over_from_ships_nothing_and_does_not_start_again(
    settings: Settings, empty: Settings, database: Database, make_shipper: Make
) -> None:
    shipper = make_shipper(settings, 0)
    shipper.ship()
    wait_until(lambda: replicas.ownership_of(settings).lease_seconds <= 0, 20)
    prepare_volume(empty)
    make_shipper(empty).ship(last=True)
    fill(database)

    with pytest.raises(OtherWriter, match="has written to the Turso database"):
        shipper.ship()

    assert replicas.differences(empty) == 0
    assert "empty this volume" in refused(settings)


def test_an_empty_volume_does_not_start_without_its_remote(
    empty: Settings, server: LibsqlServer
) -> None:
    server.kill()

    assert "This volume is empty" in refused(empty)
    assert not empty.database_path.exists()


def test_a_volume_with_a_database_starts_without_its_remote(
    settings: Settings, server: LibsqlServer
) -> None:
    server.kill()

    done = alembic(settings, "upgrade", "head")

    assert done.returncode == 0
    assert "replication.unreachable" in done.stdout


def test_a_copy_of_a_newer_version_is_refused_untouched(
    settings: Settings, empty: Settings, database: Database, make_shipper: Make
) -> None:
    with database.writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    make_shipper(settings).ship(last=True)

    done = alembic(empty, "upgrade", "head")

    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert "newer than this version" in done.stderr
    assert replicas.differences(settings) == 0


FOREIGN = "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT)"


@pytest.mark.parametrize("which", ["settings", "empty"])
def test_a_remote_that_holds_something_else_is_refused_untouched(
    which: str, request: pytest.FixtureRequest
) -> None:
    volume: Settings = request.getfixturevalue(which)
    Remote.of(volume).transact([(FOREIGN, ()), ("INSERT INTO customers VALUES (1, 'A')", ())])
    before = Remote.of(volume).read("SELECT name, sql FROM sqlite_master")

    assert "something else (its tables: customers)" in refused(volume)

    assert Remote.of(volume).read("SELECT name, sql FROM sqlite_master") == before


@pytest.mark.parametrize(
    ("statement", "fragment"),
    [
        ("UPDATE ilios_replica SET instance = 'another'", "the copy of another database"),
        ("UPDATE ilios_replica SET format = 2", "newer version of Ilios"),
        ("UPDATE ilios_replica SET token = 'x', writer = 'y'", "Node y writes"),
    ],
)
def test_a_remote_of_another_database_is_refused_untouched(
    settings: Settings, make_shipper: Make, statement: str, fragment: str
) -> None:
    make_shipper(settings).ship()
    Remote.of(settings).transact([(statement, ())])
    before = replicas.ownership_of(settings)

    assert fragment in refused(settings)

    assert replicas.ownership_of(settings).token == before.token


def test_a_start_that_is_refused_ends_with_one_line(
    settings: Settings, server: LibsqlServer
) -> None:
    token = server.token(exp=1)

    done = alembic(
        settings.model_copy(update={"turso_auth_token": SecretStr(token)}), "upgrade", "head"
    )

    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert "refuses TURSO_AUTH_TOKEN (401)" in done.stderr
    assert token not in done.stderr + done.stdout


@pytest.mark.parametrize("volume", ["settings", "empty"])
@pytest.mark.parametrize(
    ("claims", "status"), [({"exp": 1}, 401), ({"a": "ro"}, 403), ({"a": "nonsense"}, 401)]
)
def test_a_token_that_is_refused_stops_the_start(
    volume: str,
    claims: dict[str, Any],
    status: int,
    server: LibsqlServer,
    request: pytest.FixtureRequest,
) -> None:
    values = request.getfixturevalue(volume).model_dump(exclude_defaults=True)
    settings = Settings(**values | {"turso_auth_token": server.token(**claims)})

    line = refused(settings)

    assert f"refuses TURSO_AUTH_TOKEN ({status})" in line
    assert server.token(**claims) not in line


def test_a_url_where_no_libsql_answers_stops_the_start(
    settings: Settings, tmp_path: Path, server: LibsqlServer
) -> None:
    wrong = settings.model_copy(update={"turso_database_url": f"{server.url}/elsewhere"})

    assert "names no libSQL database" in refused(wrong)


def test_a_volume_without_replication_is_left_alone_and_loses_its_log(settings: Settings) -> None:
    off = Settings(data_dir=settings.data_dir)

    assert alembic(off, "upgrade", "head").returncode == 0

    with closing(sqlite.connect(str(settings.database_path))) as connection:
        names = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert not [name for (name,) in names if name.startswith("replication_")]


def test_the_log_is_no_difference_from_the_models(settings: Settings) -> None:
    check = alembic(settings, "check")

    assert "No new upgrade operations detected" in check.stdout
