"""`ilios migrate --to`: a service goes to PostgreSQL and a bucket, and back, and loses nothing."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select

from ilios.cluster import shared_keys
from ilios.core import data_folder, key_files
from ilios.core.errors import DatabaseBusy, DatabaseRefused, SettingsError
from ilios.core.processes import lock_file
from ilios.db import owner_totals, revision, schema_version, search_backfill
from ilios.db.models import REVISION, Document, DocumentPassword, PageRow
from ilios.db.opening import open_database
from ilios.db.postgres import migrating, receiving
from ilios.documents import indexing, search
from ilios.operations.transfer import tables
from ilios.operations.transfer.ends import Ends
from ilios.operations.transfer.errors import TransferFailed, TransferRefused
from ilios.operations.transfer.table_rows import TableRows
from ilios.storage.opening import open_store
from tests.integration.operations.transfer.conftest import (
    SECRET,
    of_service,
    rows_of,
    run,
)
from tests.postgres_server.process import PostgresServer
from tests.support.buckets import objects_of
from tests.support.small_service import OWNER, SmallService, small_service, text_of


class Cut(BaseException):
    """What ends a move in its midst, as a kill does: nothing of it catches this."""


def objects_in_folder(service: SmallService) -> dict[str, bytes]:
    root = data_folder.objects(service.settings)
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def require_sound(moved: Ends) -> None:
    """Look at what triggers keep, and at what documents lead to."""
    with closing(open_database(moved.target)) as database, database.reading() as session:
        assert owner_totals.differences(session.driver) == []
        found = session.scalars(select(Document).where(Document.status == "completed")).all()
    assert found
    for document in found:
        with open_store(moved.target).open(document.storage_key) as original:
            text = original.read().decode()
        assert text_of(moved.target, document.id).split(" ![")[0] == text.split(" ![")[0]


def test_every_row_and_object_arrives_and_documents_are_read_there(
    service: SmallService, url: str, bucket: str, s3_endpoint: str
) -> None:
    before, objects = rows_of(service.settings), objects_in_folder(service)
    ends = of_service(url, f"s3://{bucket}")

    moved = run(ends)

    assert rows_of(ends.target) == before
    assert {one.name: one.rows for one in moved.tables} == {
        name: len(rows) for name, rows in before.items()
    }
    assert moved.objects == len(objects)
    assert moved.faults == ()
    assert objects_of(s3_endpoint, bucket, SECRET) == objects
    require_sound(ends)


def test_workers_make_words_be_found_there(service: SmallService, url: str) -> None:
    ends = of_service(url)
    run(ends)
    with closing(open_database(ends.target)) as database, database.writing() as session:
        while search_backfill.list_documents(session, 100):
            pass
        while indexing.add_pending(session, indexing.MAX_CHARACTERS):
            pass

    wanted = search.expression("horses")
    assert wanted
    with closing(open_database(ends.target)) as database, database.reading() as session:
        (hit,) = search.hits(session, OWNER, wanted, search.newest(session))
        assert "horses" in (search.text_of(session, hit) or "")


def test_the_service_is_refused_where_it_was(service: SmallService, url: str) -> None:
    run(of_service(url))

    with pytest.raises(DatabaseRefused, match="was moved to another database"):
        schema_version.require_current(service.settings)
    assert run(of_service(url)).tables == ()


def test_it_comes_back_with_what_was_done_there(
    service: SmallService, url: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = of_service(url, f"s3://{bucket}")
    run(there)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("S3_BUCKET", bucket)
    with small_service(there.target) as cluster:
        kept = cluster.submit("Submitted to the cluster")
    before = rows_of(there.target)
    path = service.settings.data_folder / "back.db"

    back = of_service(f"sqlite:///{path}", "folder")
    run(back)

    assert rows_of(back.target) == before
    assert kept in {row[0] for row in before["documents"]}
    require_sound(back)
    schema_version.require_current(back.target)
    assert not list(path.parent.glob("*.receiving*"))
    with pytest.raises(TransferRefused, match="is there already"):
        of_service(f"sqlite:///{path}", "folder")


def test_what_is_done_while_it_runs_arrives_too(
    service: SmallService, url: str, bucket: str, s3_endpoint: str
) -> None:
    lock = lock_file(data_folder.supervisor_lock(service.settings), 0)
    ends = of_service(url, f"s3://{bucket}")
    told: list[str] = []
    steps = iter(
        (
            lambda: service.submit("While it is copied"),
            service.convert,
            lambda: os.close(lock),
        )
    )

    run(ends, report=told.append, wait=lambda _seconds: next(steps)())

    assert any("Stop the service" in line for line in told)
    before = rows_of(service.settings)
    assert rows_of(ends.target) == before
    assert "While it is copied" in {row[2].strip() for row in before["pages"]}
    assert objects_of(s3_endpoint, bucket, SECRET) == objects_in_folder(service)
    require_sound(ends)


def test_nobody_writes_while_the_rest_is_copied(service: SmallService, url: str) -> None:
    seen = []

    def look(_line: str) -> None:
        with pytest.raises(BlockingIOError):
            lock_file(data_folder.supervisor_lock(service.settings), 0)
        seen.append(True)

    run(of_service(url), report=look)

    assert seen


@pytest.mark.parametrize("is_running", [False, True], ids=["stopped", "running"])
def test_a_move_that_is_cut_off_at_any_step_goes_on(
    service: SmallService, url: str, bucket: str, s3_endpoint: str, is_running: bool
) -> None:
    ends = of_service(url, f"s3://{bucket}")
    before = rows_of(service.settings)

    cuts = 0
    while _is_cut(service, ends, cuts, is_running=is_running):
        cuts += 1

    assert cuts > len(tables.moved())
    assert rows_of(ends.target) == before
    assert objects_of(s3_endpoint, bucket, SECRET) == objects_in_folder(service)
    require_sound(ends)


def _is_cut(service: SmallService, ends: Ends, step: int, *, is_running: bool) -> bool:
    """Run a move up to its line of this number; return whether it came so far."""
    steps = iter(range(step))

    def report(_line: str) -> None:
        if next(steps, None) is None:
            raise Cut

    with ExitStack() as held:
        if is_running:
            held.callback(os.close, lock_file(data_folder.supervisor_lock(service.settings), 0))
        try:
            run(ends, report=report, wait=lambda _seconds: held.close())
        except Cut:
            return True
        return False


def test_a_bucket_that_was_emptied_between_two_runs_is_filled_again(
    service: SmallService, url: str, bucket: str, s3_endpoint: str
) -> None:
    def cut(line: str) -> None:
        if "objects" in line:
            raise Cut

    ends = of_service(url, f"s3://{bucket}")
    with pytest.raises(Cut):
        run(ends, report=cut)
    store = open_store(ends.target)
    for key in objects_of(s3_endpoint, bucket, SECRET):
        store.delete(key)

    run(ends)

    assert objects_of(s3_endpoint, bucket, SECRET) == objects_in_folder(service)


@pytest.mark.parametrize("step", ["attach", "mark", "finish"])
def test_a_handing_over_that_is_cut_off_is_done_by_the_next_run(
    service: SmallService, url: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def cut(*_: object) -> None:
        raise Cut

    before = rows_of(service.settings)
    with monkeypatch.context() as patch:
        where = {
            "attach": (receiving, "attach"),
            "mark": (revision, "note"),
            "finish": (receiving, "finish"),
        }
        run_begun(url)
        patch.setattr(*where[step], cut)
        with pytest.raises(Cut):
            run(of_service(url))

    run(of_service(url))

    assert rows_of(of_service(url).target) == before
    with pytest.raises(DatabaseRefused, match="was moved to another database"):
        schema_version.require_current(service.settings)


def run_begun(url: str) -> None:
    """Begin a move, and leave it."""

    def cut(_line: str) -> None:
        raise Cut

    with pytest.raises(Cut):
        run(of_service(url), report=cut)


def test_half_a_copy_is_not_served(service: SmallService, url: str) -> None:
    run_begun(url)

    target = of_service(url).target
    with pytest.raises(DatabaseRefused, match="is not whole"):
        schema_version.require_current(target)
    with (
        pytest.raises(DatabaseRefused, match="is not whole"),
        migrating.exclusive(target, {REVISION}),
    ):
        pass


def test_what_the_target_has_and_should_not_have_is_put_right(
    service: SmallService, url: str
) -> None:
    before = rows_of(service.settings)
    run_begun(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO batches SELECT 'x', 'me', 1, 5, now(), NULL")
        connection.execute("UPDATE api_keys SET name = 'other'")

    run(of_service(url))

    assert rows_of(of_service(url).target) == before


def test_a_copy_that_cannot_be_read_back_is_no_move(
    service: SmallService, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TableRows, "write", lambda *_: None)  # a disk that forgets

    with pytest.raises(TransferFailed, match="as they were written"):
        run(of_service(url))

    schema_version.require_current(service.settings)


def test_a_character_that_postgresql_does_not_take_is_replaced(
    service: SmallService, url: str
) -> None:
    with service.database.writing() as session:
        page = session.scalars(select(PageRow).where(PageRow.markdown.contains("horses"))).one()
        page.markdown = "One\0about horses"

    ends = of_service(url)
    run(ends)

    assert "One\ufffdabout horses" in {row[2] for row in rows_of(ends.target)["pages"]}
    with closing(open_database(ends.target)) as database, database.reading() as session:
        assert owner_totals.differences(session.driver) == []


def test_sums_in_rows_of_several_connections_come_back_as_one(
    service: SmallService, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((owner, day, pages, cost_micros),) = rows_of(service.settings)["daily_usage"]
    run(of_service(url))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO daily_usage (owner, day, pages, cost_micros, writer) "
            "SELECT owner, day, 5, 7, (writer + 1) % 32 FROM daily_usage"
        )
    monkeypatch.setenv("DATABASE_URL", url)
    back = of_service(f"sqlite:///{tmp_path}/back.db")

    run(back)

    assert rows_of(back.target)["daily_usage"] == [(owner, day, pages + 5, cost_micros + 7)]
    require_sound(back)


def test_a_password_that_is_forgotten_is_nothing_there(service: SmallService, url: str) -> None:
    with service.database.writing() as session:
        document_id = session.scalars(select(Document.id).limit(1)).one()
        session.add(DocumentPassword(document_id=document_id, sealed=""))

    run(of_service(url))

    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT document_id, sealed FROM document_passwords")
        assert found.fetchall() == [(document_id, None)]


def test_keys_are_the_clusters_and_the_data_folders_again(
    service: SmallService, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = of_service(url)
    run(ends)

    with closing(open_database(ends.target)) as database, database.reading() as session:
        known = shared_keys.known(session)
    paths = shared_keys.files(service.settings)
    assert known == {name: key_files.read(path, "") for name, path in paths.items()}

    for path in paths.values():
        path.unlink()
    monkeypatch.setenv("DATABASE_URL", url)
    run(of_service(f"sqlite:///{tmp_path}/back.db"))
    assert known == {name: key_files.read(path, "") for name, path in paths.items()}


def test_paid_answers_that_are_not_recorded_keep_a_cluster_from_being_moved(
    service: SmallService, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(of_service(url))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO paid_answers VALUES ('c', 'j', '{}', 'x', 'n', now())")
    monkeypatch.setenv("DATABASE_URL", url)
    back = of_service(f"sqlite:///{tmp_path}/back.db")

    with pytest.raises(TransferRefused, match="1 paid answers are not recorded"):
        run(back)

    schema_version.require_current(back.source)


def test_an_object_that_the_source_lacks_is_named(
    service: SmallService, url: str, bucket: str
) -> None:
    with service.database.reading() as session:
        one = session.scalars(select(Document).where(Document.status == "completed")).first()
        assert one is not None
    open_store(service.settings).delete(one.storage_key)

    moved = run(of_service(url, f"s3://{bucket}"))

    (fault,) = moved.faults
    assert one.id in fault


def test_a_cluster_is_moved_once_nothing_of_it_is_connected(
    service: SmallService, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(of_service(url))
    monkeypatch.setenv("DATABASE_URL", url)
    ends = of_service(f"sqlite:///{tmp_path}/back.db")
    node = open_database(ends.source)
    told: list[str] = []
    with node.watching():
        pass  # its connection stays open

    run(ends, report=told.append, wait=lambda _seconds: node.close())

    assert any("Stop the service" in line for line in told)
    assert rows_of(ends.target) == rows_of(ends.source)


def test_a_node_that_was_cut_off_meanwhile_writes_nothing_any_more(
    service: SmallService, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(of_service(url))
    monkeypatch.setenv("DATABASE_URL", url)
    back = of_service(f"sqlite:///{tmp_path}/back.db")
    with small_service(back.source) as node:
        with psycopg.connect(url) as server:  # does so with those of a silent host
            server.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

        run(back)

        before = rows_of(back.source)
        with pytest.raises(DatabaseBusy, match="was moved"):
            node.submit("Sent to a node that is back")
        with pytest.raises(DatabaseBusy, match="was moved"):
            node.worker.work()
    assert rows_of(back.source) == rows_of(back.target) == before
    require_sound(back)


def test_a_database_with_other_documents_is_refused(
    service: SmallService, postgres_server: PostgresServer, postgres_template: str
) -> None:
    with postgres_server.database(postgres_template) as name:
        there = postgres_server.url(name)
        with psycopg.connect(there, autocommit=True) as connection:
            connection.execute("INSERT INTO batches SELECT 'x', 'me', 1, 5, now(), NULL")

        with pytest.raises(DatabaseRefused, match="another service's documents"):
            run(of_service(there))


def test_a_service_that_has_moved_does_not_move_to_another_database_too(
    service: SmallService, url: str, postgres_server: PostgresServer
) -> None:
    run(of_service(url))

    with postgres_server.database() as other:
        with pytest.raises(TransferRefused, match="before"):
            run(of_service(postgres_server.url(other)))
        with pytest.raises(DatabaseRefused, match="is not whole"):
            schema_version.require_current(of_service(postgres_server.url(other)).target)


def test_a_service_that_went_on_after_it_had_moved_is_not_taken_for_the_one_there(
    service: SmallService, url: str
) -> None:
    run(of_service(url))
    with service.database.writing() as session:
        revision.note(session.driver, REVISION)  # as a backup that was put in its place

    with pytest.raises(TransferRefused, match="was used since"):
        run(of_service(url))


@pytest.mark.parametrize(
    ("to", "objects", "says"),
    [
        ("sqlite:///x.db", None, "on SQLite already"),
        ("mysql://host/x", None, "names no database"),
        ("sqlite:///", None, "names no database"),
        ("postgresql://host/x", "gs://bucket", "names no place"),
        ("postgresql://host/x", "s3://", "names no place"),
    ],
)
def test_ends_that_make_no_sense_are_refused(
    service: SmallService, to: str, objects: str | None, says: str
) -> None:
    with pytest.raises(TransferRefused, match=says):
        of_service(to, objects)


def test_a_bucket_without_access_keys_is_refused(service: SmallService, url: str) -> None:
    with pytest.raises(SettingsError, match="AWS_ACCESS_KEY_ID"):
        of_service(url, "s3://scans")


def test_a_folder_without_a_service_is_refused(
    service: SmallService, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "empty"))

    with pytest.raises(TransferRefused, match="set DATA_DIR"):
        run(of_service(url))

    assert not (tmp_path / "empty" / "ilios.db").exists()
