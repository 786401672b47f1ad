"""Files that are kept for a client: their owner's alone, counted, and gone at their end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ilios.accounts import holdings
from ilios.core import clock, data_folder
from ilios.core.conversion_errors import StorageUnavailable
from ilios.core.disk_space import DiskReserve
from ilios.core.request_errors import (
    EmptyFile,
    KeptFileNotFound,
    LinkInvalid,
    StorageQuotaExceeded,
    TooManyWaiting,
    UploadAlreadyCompleted,
)
from ilios.core.settings import Settings
from ilios.db import owner_totals
from ilios.db.database import Database
from ilios.db.models import DocumentStatus
from ilios.documents.admission import Order
from ilios.documents.kept_files import KeptFile, KeptFiles
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.retention.service import Retention
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.engines.detection import media_types
from ilios.storage.base import ObjectStore
from ilios.storage.signed_links import LinkSigner
from tests.support import documents

pytestmark = pytest.mark.both_databases

Keep = Callable[..., KeptFile]
Make = Callable[[Settings], KeptFiles]
ME, OTHER = "me", "other"
HOUR = timedelta(hours=1)


@pytest.fixture
def make_kept(database: Database, store: ObjectStore) -> Make:
    def make(settings: Settings) -> KeptFiles:
        links = LinkSigner.from_file(data_folder.signing_key(settings))
        return KeptFiles(settings, database, store, links, DiskReserve(settings))

    return make


@pytest.fixture
def kept_files(settings: Settings, make_kept: Make) -> KeptFiles:
    return make_kept(settings)


@pytest.fixture
def keep(kept_files: KeptFiles, receive: Callable[..., Received]) -> Keep:
    def keep(
        content: bytes = b"Hello",
        name: str = "hello.txt",
        purpose: str = "ocr",
        lifetime: timedelta = HOUR,
    ) -> KeptFile:
        file = receive(content, name)
        return kept_files.keep(file, owner=ME, purpose=purpose, lifetime=lifetime)

    return keep


def test_a_file_is_kept_until_its_end(kept_files: KeptFiles, keep: Keep) -> None:
    kept = keep()

    assert kept_files.file(kept.id, owner=ME) == kept
    assert (kept.file_name, kept.size_bytes, kept.purpose) == ("hello.txt", 5, "ocr")
    assert kept.media_type == "text/plain"
    assert kept.expires_at is not None
    assert HOUR - timedelta(minutes=5) < kept.expires_at - clock.now() <= HOUR


def test_one_that_has_expired_is_not_found(
    kept_files: KeptFiles, keep: Keep, database: Database, store: ObjectStore, settings: Settings,
    stored_files: Callable[[], list[Path]],
) -> None:  # fmt: skip
    kept, later = keep(lifetime=-HOUR), keep(lifetime=HOUR)
    with pytest.raises(KeptFileNotFound):
        kept_files.file(kept.id, owner=ME)
    assert kept_files.listed(owner=ME, purpose=None, skipped=0, at_most=9).total == 1

    retention = Retention(settings, database, store)
    assert retention.preview().uploads == 1
    assert retention.run().uploads == 1

    assert documents.document(database, kept.id).status is DocumentStatus.DELETED
    assert kept_files.file(later.id, owner=ME) == later
    assert len(stored_files()) == 1
    # Uploads that never come are given up after a day; a file that may stay is none.
    longest = keep(lifetime=timedelta(hours=168))
    assert retention.run(clock.now() + timedelta(hours=50)).uploads == 1
    assert kept_files.file(longest.id, owner=ME) == longest


def test_a_file_is_its_owners_alone(kept_files: KeptFiles, keep: Keep) -> None:
    kept = keep()

    with pytest.raises(KeptFileNotFound):
        kept_files.file(kept.id, owner=OTHER)
    with pytest.raises(LinkInvalid):
        kept_files.of_token(kept_files.token(kept, HOUR), owner=OTHER)
    assert kept_files.listed(owner=OTHER, purpose=None, skipped=0, at_most=9).files == []


def test_a_deleted_file_is_gone(
    kept_files: KeptFiles, keep: Keep, actions: DocumentActions,
    stored_files: Callable[[], list[Path]],
) -> None:  # fmt: skip
    kept = keep()
    token = kept_files.token(kept, HOUR)

    actions.delete(kept.id, owner=ME)

    assert stored_files() == []
    with pytest.raises(KeptFileNotFound):
        kept_files.file(kept.id, owner=ME)
    with pytest.raises(LinkInvalid):
        kept_files.of_token(token, owner=ME)
    with pytest.raises(KeptFileNotFound), kept_files.received(kept):
        pass


def test_a_file_leaves_what_any_deleted_document_leaves(
    keep: Keep, actions: DocumentActions, database: Database,
    stored_files: Callable[[], list[Path]],
) -> None:  # fmt: skip
    one, other = keep(), keep()

    actions.delete_file(one, owner=ME)
    actions.delete_file(one, owner=ME)
    actions.delete(other.id, owner=ME)

    rows = [documents.document(database, kept.id) for kept in (one, other)]
    own = ("id", "created_at", "processed_at", "deleted_at")
    left = [
        {column.key: getattr(row, column.key) for column in row.__table__.columns} for row in rows
    ]
    assert left[0].keys() == left[1].keys()
    assert [{k: v for k, v in row.items() if k not in own} for row in left] == [
        {k: v for k, v in left[1].items() if k not in own}
    ] * 2
    assert all(row["deleted_at"] and row["processed_at"] for row in left)
    assert stored_files() == []
    with database.writing() as session:
        driver = session.connection().connection.driver_connection
        assert owner_totals.differences(driver) == []


def test_a_file_that_the_store_cannot_delete_now_is_left_to_the_sweep(
    keep: Keep, kept_files: KeptFiles, actions: DocumentActions, database: Database,
    store: ObjectStore, settings: Settings, monkeypatch: pytest.MonkeyPatch,
    stored_files: Callable[[], list[Path]],
) -> None:  # fmt: skip
    kept = keep()

    def fails(_key: str) -> None:
        raise StorageUnavailable("The store does not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(store, "delete", fails)
        actions.delete_file(kept, owner=ME)

    with pytest.raises(KeptFileNotFound):
        kept_files.file(kept.id, owner=ME)
    Retention(settings, database, store).run()
    assert stored_files() == []


def test_files_are_listed_newest_first_in_pages(kept_files: KeptFiles, keep: Keep) -> None:
    made = [keep(name=f"{number}.txt", purpose="ocr") for number in range(3)]
    other = keep(name="lines.jsonl", purpose="batch")

    page = kept_files.listed(owner=ME, purpose="ocr", skipped=1, at_most=1)
    everything = kept_files.listed(owner=ME, purpose=None, skipped=0, at_most=10**9)

    assert ([file.id for file in page.files], page.total) == ([made[1].id], 3)
    assert [file.id for file in everything.files] == [file.id for file in (other, *reversed(made))]


def test_a_signed_link_stands_for_a_file_until_its_end(kept_files: KeptFiles, keep: Keep) -> None:
    kept = keep()

    assert kept_files.of_token(kept_files.token(kept, HOUR), owner=ME) == kept
    for token in (kept_files.token(kept, -HOUR), kept_files.token(kept, HOUR)[:-1], "", "x.y"):
        with pytest.raises(LinkInvalid):
            kept_files.of_token(token, owner=ME)


def test_a_link_to_an_original_stands_for_it(
    kept_files: KeptFiles, submissions: Submissions, receive: Callable[..., Received],
    store: ObjectStore, database: Database,
) -> None:  # fmt: skip
    document = submissions.submit(receive(b"Hello"), Order(owner=ME))
    key = documents.document(database, document.id).storage_key
    url = store.presign_get(key, expires=HOUR, file_name="hello.txt", media_type="text/plain")

    assert kept_files.of_token(url.rpartition("/")[2], owner=ME).id == document.id


def test_what_is_kept_is_submitted_any_number_of_times(
    kept_files: KeptFiles, keep: Keep, submissions: Submissions, store: ObjectStore,
    settings: Settings,
) -> None:  # fmt: skip
    kept = keep()

    for _ in range(2):
        with kept_files.received(kept) as file:
            document = submissions.submit(file, Order(owner=ME))
        assert (document.file_name, document.file_size) == ("hello.txt", 5)

    with store.open(kept.key) as stream:
        assert stream.read() == b"Hello"
    assert list(data_folder.uploads(settings).iterdir()) == []


def test_files_count_as_stored_and_waiting(
    settings: Settings, database: Database, make_kept: Make, keep: Keep,
    receive: Callable[..., Received], stored_files: Callable[[], list[Path]],
) -> None:  # fmt: skip
    keep()
    few = make_kept(settings.model_copy(update={"key_waiting_documents": 1}))
    small = make_kept(settings.model_copy(update={"key_storage_bytes": 10_000}))

    with pytest.raises(TooManyWaiting):
        few.keep(receive(b"more"), owner=ME, purpose="ocr")
    with pytest.raises(StorageQuotaExceeded):
        small.keep(receive(b"more"), owner=ME, purpose="ocr")

    with database.writing() as session:
        driver = session.connection().connection.driver_connection
        assert owner_totals.differences(driver) == []
        sums = holdings.sums(session)
        announced = (
            session.connection()
            .exec_driver_sql("SELECT announced_bytes FROM owner_totals")
            .fetchall()
        )
    assert (sums.stored_bytes, sums.waiting_documents) == (holdings.counted_bytes(5), 1)
    assert announced == [(0,)]
    objects = settings.data_folder / "objects"
    assert len([path for path in stored_files() if objects in path.parents]) == 1


def test_what_is_empty_is_refused(kept_files: KeptFiles, receive: Callable[..., Received]) -> None:
    with pytest.raises(EmptyFile):
        kept_files.keep(receive(b""), owner=ME, purpose="ocr")


def test_a_file_of_any_kind_is_kept(keep: Keep) -> None:
    assert keep(b"\x7fELF" + bytes(100), "program").media_type == media_types.UNKNOWN


def test_a_file_is_no_upload_to_be_completed(keep: Keep, submissions: Submissions) -> None:
    with pytest.raises(UploadAlreadyCompleted):
        submissions.complete_upload(keep().id, ME)
