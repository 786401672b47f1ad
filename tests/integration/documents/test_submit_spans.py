"""Spans of submissions: jobs belong to them, whichever way a document comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ilios.core.request_errors import EmptyFile
from ilios.core.settings import Settings
from ilios.core.telemetry import tracing
from ilios.core.telemetry.spans import EndedSpan, Kind
from ilios.db.database import Database
from ilios.documents.admission import Order
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.storage.base import ObjectStore
from tests.support import documents
from tests.support.api_working import InTestWorker
from tests.support.recording import CAME, asked, recording

Receive = Callable[..., Received]


@pytest.fixture
def ended() -> Iterator[list[EndedSpan]]:
    with recording() as found, asked():
        yield found


def mine() -> Order:
    return Order(owner="me", origin=tracing.current())


def traceparents(database: Database) -> set[str | None]:
    return {job.traceparent for job in documents.jobs(database)}


def only(ended: list[EndedSpan], name: str) -> EndedSpan:
    (found,) = [one for one in ended if one.name == name]
    assert (found.kind, found.parent) == (Kind.PRODUCER, CAME)
    return found


def test_a_documents_job_belongs_to_its_submission(
    submissions: Submissions, receive: Receive, database: Database, ended: list[EndedSpan]
) -> None:
    document = submissions.submit(receive(b"Hello"), mine())

    submit = only(ended, "submit")
    assert submit.attributes == {"ilios.document.id": document.id}
    assert traceparents(database) == {submit.traceparent}
    assert {job.request_id for job in documents.jobs(database)} == {"request"}


def test_all_jobs_of_a_batch_belong_to_one_submission(
    submissions: Submissions, receive: Receive, database: Database, ended: list[EndedSpan]
) -> None:
    batch, _ = submissions.submit_batch([receive(b"one"), receive(b"two")], mine())

    submit = only(ended, "submit")
    assert submit.attributes == {"ilios.documents": 2, "ilios.batch.id": batch.id}
    assert traceparents(database) == {submit.traceparent}
    assert len(documents.jobs(database)) == 2


def test_documents_that_are_no_batch_belong_to_one_submission_too(
    submissions: Submissions, receive: Receive, database: Database, ended: list[EndedSpan]
) -> None:
    submissions.submit_all([(receive(b"one"), mine()), (receive(b"two"), mine())])

    submit = only(ended, "submit")
    assert submit.attributes == {"ilios.documents": 2}
    assert traceparents(database) == {submit.traceparent}


def test_an_upload_by_link_is_submitted_when_it_is_completed(
    submissions: Submissions,
    settings: Settings,
    store: ObjectStore,
    database: Database,
    ended: list[EndedSpan],
) -> None:
    given = submissions.offer_upload(
        owner="me",
        file_name="hello.txt",
        size_bytes=5,
        media_type="text/plain",
        retention_days=365,
    )
    path = settings.data_folder / "put"
    path.write_bytes(b"Hello")
    store.put(given.key, path, "text/plain")

    submissions.complete_upload(given.document_id, "me")

    assert traceparents(database) == {only(ended, "submit").traceparent}


def test_a_retry_is_a_submission_by_its_name(
    submissions: Submissions,
    receive: Receive,
    actions: DocumentActions,
    worker: InTestWorker,
    database: Database,
) -> None:
    document = submissions.submit(receive(b"fail: engine"), Order(owner="me"))
    worker.work()

    with recording() as ended, asked():
        actions.retry(document.id, owner="me")

    assert traceparents(database) == {only(ended, "retry").traceparent}


def test_a_submission_that_is_refused_has_failed(
    submissions: Submissions, receive: Receive, ended: list[EndedSpan]
) -> None:
    with pytest.raises(EmptyFile):
        submissions.submit(receive(b""), mine())

    assert only(ended, "submit").attributes == {"error.type": EmptyFile.code}


def test_without_spans_a_job_has_the_trace_of_its_request(
    submissions: Submissions, receive: Receive, database: Database
) -> None:
    with asked():
        submissions.submit(receive(b"Hello"), mine())

    assert traceparents(database) == {CAME}
