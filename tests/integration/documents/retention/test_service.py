"""Retention: exact to the day, also when a process dies; sweeps of this instance's objects only."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from ilios.accounts.key_admin import KeyAdmin
from ilios.core import clock, data_folder, ids
from ilios.core.request_errors import Gone
from ilios.core.settings import Settings
from ilios.db import instance
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, Instance, PageRow
from ilios.documents import failed_pages, removal
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.queries import DocumentReader
from ilios.documents.retention import expiry
from ilios.documents.retention.service import Retention, Tally
from ilios.documents.submission import Submissions
from ilios.engines.base import Options
from ilios.storage.base import ObjectStore
from ilios.storage.local import LocalStore
from ilios.storage.object_keys import part_key
from ilios.storage.opening import open_store
from tests.integration.documents.conftest import OWNER
from tests.support import documents
from tests.support.api_working import InTestWorker
from tests.support.issuing import STANDARD, issue

pytestmark = pytest.mark.both_databases

Submit = Callable[..., str]
Row = Callable[[str], Document]
TextOf = Callable[[str], list[str]]
FIGURE = b"![a figure](figure.png)"


class Died(BaseException):
    """What stands for a kill -9."""


@pytest.fixture
def retention(settings: Settings, database: Database, store: ObjectStore) -> Retention:
    return Retention(settings, database, store)


@pytest.fixture
def deleting(settings: Settings, database: Database, store: ObjectStore) -> Retention:
    changed = settings.model_copy(update={"retention_action": "delete"})
    return Retention(changed, database, store)


def after(days: float) -> datetime:
    return clock.now() + timedelta(days=days)


def test_a_document_is_archived_on_its_day_and_stays_readable(
    submit: Submit,
    worker: InTestWorker,
    retention: Retention,
    reports: DocumentReader,
    store: ObjectStore,
    text_of: TextOf,
    row: Row,
) -> None:
    short, long = submit(b"short", retention_days=1), submit(b"long", retention_days=2)
    worker.work()
    old_key = row(short).storage_key

    assert retention.run(after(0.99)).archived == 0
    assert retention.run(after(1.01)).archived == 1

    archived = row(short)
    assert (archived.status, row(long).status) == (
        DocumentStatus.ARCHIVED,
        DocumentStatus.COMPLETED,
    )
    assert archived.storage_key.startswith("archive/")
    assert archived.archived_at is not None
    assert text_of(short) == ["short"]
    assert "/objects/" in reports.original_url(short, owner=OWNER)
    with pytest.raises(Exception, match="missing"):
        store.stat(old_key)
    assert retention.run(after(1.02)).archived == 0


def test_what_has_no_result_keeps_its_status_and_can_be_retried_from_the_archive(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    retention: Retention,
    row: Row,
    text_of: TextOf,
) -> None:
    failed, cancelled = submit(b"fail: document"), submit(b"later")
    actions.cancel(cancelled, owner=OWNER)
    worker.work()

    assert retention.run(after(366)).archived == 2

    assert [row(one).status for one in (failed, cancelled)] == [
        DocumentStatus.FAILED,
        DocumentStatus.CANCELLED,
    ]
    actions.retry(cancelled, owner=OWNER)
    worker.work()
    assert retention.run(after(366)).archived == 1
    assert text_of(cancelled) == ["later"]


def lack(database: Database, document_id: str, index: int) -> None:
    """Take a page away from a completed document, as if it had failed."""
    with database.writing() as session:
        session.execute(
            delete(PageRow).where(PageRow.document_id == document_id, PageRow.index == index)
        )
        session.get_one(Document, document_id).failed_pages = [[index, index, "pages_missing"]]
        session.flush()
        failed_pages.renew(session, document_id)


def test_what_lacks_pages_is_completed_from_the_archive(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    retention: Retention,
    database: Database,
    row: Row,
    text_of: TextOf,
) -> None:
    document_id = submit(b"one\ntwo", options=Options(allow_partial=0.5))
    worker.work()
    lack(database, document_id, 1)
    retention.run(after(366))
    assert row(document_id).status is DocumentStatus.ARCHIVED
    assert text_of(document_id) == ["one"]

    worker.free()  # it converts the whole document again
    actions.retry(document_id, owner=OWNER)
    worker.work()

    assert row(document_id).status is DocumentStatus.COMPLETED
    assert (row(document_id).failed_pages, row(document_id).warnings) == (None, [])
    assert text_of(document_id) == ["one", "two"]
    assert retention.run(after(366)).archived == 1


def test_parts_are_kept_as_long_as_somebody_waits_for_their_pages(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    retention: Retention,
    store: ObjectStore,
    database: Database,
    settings: Settings,
) -> None:
    first, joined = (submit(b"one\ntwo", options=Options(allow_partial=0.5)) for _ in range(2))
    worker.work()
    lack(database, first, 1)
    with database.reading() as session:
        part = part_key(instance.instance_id(session), first, 1, 1)
    file = settings.data_folder / "file"
    file.write_bytes(b"two")
    store.put(part, file, "text/plain")

    with database.writing() as session:  # it shares the result, and what it lacks
        session.get_one(Document, joined).failed_pages = [[1, 1, "pages_missing"]]
    worker.free()  # it converts the whole document again
    actions.retry(joined, owner=OWNER)
    assert retention.run(after(2), thoroughly=True).orphans == 0

    worker.work()
    assert retention.run(after(2), thoroughly=True).orphans == 1


def test_what_is_still_to_be_converted_is_left_alone(
    submit: Submit, deleting: Retention, row: Row
) -> None:
    document_id = submit(retention_days=1)

    assert deleting.run(after(400)).deleted == 0

    assert row(document_id).status is DocumentStatus.PENDING


def test_deleting_retention_leaves_a_tombstone_of_archived_ones_too(
    submit: Submit,
    worker: InTestWorker,
    retention: Retention,
    deleting: Retention,
    reports: DocumentReader,
    row: Row,
    stored_files: Callable[[], list[Path]],
) -> None:
    first = submit(FIGURE, retention_days=1)
    worker.work()
    retention.run(after(1.5))
    second = submit(b"two", retention_days=1)
    worker.work()

    assert deleting.run(after(1.5)).deleted == 2

    assert stored_files() == []
    for document_id in (first, second):
        assert row(document_id).status is DocumentStatus.DELETED
        with pytest.raises(Gone):
            reports.result(document_id, owner=OWNER)


@pytest.mark.parametrize("action", ["archive", "delete"])
@pytest.mark.parametrize("dies_at", ["copy", "delete", "archive", "tombstone"])
@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_a_death_between_any_two_steps_loses_nothing_and_leaves_nothing(
    submit: Submit,
    worker: InTestWorker,
    settings: Settings,
    database: Database,
    store: ObjectStore,
    text_of: TextOf,
    row: Row,
    stored_files: Callable[[], list[Path]],
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    dies_at: str,
    is_before: bool,
) -> None:
    changed = settings.model_copy(update={"retention_action": action})
    retention = Retention(changed, database, store)
    document_id = submit(FIGURE, retention_days=1)
    worker.work()
    place: object = {"archive": expiry, "tombstone": removal}.get(dies_at, LocalStore)
    real = getattr(place, dies_at)

    def die(*arguments: object) -> None:
        if not is_before:
            real(*arguments)
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(place, dies_at, die)
        with suppress(Died):
            retention.run(after(1.5))
    Retention(changed, database, store).run(after(1.6))
    # Whatever a death has left behind is an orphan a day later.
    Retention(changed, database, store).run(after(3), thoroughly=True)

    if action == "archive":
        assert text_of(document_id) == [FIGURE.decode()]
        assert store.stat(row(document_id).storage_key).size_bytes == len(FIGURE)
        assert len(stored_files()) == 2
    else:
        assert row(document_id).status is DocumentStatus.DELETED
        assert stored_files() == []


def test_two_rounds_at_once_do_everything_once(
    submit: Submit,
    worker: InTestWorker,
    settings: Settings,
    database: Database,
    store: ObjectStore,
    row: Row,
) -> None:
    submitted = [submit(b"%d" % number, retention_days=1) for number in range(30)]
    worker.work()
    rounds = [Retention(settings, database, store) for _ in range(3)]
    now = after(1.5)

    with ThreadPoolExecutor(3) as pool:
        tallies = list(pool.map(lambda one: one.run(now), rounds))

    assert sum(tally.archived for tally in tallies) == 30
    for document_id in submitted:
        assert store.stat(row(document_id).storage_key).size_bytes


def test_an_upload_that_was_never_completed_is_given_up_after_a_day(
    submissions: Submissions, retention: Retention, store: ObjectStore, settings: Settings, row: Row
) -> None:
    offer = submissions.offer_upload(
        owner=OWNER, file_name="a.txt", size_bytes=5, media_type="text/plain", retention_days=365
    )
    arrived = settings.data_folder / "arrived"
    arrived.write_bytes(b"Hello")
    store.put(offer.key, arrived, "text/plain")

    assert retention.run(after(1)).uploads == 0
    assert retention.run(after(1.1)).uploads == 1

    assert row(offer.document_id).status is DocumentStatus.DELETED
    with pytest.raises(Exception, match="missing"):
        store.stat(offer.key)


def test_orphans_of_this_instance_are_swept_when_they_are_a_day_old(
    submit: Submit,
    worker: InTestWorker,
    retention: Retention,
    store: ObjectStore,
    database: Database,
    settings: Settings,
    stored_files: Callable[[], list[Path]],
) -> None:
    document_id = submit(FIGURE)
    worker.work()
    with database.reading() as session:
        here = instance.instance_id(session)
    nobodys = ids.new_id()
    orphans = [
        f"documents/{here}-originals/{nobodys}",
        f"documents/{here}/{nobodys}/source",
        f"documents/{here}/{document_id}/source-{nobodys}",
        f"documents/{here}/{document_id}/parts/0-9",
        f"archive/{here}/{document_id}/source",
        f"incoming/{here}/{nobodys}",
    ]
    foreign = [
        f"documents/{nobodys}-originals/{nobodys}",
        f"documents/{nobodys}/{nobodys}/source",
        "convert/1735-report.pdf",
    ]
    for key in (*orphans, *foreign):
        file = settings.data_folder / "file"
        file.write_bytes(b"?")
        store.put(key, file, "text/plain")
    before = len(stored_files())

    assert retention.run(after(0.9), thoroughly=True).orphans == 0
    assert retention.run(after(1.1), thoroughly=True).orphans == len(orphans)

    assert len(stored_files()) == before - len(orphans)
    for key in foreign:
        assert store.stat(key).size_bytes == 1


def test_files_of_dead_web_processes_go_after_a_day(
    retention: Retention, settings: Settings
) -> None:
    fresh, old = (data_folder.uploads(settings) / name for name in ("fresh", "old"))
    for path in (fresh, old):
        path.write_bytes(b"half of a document")
    day_ago = (clock.now() - timedelta(hours=25)).timestamp()
    os.utime(old, (day_ago, day_ago))

    assert retention.run().temporary_files == 1

    assert (fresh.exists(), old.exists()) == (True, False)


def test_what_no_worker_has_taken_from_the_spool_goes_after_an_hour(
    retention: Retention, settings: Settings
) -> None:
    (data_folder.spool(settings) / "documents%2Fi%2Fd%2Fsource.5.abc").write_bytes(b"bytes")

    assert retention.run(after(0.9 / 24)).temporary_files == 0
    assert retention.run(after(1.1 / 24)).temporary_files == 1

    assert list(data_folder.spool(settings).iterdir()) == []


def test_a_full_disk_empties_the_spool(settings: Settings, database: Database) -> None:
    (data_folder.spool(settings) / "documents%2Fi%2Fd%2Fsource.5.abc").write_bytes(b"bytes")
    full = settings.model_copy(update={"min_free_disk_bytes": 2**60})

    Retention(full, database, open_store(full)).run(after(1 / 24))

    assert list(data_folder.spool(settings).iterdir()) == []


def test_an_image_of_a_page_that_nobody_looks_at_goes_after_a_day(
    retention: Retention, settings: Settings
) -> None:
    image = data_folder.page_images(settings) / "document" / "1-1000.png"
    image.parent.mkdir()
    image.write_bytes(b"PNG")

    assert retention.run(after(0.9)).temporary_files == 0
    assert retention.run(after(1.1)).temporary_files == 1

    assert list(data_folder.page_images(settings).iterdir()) == []


def test_a_full_disk_empties_the_cache_of_page_images(
    settings: Settings, database: Database
) -> None:
    image = data_folder.page_images(settings) / "document" / "1-1000.png"
    image.parent.mkdir()
    image.write_bytes(b"PNG")
    full = settings.model_copy(update={"min_free_disk_bytes": 2**60})

    Retention(full, database, open_store(full)).run(after(1 / 24))

    assert list(data_folder.page_images(settings).iterdir()) == []


def test_what_was_adopted_is_left_alone_for_a_day(
    submit: Submit, worker: InTestWorker, retention: Retention, database: Database
) -> None:
    submit(retention_days=1)
    worker.work()
    with database.writing() as session:
        session.execute(update(Instance).values(adopted_at=after(9)))

    assert retention.run(after(9.9)).archived == 0
    assert retention.run(after(10.1)).archived == 1


def test_a_preview_says_what_a_round_does_and_changes_nothing(
    submit: Submit,
    worker: InTestWorker,
    retention: Retention,
    stored_files: Callable[[], list[Path]],
    database: Database,
) -> None:
    for number in range(3):
        submit(b"%d" % number, retention_days=1)
    worker.work()
    files = stored_files()

    preview = retention.preview(after(1.5))

    assert preview == Tally(archived=3)
    assert stored_files() == files
    assert {one.status for one in documents.documents(database)} == {DocumentStatus.COMPLETED}
    assert retention.run(after(1.5)) == preview


def test_an_expired_key_can_be_rotated_for_30_days_and_then_frees_its_name(
    retention: Retention, database: Database
) -> None:
    expires_at = clock.now() + timedelta(hours=1)
    issue(database, "team", expires_at=expires_at)
    issue(database, "other")

    assert retention.preview(after(30)).keys == retention.run(after(30)).keys == 0
    assert retention.preview(after(31)).keys == retention.run(after(31)).keys == 1

    assert [(one.key.name, one.state) for one in KeyAdmin(database).reports(STANDARD)] == [
        ("other", "live")
    ]
    issue(database, "team")
