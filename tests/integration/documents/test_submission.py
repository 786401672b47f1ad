"""Submission: durable before it is acknowledged, and all or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from ilios.core import data_folder, disk_space
from ilios.core.archive_errors import BatchRefused
from ilios.core.conversion_errors import DiskFull, ObjectMissing
from ilios.core.disk_space import DiskReserve
from ilios.core.request_errors import (
    DocumentNotFound,
    EmptyFile,
    FileTooLarge,
    UnsupportedType,
    UploadAlreadyCompleted,
    UploadIncomplete,
)
from ilios.core.settings import MIB, Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus, JobStatus
from ilios.documents.admission import Order
from ilios.documents.submission import Submissions
from ilios.documents.uploads import PROMISE_BYTES, Received, UploadSink
from ilios.engines.base import Options
from ilios.engines.page_selection import PageSelection
from ilios.queue.notify import Listener
from ilios.storage.base import ObjectStore
from tests.support import documents

Receive = Callable[..., Received]
Files = Callable[[], list[Path]]
ME = Order(owner="me")


def test_a_document_is_stored_and_queued(
    submissions: Submissions, receive: Receive, database: Database, store: ObjectStore
) -> None:
    wanted = Options(PageSelection.parse("2-3"))
    order = Order(owner="me", priority=7, retention_days=30, options=wanted)

    document = submissions.submit(receive(b"Hello there"), order)

    row = documents.document(database, document.id)
    assert (row.status, row.owner, row.retention_days) == (DocumentStatus.PENDING, "me", 30)
    assert row.options == {"pages": "2-3"}
    assert row.sha256 == hashlib.sha256(b"Hello there").hexdigest()
    with store.open(row.storage_key) as stream:
        assert stream.read() == b"Hello there"
    (job,) = documents.jobs(database)
    assert (job.document_id, job.priority, job.status) == (document.id, 7, JobStatus.PENDING)


def test_what_a_submit_returns_is_what_is_stored(
    submissions: Submissions, receive: Receive, database: Database
) -> None:
    document = submissions.submit(receive(b"Hello there"), ME)

    row = documents.document(database, document.id)
    assert document._asdict() == {name: getattr(row, name) for name in document._fields}


def test_an_empty_file_is_refused(
    submissions: Submissions, receive: Receive, database: Database
) -> None:
    with pytest.raises(EmptyFile, match=r"hello\.txt is empty"):
        submissions.submit(receive(b""), ME)

    assert documents.documents(database) == []


def test_an_unsupported_type_is_refused(submissions: Submissions, receive: Receive) -> None:
    with pytest.raises(UnsupportedType):
        submissions.submit(receive(b"\x7fELF" + bytes(100), "program.pdf"), ME)


def test_what_mistral_alone_reads_is_refused_with_its_name(
    submissions: Submissions, receive: Receive
) -> None:
    content = b"\0\0\0\x10ftypheic\0\0\0\0"

    with pytest.raises(UnsupportedType, match=r"does not read\. .*MISTRAL_API_KEY"):
        submissions.submit(receive(content, "a.heic"), ME)


def test_a_row_that_cannot_be_written_takes_its_object_with_it(
    submissions: Submissions, receive: Receive, database: Database, stored_files: Files
) -> None:
    with database.writing() as session:
        session.execute(text("DROP TABLE job_queue"))

    with pytest.raises(Exception, match="no such table: job_queue"):
        submissions.submit(receive(b"Hello"), ME)

    assert stored_files() == []
    assert documents.documents(database) == []


def test_a_batch_keeps_its_order_and_shares_one_batch(
    submissions: Submissions, receive: Receive, database: Database
) -> None:
    files = [receive(b"%d" % number, f"{number}.txt") for number in range(10)]

    batch, accepted = submissions.submit_batch(files, ME)

    assert [document.file_name for document in accepted] == [f"{n}.txt" for n in range(10)]
    assert {document.batch_id for document in documents.documents(database)} == {batch.id}
    assert len(documents.jobs(database)) == 10


def test_a_batch_with_bad_files_is_refused_whole_with_every_reason(
    submissions: Submissions, receive: Receive, database: Database
) -> None:
    files = [
        receive(b"fine", "fine.txt"),
        receive(b"", "empty.txt"),
        receive(b"PK\x03\x04" + bytes(50), "archive.zip"),
    ]

    with pytest.raises(BatchRefused) as refused:
        submissions.submit_batch(files, ME)

    assert [one.name for one in refused.value.reasons] == ["empty.txt", "archive.zip"]
    assert documents.documents(database) == []


def test_a_sink_stops_at_its_limit(tmp_path: Path) -> None:
    sink = UploadSink(tmp_path, 10, DiskReserve(Settings(data_dir=tmp_path)))
    sink.write(b"12345")

    with pytest.raises(FileTooLarge, match="10 bytes"):
        sink.write(b"678901")

    sink.discard()
    assert list(tmp_path.iterdir()) == []


def test_uploads_that_run_at_once_leave_the_reserve_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both announce nothing: each may go on as long as there is room beside the other."""
    settings = Settings(data_dir=tmp_path, min_free_disk_bytes=100 * MIB)
    data_folder.prepare(settings)
    sinks = [
        UploadSink(data_folder.uploads(settings), 2**30, DiskReserve(settings)) for _ in range(2)
    ]
    disk_bytes = 200 * MIB

    def left(_folder: object = None) -> int:
        return disk_bytes - sum(sink.size_bytes for sink in sinks)

    monkeypatch.setattr(disk_space, "free_bytes", left)
    block = bytes(MIB)

    def send_without_end() -> None:
        while True:
            for sink in sinks:
                sink.write(block)

    with pytest.raises(DiskFull):
        send_without_end()

    assert left() >= 100 * MIB - len(sinks) * MIB  # of the blocks that were refused
    assert left() < 100 * MIB + 2 * PROMISE_BYTES
    for sink in sinks:
        sink.discard()
    assert DiskReserve(settings).fault(99 * MIB) is not None
    disk_bytes = 2**40
    assert DiskReserve(settings).fault() is None


def offer(submissions: Submissions, size_bytes: int = 5) -> tuple[str, str]:
    given = submissions.offer_upload(
        owner="me",
        file_name="hello.txt",
        size_bytes=size_bytes,
        media_type="text/plain",
        retention_days=365,
    )
    return given.document_id, given.key


def put(settings: Settings, store: ObjectStore, key: str, content: bytes) -> None:
    path = settings.data_folder / "put"
    path.write_bytes(content)
    store.put(key, path, "text/plain")


def test_an_upload_by_link_is_queued_when_completed(
    submissions: Submissions, settings: Settings, store: ObjectStore, database: Database
) -> None:
    document_id, key = offer(submissions)
    assert documents.document(database, document_id).status is DocumentStatus.AWAITING_UPLOAD
    put(settings, store, key, b"Hello")

    submissions.complete_upload(document_id, "me")

    row = documents.document(database, document_id)
    assert row.status is DocumentStatus.PENDING
    assert row.sha256 == hashlib.sha256(b"Hello").hexdigest()
    assert row.storage_key.startswith("documents/")
    with store.open(row.storage_key) as stream:
        assert stream.read() == b"Hello"
    with pytest.raises(ObjectMissing):
        store.stat(key)


def test_a_later_put_to_the_same_link_changes_nothing(
    submissions: Submissions, settings: Settings, store: ObjectStore, database: Database
) -> None:
    document_id, key = offer(submissions)
    put(settings, store, key, b"Hello")
    submissions.complete_upload(document_id, "me")

    put(settings, store, key, b"Other")

    with store.open(documents.document(database, document_id).storage_key) as stream:
        assert stream.read() == b"Hello"


def test_completing_without_bytes_says_what_to_do(submissions: Submissions) -> None:
    document_id, _ = offer(submissions)

    with pytest.raises(UploadIncomplete, match="PUT the file there"):
        submissions.complete_upload(document_id, "me")


def test_completing_with_another_size_names_both(
    submissions: Submissions, settings: Settings, store: ObjectStore
) -> None:
    document_id, key = offer(submissions, size_bytes=6)
    put(settings, store, key, b"Hello")

    with pytest.raises(UploadIncomplete, match=r"5 bytes .* fileSize was 6"):
        submissions.complete_upload(document_id, "me")


def test_completing_twice_is_a_conflict(
    submissions: Submissions, settings: Settings, store: ObjectStore, database: Database
) -> None:
    document_id, key = offer(submissions)
    put(settings, store, key, b"Hello")
    submissions.complete_upload(document_id, "me")

    with pytest.raises(UploadAlreadyCompleted):
        submissions.complete_upload(document_id, "me")

    assert len(documents.jobs(database)) == 1


def test_bytes_of_an_unsupported_type_leave_the_document_awaiting(
    submissions: Submissions,
    settings: Settings,
    store: ObjectStore,
    database: Database,
    stored_files: Files,
) -> None:
    document_id, key = offer(submissions)
    put(settings, store, key, b"\x7fELF\x00")

    with pytest.raises(UnsupportedType):
        submissions.complete_upload(document_id, "me")

    assert documents.document(database, document_id).status is DocumentStatus.AWAITING_UPLOAD
    assert [path.read_bytes() for path in stored_files()] == [b"\x7fELF\x00"]


def test_another_owners_upload_does_not_exist(submissions: Submissions) -> None:
    document_id, _ = offer(submissions)

    with pytest.raises(DocumentNotFound):
        submissions.complete_upload(document_id, "somebody else")


def test_a_submit_rings_the_bell(
    submissions: Submissions, receive: Receive, settings: Settings
) -> None:
    listener = Listener(data_folder.wake_socket(settings))

    submissions.submit(receive(b"Hello"), ME)

    assert listener.clear()
    assert not listener.clear()
    listener.close()
