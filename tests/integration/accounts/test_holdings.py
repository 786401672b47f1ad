"""What a key may hold: bytes and waiting documents, exact in the transaction that adds to them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from ilios.accounts import holdings
from ilios.accounts.holdings import Standard
from ilios.accounts.key_admin import KeyAdmin
from ilios.accounts.keys import Limits
from ilios.core.request_errors import StorageQuotaExceeded, TooManyWaiting
from ilios.core.settings import MIB, Settings
from ilios.db import owner_totals
from ilios.db.database import Database
from ilios.db.models import UNLIMITED, Document, DocumentStatus, PageRow
from ilios.documents.admission import Order
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.retention.service import Retention
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.queue.notify import Notifier
from ilios.storage.base import ObjectStore
from ilios.storage.opening import open_store
from tests.support import documents
from tests.support.api_working import IMAGE, InTestWorker
from tests.support.issuing import STANDARD, issue

Receive = Callable[..., Received]
Files = Callable[[], list[Path]]
HELLO = holdings.counted_bytes(5)


@pytest.fixture
def actions(
    settings: Settings, database: Database, store: ObjectStore, notifier: Notifier
) -> DocumentActions:
    return DocumentActions(settings, database, store, notifier)


@pytest.fixture
def worker(settings: Settings, database: Database) -> InTestWorker:
    return InTestWorker(settings, database)


def held(database: Database, owner: str) -> tuple[int, int]:
    """Return the bytes stored and the documents that wait; check that they are counted right."""
    with database.reading() as session:
        found = holdings.of(session, owner, STANDARD)
        driver = session.connection().connection.driver_connection
        assert owner_totals.differences(driver) == []
    return found.stored_bytes, found.waiting_documents


def offer(submissions: Submissions, owner: str, size_bytes: int = 5) -> str:
    return submissions.offer_upload(
        owner=owner,
        file_name="a.txt",
        size_bytes=size_bytes,
        media_type="text/plain",
        retention_days=1,
    ).document_id


def test_what_does_not_fit_is_refused_with_the_figures_and_leaves_nothing(
    submissions: Submissions, database: Database, receive: Receive, stored_files: Files
) -> None:
    owner = issue(database, storage_bytes=2 * HELLO).key.owner
    for number in range(2):
        submissions.submit(receive(b"Hell%d" % number), Order(owner=owner))
    before = stored_files()

    refused = receive(b"Hell2")
    with pytest.raises(StorageQuotaExceeded, match=rf"take {2 * HELLO} of the {2 * HELLO} bytes"):
        submissions.submit(refused, Order(owner=owner))
    refused.discard()  # as the request does at its end

    assert held(database, owner) == (2 * HELLO, 2)
    assert (len(documents.documents(database)), stored_files()) == (2, before)
    submissions.submit(receive(b"Hell2"), Order(owner="another"))


def test_no_more_documents_wait_than_may(
    submissions: Submissions, database: Database, receive: Receive, actions: DocumentActions
) -> None:
    owner = issue(database, waiting_documents=2).key.owner
    first = submissions.submit(receive(b"1"), Order(owner=owner))
    offer(submissions, owner)

    with pytest.raises(TooManyWaiting, match="2 documents of this key wait"):
        submissions.submit(receive(b"2"), Order(owner=owner))
    actions.cancel(first.id, owner=owner)

    submissions.submit(receive(b"3"), Order(owner=owner))
    with pytest.raises(TooManyWaiting):
        actions.retry(first.id, owner=owner)


@pytest.mark.parametrize(
    ("terms", "error", "figure"),
    [
        ({"storage_bytes": 2 * HELLO}, StorageQuotaExceeded, f"need {3 * HELLO} more"),
        ({"waiting_documents": 2}, TooManyWaiting, "3 more would be above the 2"),
    ],
)
def test_a_batch_is_refused_whole(
    submissions: Submissions, database: Database, receive: Receive, stored_files: Files,
    terms: dict[str, Any], error: type[Exception], figure: str,
) -> None:  # fmt: skip
    owner = issue(database, **terms).key.owner
    batch = [receive(b"Hell%d" % number) for number in range(3)]

    with pytest.raises(error, match=figure):
        submissions.submit_batch(batch, Order(owner=owner))

    for file in batch:
        file.discard()
    assert (documents.documents(database), stored_files()) == ([], [])
    assert held(database, owner) == (0, 0)


def test_an_announced_upload_has_its_room_until_it_is_deleted(
    submissions: Submissions, database: Database, receive: Receive, actions: DocumentActions
) -> None:
    owner = issue(database, storage_bytes=2 * HELLO).key.owner
    announced = offer(submissions, owner, size_bytes=5 + HELLO)

    with pytest.raises(StorageQuotaExceeded):
        submissions.submit(receive(b"Hello"), Order(owner=owner))
    with pytest.raises(StorageQuotaExceeded):
        offer(submissions, owner)
    actions.delete(announced, owner=owner)

    assert held(database, owner) == (0, 0)
    submissions.submit(receive(b"Hello"), Order(owner=owner))


def test_the_room_of_an_abandoned_upload_is_given_back(
    settings: Settings, submissions: Submissions, database: Database, store: ObjectStore
) -> None:
    offer(submissions, "me")
    documents.age(database, days=2)

    Retention(settings, database, store).run()

    assert held(database, "me") == (0, 0)


def test_what_a_revoked_key_has_announced_is_given_back(
    settings: Settings, submissions: Submissions, database: Database, store: ObjectStore
) -> None:
    owner = issue(database).key.owner
    document_id = offer(submissions, owner)
    KeyAdmin(database).revoke("team")

    assert Retention(settings, database, store).preview().uploads == 1
    assert Retention(settings, database, store).run().uploads == 1

    assert documents.document(database, document_id).status is DocumentStatus.DELETED
    assert held(database, owner) == (0, 0)


def test_a_completed_upload_counts_once(
    submissions: Submissions, database: Database, store: ObjectStore, receive: Receive
) -> None:
    owner = issue(database, storage_bytes=HELLO, waiting_documents=1).key.owner
    document_id = offer(submissions, owner)
    key = documents.document(database, document_id).storage_key
    store.put(key, receive(b"Hello").path, "text/plain")

    submissions.complete_upload(document_id, owner)

    assert held(database, owner) == (HELLO, 1)


def test_bytes_of_the_store_and_the_database_are_those_that_count(
    settings: Settings, database: Database, store: ObjectStore, submissions: Submissions,
    receive: Receive, actions: DocumentActions, worker: InTestWorker, stored_files: Files,
) -> None:  # fmt: skip
    owner = issue(database, name="a").key.owner
    ids = [
        submissions.submit(receive(b"![a](figure.png)\n%d" % number), Order(owner=owner)).id
        for number in range(4)
    ]
    twice = submissions.submit(receive(b"![a](figure.png)\n0"), Order(owner=owner)).id
    failing = submissions.submit(receive(b"fail: document"), Order(owner=owner)).id
    worker.work()
    again = submissions.submit(receive(b"![a](figure.png)\n0"), Order(owner=owner)).id

    def compare() -> None:
        with database.reading() as session:
            rows = session.query(Document).where(Document.storage_key != "").count()
            texts = sum(len(page.markdown.encode()) for page in session.query(PageRow))
        objects = sum(path.stat().st_size for path in stored_files())
        overhead = rows * owner_totals.DOCUMENT_OVERHEAD_BYTES
        assert held(database, owner)[0] == objects + texts + overhead

    assert len(IMAGE) > 0
    compare()
    actions.retry(failing, owner=owner)
    actions.cancel(failing, owner=owner)
    compare()
    for gone in (ids[0], ids[1], failing, twice):  # others show the pages of the first
        actions.delete(gone, owner=owner)
        compare()
    documents.age(database, days=400)
    Retention(settings, database, store).run(thoroughly=True)
    compare()
    for left in (again, ids[2], ids[3]):
        actions.delete(left, owner=owner)
    assert stored_files() == []
    assert held(database, owner) == (0, 0)


def test_threads_and_processes_never_pass_the_limit_together(
    settings: Settings, database: Database, submissions: Submissions, receive: Receive
) -> None:
    owner = issue(database, storage_bytes=7 * HELLO, waiting_documents=9).key.owner
    files = [[receive(b"He%d%02d" % (place, n)) for n in range(8)] for place in range(3)]
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=send_all, args=(settings, mine, owner)) for mine in files[:2]]
    for other in others:
        other.start()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda file: send(submissions, file, owner), files[2]))
    for other in others:
        other.join()

    assert [other.exitcode for other in others] == [0, 0]
    assert held(database, owner) == (7 * HELLO, 7)


def send(submissions: Submissions, file: Received, owner: str) -> None:
    try:
        submissions.submit(file, Order(owner=owner))
    except StorageQuotaExceeded:
        file.discard()


def send_all(settings: Settings, files: list[Received], owner: str) -> None:
    """Send files from a process of its own."""
    database = Database(settings.database_path)
    notifier = Notifier(settings.data_folder / "nobody-listens")
    sender = Submissions(settings, database, open_store(settings), notifier)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda file: send(sender, file, owner), files))
    database.close()


VOLUME_BYTES = 8 * MIB
RESERVE_BYTES = MIB
FILE_BYTES = 256 * 1024


@pytest.fixture
def small(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings of a volume with 8 MiB for objects and uploads, 1 MiB of it in reserve."""
    folders = (settings.data_folder / "objects", settings.data_folder / "tmp")

    def statvfs(_path: object) -> Any:
        paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        taken = sum(path.stat().st_size for path in paths)
        return SimpleNamespace(f_bavail=VOLUME_BYTES - taken, f_frsize=1)

    monkeypatch.setattr(os, "statvfs", statvfs)
    return settings.model_copy(update={"min_free_disk_bytes": RESERVE_BYTES})


def test_a_key_that_sends_without_end_leaves_half_of_the_volume_to_others(
    small: Settings, database: Database, store: ObjectStore, notifier: Notifier, receive: Receive
) -> None:
    greedy, other = (issue(database, name).key.owner for name in ("greedy", "other"))
    submissions = Submissions(small, database, store, notifier)
    numbers = iter(range(1000))

    def send_until_refused(owner: str, at_most: int) -> int:
        sent = 0
        while sent < at_most:
            file = receive(b"%d" % next(numbers) + b"x" * FILE_BYTES, "a.txt")
            try:
                submissions.submit(file, Order(owner=owner))
            except StorageQuotaExceeded:
                file.discard()
                break
            sent += 1
        return sent

    most = (VOLUME_BYTES - RESERVE_BYTES) // 2 // FILE_BYTES
    assert most - 2 <= send_until_refused(greedy, 1000) <= most
    # An announcement takes no room of the volume yet, and does not make the key's share larger.
    with pytest.raises(StorageQuotaExceeded):
        offer(submissions, greedy, FILE_BYTES)
    assert send_until_refused(other, 10) == 10
    assert send_until_refused(greedy, 1000) == 0
    assert os.statvfs(small.data_folder).f_bavail >= RESERVE_BYTES


def test_announcing_does_not_enlarge_a_share(
    small: Settings, database: Database, store: ObjectStore, notifier: Notifier
) -> None:
    greedy, _ = (issue(database, name).key.owner for name in ("greedy", "other"))
    submissions = Submissions(small, database, store, notifier)

    for _ in range(1000):
        try:
            offer(submissions, greedy, FILE_BYTES)
        except StorageQuotaExceeded:
            break

    assert held(database, greedy)[0] <= (VOLUME_BYTES - RESERVE_BYTES) // 2


@pytest.mark.parametrize(
    ("standard", "keys", "own", "limit"),
    [
        (Standard(None, 10, free_bytes=1000), 1, None, None),
        (Standard(None, 10, free_bytes=1000), 2, None, 500),
        (Standard(None, 10, configured_keys=1, free_bytes=1000), 1, None, 500),
        (Standard(None, 10, configured_keys=5, free_bytes=None), 2, None, None),
        (Standard(70, 10, free_bytes=1000), 1, None, 70),
        (Standard(70, 10, free_bytes=1000), 2, 9, 9),
        (Standard(70, 10, free_bytes=1000), 2, UNLIMITED, None),
    ],
)
def test_a_limit_is_the_keys_own_then_the_settings_then_half_of_the_volume(
    database: Database, standard: Standard, keys: int, own: int | None, limit: int | None
) -> None:
    owners = [issue(database, f"k{n}", storage_bytes=own).key.owner for n in range(keys)]

    with database.reading() as session:
        found = holdings.of(session, owners[0], standard)

    assert (found.storage_limit, found.waiting_limit) == (limit, 10)


def test_without_a_key_only_the_settings_limit(settings: Settings, database: Database) -> None:
    standard = Standard.of(settings, lambda: 1000)
    with_keys = settings.model_copy(update={"api_key": SecretStr("a,b"), "key_storage_bytes": 5})

    with database.reading() as session:
        found = holdings.of(session, "anonymous", standard)

    assert (found.storage_limit, found.waiting_limit) == (None, 10_000)
    assert Standard.of(with_keys, lambda: 1000) == Standard(5, 10_000, 2, 1000)


def test_a_limit_that_was_passed_before_it_was_set_refuses_only_what_is_new(
    submissions: Submissions, database: Database, receive: Receive, worker: InTestWorker
) -> None:
    owner = issue(database).key.owner
    first = submissions.submit(receive(b"Hello"), Order(owner=owner))
    KeyAdmin(database).limit("team", lambda _: Limits(storage_bytes=1, waiting_documents=1))

    worker.work()

    assert documents.document(database, first.id).status is DocumentStatus.COMPLETED
    with pytest.raises(StorageQuotaExceeded):
        submissions.submit(receive(b"again"), Order(owner=owner))


def test_the_limits_of_a_key_stay_when_its_secret_is_replaced(database: Database) -> None:
    before = issue(database, storage_bytes=5, waiting_documents=6).key

    after = KeyAdmin(database).rotate("team", grace=timedelta(hours=1)).key

    assert after.owner == before.owner
    assert (after.storage_bytes, after.waiting_documents) == (5, 6)


def test_the_sums_name_the_largest_share(
    submissions: Submissions, database: Database, receive: Receive
) -> None:
    for number, owner in enumerate(("a", "b", "b")):
        submissions.submit(receive(b"Hell%d" % number), Order(owner=owner))

    with database.reading() as session:
        found = holdings.sums(session)

    assert found == holdings.Sums(3 * HELLO, 2 * HELLO, 3, 2)
