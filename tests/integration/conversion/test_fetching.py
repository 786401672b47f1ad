"""The fetch of a document: from its address into the queue, as an upload would have been."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from ilios.accounts import holdings
from ilios.accounts.holdings import Standard
from ilios.core import clock, data_folder
from ilios.core.request_errors import StorageQuotaExceeded, TooManyWaiting
from ilios.core.settings import Settings
from ilios.core.url_allowance import UrlAllowance
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, JobStatus, JobType, UrlSource
from ilios.documents import results
from ilios.documents.admission import Order
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.remote import Remote
from ilios.documents.retention.service import Retention
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.engines.base import Options
from ilios.engines.page_selection import PageSelection
from ilios.outbound.connections import Patience
from ilios.outbound.guard import Guard
from ilios.queue import jobs
from ilios.queue.jobs import FETCH_LANE, Lease
from ilios.queue.notify import Notifier
from ilios.storage.base import ObjectStore
from tests.support import documents, working
from tests.support.api_working import InTestWorker
from tests.support.web_servers import Ear, reply, serving

pytestmark = pytest.mark.both_databases

ME: Final = Order(owner="me")
TEXT: Final = b"one\ntwo\nthree"
HASTY: Final = Patience(connect_seconds=5.0, silence_seconds=3.0, total_seconds=30.0)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let documents be fetched from this machine."""
    update = {"url_allow": "127.0.0.1", "max_file_size_bytes": 100_000}
    return settings.model_copy(update=update)


@pytest.fixture
def worker(settings: Settings, database: Database) -> InTestWorker:
    return InTestWorker(settings, database)


@pytest.fixture
def submit(submissions: Submissions, settings: Settings) -> Callable[..., str]:
    def submit(url: str, given_name: str | None = None, **changes: Any) -> str:
        guard = Guard(UrlAllowance.of(("127.0.0.0/8",)))
        remote = Remote(guard.checked(url), given_name)
        return submissions.submit(remote, replace(ME, **changes)).id

    return submit


@pytest.fixture
def run(settings: Settings, database: Database, store: ObjectStore) -> Callable[..., None]:
    """Do the next fetch that is ready."""

    def run(patience: Patience = working.PATIENCE) -> None:
        fetches = working.fetches(settings, database, store, patience=patience)
        fetches.run(claimed(database))

    return run


def claimed(database: Database) -> Lease:
    with database.writing() as session:
        lease = jobs.claim(session, FETCH_LANE, "node/worker-0", clock.now())
        assert lease is not None
        results.begin(session, lease.job_id, clock.now())
    return lease


def by_id(database: Database, document_id: str) -> Document:
    return documents.document(database, document_id)


def source(database: Database, document_id: str) -> UrlSource | None:
    with database.reading() as session:
        return session.get(UrlSource, document_id)


def test_a_document_waits_for_its_fetch(
    submit: Callable[..., str], database: Database, settings: Settings
) -> None:
    document_id = submit("http://127.0.0.1:1/a/report.pdf?secret-of-a-url", priority=7)

    row = by_id(database, document_id)
    assert (row.status, row.file_name, row.file_size) == (DocumentStatus.PENDING, "report.pdf", 0)
    assert (row.sha256, row.storage_key) == (None, "")
    (job,) = documents.jobs(database)
    assert (job.type, job.lane, job.priority) == (JobType.FETCH, FETCH_LANE, 7)
    with database.reading() as session:
        held = holdings.of(session, "me", Standard.of(settings, lambda: 10**9))
    assert (held.waiting_documents, held.stored_bytes) == (1, 0)


def test_what_was_fetched_is_as_what_was_uploaded(
    submit: Callable[..., str],
    run: Callable[..., None],
    database: Database,
    store: ObjectStore,
    settings: Settings,
) -> None:
    options = Options(PageSelection.parse("2"))
    with serving(reply(TEXT, ETag='"1"')) as server:
        document_id = submit(server.url("/a.txt?secret-of-a-url"), priority=7, options=options)
        run()

    row = by_id(database, document_id)
    assert (row.status, row.file_name, row.mime_type) == (
        DocumentStatus.PENDING,
        "a.txt",
        "text/plain",
    )
    assert (row.file_size, row.sha256) == (len(TEXT), hashlib.sha256(TEXT).hexdigest())
    assert row.options == {"pages": "2"}
    with store.open(row.storage_key) as stream:
        assert stream.read() == TEXT
    of_types = {job.type: job for job in documents.jobs(database)}
    assert of_types[JobType.FETCH].status is JobStatus.COMPLETED
    converting = of_types[JobType.CONVERT]
    assert (converting.status, converting.priority, converting.attempts) == (
        JobStatus.PENDING,
        7,
        0,
    )
    with database.reading() as session:
        held = holdings.of(session, "me", Standard.of(settings, lambda: 10**9))
    assert held.stored_bytes == holdings.counted_bytes(len(TEXT))
    assert list(data_folder.workspaces(settings).iterdir()) == []


def test_the_address_is_forgotten_once_it_is_fetched(
    submit: Callable[..., str], run: Callable[..., None], database: Database
) -> None:
    with serving(reply(TEXT, ETag='"1"')) as server:
        document_id = submit(server.url("/a.txt?secret-of-a-url"))
        before = source(database, document_id)
        run()

    after = source(database, document_id)
    assert before is not None
    assert before.url is not None
    assert after is not None
    assert (after.url, after.etag) == (None, '"1"')


def test_a_fetched_document_is_converted(
    submit: Callable[..., str], worker: InTestWorker, database: Database
) -> None:
    with serving(reply(TEXT)) as server:
        document_id = submit(server.url("/a.txt"))
        worker.work()

    row = by_id(database, document_id)
    assert (row.status, row.page_count) == (DocumentStatus.COMPLETED, 3)


@pytest.mark.parametrize(
    ("path", "disposition", "given", "name"),
    [
        ("/a.txt", None, None, "a.txt"),
        ("/a.txt", "attachment; filename=b.txt", None, "b.txt"),
        ("/a.txt", "attachment; filename=b.txt", "c.txt", "c.txt"),
        ("/", None, None, "document"),
    ],
)
def test_a_name_is_given_by_client_server_or_address(
    submit: Callable[..., str],
    run: Callable[..., None],
    database: Database,
    path: str,
    disposition: str | None,
    given: str | None,
    name: str,
) -> None:
    headers = {"Content_Disposition": disposition} if disposition else {}
    with serving(reply(TEXT, **headers)) as server:
        document_id = submit(server.url(path), given)
        run()

    assert by_id(database, document_id).file_name == name


def test_the_same_bytes_as_an_upload_take_its_result(
    submit: Callable[..., str],
    submissions: Submissions,
    receive: Callable[..., Received],
    worker: InTestWorker,
    database: Database,
) -> None:
    uploaded = submissions.submit(receive(TEXT, "a.txt"), ME).id
    worker.work()
    with serving(reply(TEXT)) as server:
        fetched = submit(server.url("/b.txt"))
        anew = submit(server.url("/b.txt"), cache=False)
        other = submit(server.url("/b.txt"), owner="somebody else")
        worker.work()

    assert by_id(database, fetched).result_of == uploaded
    assert by_id(database, anew).result_of is None
    assert by_id(database, other).result_of is None
    assert by_id(database, fetched).status is DocumentStatus.COMPLETED


def revalidating(connection: socket.socket, head: bytes) -> None:
    """Answer as a server that knows `"1"`."""
    is_known = b'If-None-Match: "1"' in head
    connection.sendall(reply(b"", "304 Not Modified") if is_known else reply(TEXT, ETag='"1"'))


def test_a_repeat_is_asked_whether_it_has_changed_and_joins_the_stored_result(
    submit: Callable[..., str], worker: InTestWorker, database: Database, store: ObjectStore
) -> None:
    with serving(revalidating) as server:
        first = submit(server.url("/a.txt"))
        worker.work()
        second = submit(server.url("/a.txt"))
        third = submit(server.url("/a.txt"), options=Options(PageSelection.parse("2")))
        worker.work()

    assert [b"If-None-Match" in head for head in server.requests] == [False, True, True]
    row = by_id(database, second)
    assert (row.status, row.result_of) == (DocumentStatus.COMPLETED, first)
    with store.open(row.storage_key) as stream:  # it has its own copy
        assert stream.read() == TEXT
    assert row.storage_key != by_id(database, first).storage_key
    assert (by_id(database, third).result_of, by_id(database, third).page_count) == (None, 1)


def test_what_another_owner_has_fetched_is_not_known(
    submit: Callable[..., str], worker: InTestWorker, database: Database
) -> None:
    with serving(revalidating) as server:
        submit(server.url("/a.txt"))
        worker.work()
        others = submit(server.url("/a.txt"), owner="somebody else")
        worker.work()

    assert not any(b"If-" in head for head in server.requests)
    assert by_id(database, others).result_of is None


def test_a_304_that_was_not_asked_for_shows_nothing(
    submit: Callable[..., str], run: Callable[..., None], database: Database
) -> None:
    with serving(reply(b"", "304 Not Modified")) as server:
        document_id = submit(server.url("/a.txt"))
        run()

    row = by_id(database, document_id)
    assert (row.status, row.error_code) == (DocumentStatus.FAILED, "url_unavailable")


def test_a_deleted_document_is_not_asked_for_again(
    submit: Callable[..., str],
    worker: InTestWorker,
    settings: Settings,
    database: Database,
    store: ObjectStore,
    notifier: Notifier,
) -> None:
    with serving(revalidating) as server:
        first = submit(server.url("/a.txt"))
        worker.work()
        DocumentActions(settings, database, store, notifier).delete(first, owner="me")
        second = submit(server.url("/a.txt"))
        worker.work()

    assert source(database, first) is None
    assert not any(b"If-" in head for head in server.requests)
    assert by_id(database, second).status is DocumentStatus.COMPLETED


def test_an_original_that_is_lost_is_fetched_again(
    submit: Callable[..., str], worker: InTestWorker, database: Database, store: ObjectStore
) -> None:
    with serving(revalidating) as server:
        first = submit(server.url("/a.txt"))
        worker.work()
        store.delete(by_id(database, first).storage_key)
        second = submit(server.url("/a.txt"))
        worker.work()

    assert [b"If-None-Match" in head for head in server.requests] == [False, True, False]
    assert by_id(database, second).status is DocumentStatus.COMPLETED


@pytest.mark.parametrize(
    ("answer", "code", "part"),
    [
        (reply(b"\x7fELF" + bytes(100)), "unsupported_type", "104 bytes were received"),
        (reply(b""), "empty_file", "0 bytes"),
        (reply(bytes(200_000)), "file_too_large", "0 bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000, "file_too_large", "bytes were received"),
        (reply(b"", "404 Not Found"), "url_unavailable", "status 404"),
        (reply(b"", "302 Found", Location="http://10.0.0.1/"), "url_not_allowed", "URL_ALLOW"),
    ],
)
def test_what_cannot_be_taken_fails_with_the_code_of_an_upload(
    submit: Callable[..., str],
    run: Callable[..., None],
    database: Database,
    answer: bytes,
    code: str,
    part: str,
) -> None:
    with serving(answer) as server:
        document_id = submit(server.url("/secret?secret-of-a-url"))
        run()

    row = by_id(database, document_id)
    assert (row.status, row.error_code, row.engine_fault) == (DocumentStatus.FAILED, code, False)
    assert part in (row.error or "")
    assert "secret-of" not in (row.error or "")
    (job,) = documents.jobs(database)
    assert job.status is JobStatus.FAILED


def test_a_place_that_the_guard_finds_later_fails_the_document(
    submit: Callable[..., str], run: Callable[..., None], database: Database
) -> None:
    ear = Ear()
    try:
        document_id = submit(f"http://127.0.0.2:{ear.port}/")  # the settings open 127.0.0.1 only
        run()

        assert by_id(database, document_id).error_code == "url_not_allowed"
        assert not ear.has_heard
    finally:
        ear.close()


def test_a_fault_that_may_pass_is_tried_again_and_in_the_end_given_up(
    submit: Callable[..., str], run: Callable[..., None], database: Database
) -> None:
    with serving(reply(b"", "503 Service Unavailable")) as server:
        document_id = submit(server.url("/a.txt"))
        for attempt in range(1, jobs.MAX_ATTEMPTS + 1):
            run()
            row, (job,) = by_id(database, document_id), documents.jobs(database)
            if attempt < jobs.MAX_ATTEMPTS:
                assert (row.status, job.status) == (DocumentStatus.PENDING, JobStatus.PENDING)
                assert job.scheduled_at is not None
                with database.writing() as session:
                    jobs.promote_due(session, job.scheduled_at)

    row = by_id(database, document_id)
    assert (row.status, row.error_code) == (DocumentStatus.FAILED, "url_unavailable")
    assert len(server.requests) == jobs.MAX_ATTEMPTS


def test_a_server_that_stops_is_tried_again(
    submit: Callable[..., str], run: Callable[..., None], database: Database
) -> None:
    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nHello")
        server.over.wait()

    with serving(answer) as server:
        document_id = submit(server.url("/a.txt"))
        run(HASTY)
        server.over.set()

    (job,) = documents.jobs(database)
    assert by_id(database, document_id).status is DocumentStatus.PENDING
    assert "5 bytes were received" in (job.error or "")


def test_a_document_that_was_not_fetched_can_be_retried(
    submit: Callable[..., str],
    worker: InTestWorker,
    database: Database,
    settings: Settings,
    store: ObjectStore,
    notifier: Notifier,
) -> None:
    answers = iter([reply(b"", "404 Not Found"), reply(TEXT)])
    with serving(lambda connection, _head: connection.sendall(next(answers))) as server:
        document_id = submit(server.url("/a.txt"))
        worker.work()
        assert by_id(database, document_id).status is DocumentStatus.FAILED
        DocumentActions(settings, database, store, notifier).retry(document_id, owner="me")
        worker.work()

    assert by_id(database, document_id).status is DocumentStatus.COMPLETED


def test_a_cancelled_fetch_stops_and_leaves_nothing(
    submit: Callable[..., str],
    database: Database,
    settings: Settings,
    store: ObjectStore,
    notifier: Notifier,
) -> None:
    actions = DocumentActions(settings, database, store, notifier)
    fetches = working.fetches(settings, database, store)

    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nx")
        actions.cancel(document_id, owner="me")
        fetches.stop(lease.job_id)
        while True:  # until the other end closes
            connection.sendall(b"x")

    with serving(answer) as server:
        document_id = submit(server.url("/a.txt"))
        lease = claimed(database)
        fetches.run(lease)

    row = by_id(database, document_id)
    assert (row.status, row.storage_key) == (DocumentStatus.CANCELLED, "")
    assert files_below(settings.data_folder / "objects") == []
    assert list(data_folder.workspaces(settings).iterdir()) == []


def test_a_document_that_is_deleted_in_mid_fetch_keeps_no_object(
    submit: Callable[..., str],
    database: Database,
    settings: Settings,
    store: ObjectStore,
    notifier: Notifier,
) -> None:
    actions = DocumentActions(settings, database, store, notifier)

    def answer(connection: socket.socket, _head: bytes) -> None:
        actions.delete(document_id, owner="me")
        connection.sendall(reply(TEXT))

    with serving(answer) as server:
        document_id = submit(server.url("/a.txt"))
        working.fetches(settings, database, store).run(claimed(database))

    assert by_id(database, document_id).status is DocumentStatus.DELETED
    assert files_below(settings.data_folder / "objects") == []


def test_a_key_that_holds_too_much_is_refused_once_the_size_is_known(
    settings: Settings, database: Database, store: ObjectStore, notifier: Notifier
) -> None:
    bounded = settings.model_copy(update={"key_storage_bytes": 9000})
    submissions = Submissions(bounded, database, store, notifier)
    with serving(reply(bytes(1000).replace(b"\0", b"x"))) as server:
        remote = Remote(Guard(settings.url_allowance).checked(server.url("/a.txt")))
        document_id = submissions.submit(remote, ME).id
        working.fetches(bounded, database, store).run(claimed(database))

    assert by_id(database, document_id).error_code == "storage_quota_exceeded"
    assert files_below(settings.data_folder / "objects") == []


def test_waiting_documents_are_counted_before_they_are_fetched(
    settings: Settings, database: Database, store: ObjectStore, notifier: Notifier
) -> None:
    bounded = settings.model_copy(update={"key_waiting_documents": 1, "key_storage_bytes": 8192})
    submissions = Submissions(bounded, database, store, notifier)
    remote = Remote(Guard(settings.url_allowance).checked("http://127.0.0.1:1/"))
    submissions.submit(remote, ME)

    with pytest.raises(TooManyWaiting):
        submissions.submit(remote, ME)
    with pytest.raises(StorageQuotaExceeded):
        Submissions(
            bounded.model_copy(update={"key_storage_bytes": 8191}), database, store, notifier
        ).submit(remote, replace(ME, owner="somebody else"))


def test_an_expired_document_that_was_never_fetched_is_archived(
    submit: Callable[..., str],
    run: Callable[..., None],
    database: Database,
    settings: Settings,
    store: ObjectStore,
) -> None:
    with serving(reply(b"", "404 Not Found")) as server:
        document_id = submit(server.url("/a.txt"), retention_days=1)
        run()

    tally = Retention(settings, database, store).run(clock.now() + timedelta(days=2))

    assert tally.archived == 1
    assert by_id(database, document_id).archived_at is not None


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
