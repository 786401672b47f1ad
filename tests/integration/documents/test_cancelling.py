"""Cancelling and retrying, also at the same time, and when others share the conversion."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ilios.conversion.converter import Converter
from ilios.core import clock
from ilios.core.conversion_errors import DailyPagesSpent
from ilios.core.request_errors import (
    DocumentCancelled,
    DocumentNotFound,
    Gone,
    NothingToRetry,
    OriginalMissing,
    TooLate,
)
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, JobStatus
from ilios.documents import results
from ilios.documents.admission import Order
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.queries import DocumentReader
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.engines.base import Conversion, Engine, Keep, Options, Part, Progress
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs
from ilios.storage.base import ObjectStore
from tests.integration.documents.conftest import OWNER
from tests.support import documents
from tests.support.api_working import InTestWorker, TextEngine
from tests.support.issuing import issue

pytestmark = pytest.mark.both_databases

Submit = Callable[..., str]
Row = Callable[[str], Document]
TextOf = Callable[[str], list[str]]


def test_a_waiting_document_is_cancelled_at_once(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    reports: DocumentReader,
    row: Row,
    database: Database,
) -> None:
    document_id = submit()

    actions.cancel(document_id, owner=OWNER)

    assert row(document_id).status is DocumentStatus.CANCELLED
    assert row(document_id).processed_at is not None
    assert [job.status for job in documents.jobs(database)] == [JobStatus.CANCELLED]
    assert worker.work() == 0
    with pytest.raises(DocumentCancelled):
        reports.result(document_id, owner=OWNER)


def test_what_has_ended_cannot_be_cancelled_but_what_was_cancelled_can(
    submit: Submit, worker: InTestWorker, actions: DocumentActions
) -> None:
    done = submit()
    worker.work()
    cancelled, deleted = submit(b"other"), submit(b"third")
    actions.cancel(cancelled, owner=OWNER)
    actions.delete(deleted, owner=OWNER)

    actions.cancel(cancelled, owner=OWNER)
    with pytest.raises(TooLate, match="DELETE"):
        actions.cancel(done, owner=OWNER)
    with pytest.raises(Gone):
        actions.cancel(deleted, owner=OWNER)
    with pytest.raises(DocumentNotFound):
        actions.cancel(done, owner="somebody else")


@pytest.mark.parametrize("cancelled", [0, 1], ids=["leader", "duplicate"])
def test_the_other_of_two_duplicates_is_converted(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    text_of: TextOf,
    row: Row,
    cancelled: int,
) -> None:
    duplicates = [submit(), submit()]

    actions.cancel(duplicates[cancelled], owner=OWNER)
    assert worker.work() == 1

    assert row(duplicates[cancelled]).status is DocumentStatus.CANCELLED
    assert text_of(duplicates[1 - cancelled]) == ["Hello"]


def test_a_running_job_that_is_cancelled_is_paid_for_and_the_retry_finds_its_pages(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    make_converter: Callable[[Engine], Converter],
    settings: Settings,
    database: Database,
    row: Row,
    text_of: TextOf,
) -> None:
    document_id = submit()

    class CancelledMeanwhile(TextEngine):
        def convert(
            self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
        ) -> Conversion:
            actions.cancel(document_id, owner=OWNER)
            return TextEngine.convert(self, part, options, workspace, progress, keep)

    with database.writing() as session:
        lease = jobs.claim(session, EMBEDDED, "node/worker-0", clock.now())
        assert lease is not None
        results.begin(session, lease.job_id, clock.now())
    make_converter(CancelledMeanwhile(settings)).run(lease)

    assert row(document_id).status is DocumentStatus.CANCELLED
    assert [call.pages for call in documents.calls(database)] == [1]
    actions.retry(document_id, owner=OWNER)
    worker.work()
    assert text_of(document_id) == ["Hello"]


def test_cancel_delete_and_retry_at_once_agree_on_one_end(
    submit: Submit, actions: DocumentActions, database: Database, row: Row, worker: InTestWorker
) -> None:
    for round_number in range(10):
        document_id = submit(b"%d" % round_number)

        def act(call: Callable[..., None], document_id: str = document_id) -> str:
            try:
                call(document_id, owner=OWNER)
            except (TooLate, Gone, NothingToRetry) as error:
                return error.code
            return "done"

        with ThreadPoolExecutor(6) as pool:
            calls = [actions.cancel, actions.retry, actions.cancel] * 2
            list(pool.map(act, calls))
        status = row(document_id).status
        open_jobs = [
            job
            for job in documents.jobs(database)
            if job.document_id == document_id and job.status is JobStatus.PENDING
        ]
        assert status in (DocumentStatus.PENDING, DocumentStatus.CANCELLED)
        assert len(open_jobs) == (status is DocumentStatus.PENDING)


def test_a_failed_document_is_retried_with_fresh_attempts(
    submit: Submit, worker: InTestWorker, actions: DocumentActions, row: Row, database: Database
) -> None:
    document_id = submit(b"fail: engine")
    worker.work()
    assert row(document_id).status is DocumentStatus.FAILED

    actions.retry(document_id, owner=OWNER)

    again = row(document_id)
    assert again.status is DocumentStatus.PENDING
    assert (again.error, again.error_code, again.processed_at) == (None, None, None)
    (job,) = documents.jobs(database)
    assert (job.status, job.attempts) == (JobStatus.PENDING, 0)


def test_only_what_has_failed_or_was_cancelled_is_retried(
    submit: Submit, worker: InTestWorker, actions: DocumentActions
) -> None:
    done = submit()
    worker.work()
    waiting = submit(b"other")

    for document_id in (done, waiting):
        with pytest.raises(NothingToRetry):
            actions.retry(document_id, owner=OWNER)


def test_a_document_without_its_original_is_not_retried(
    submit: Submit, actions: DocumentActions, store: ObjectStore, row: Row
) -> None:
    document_id = submit()
    actions.cancel(document_id, owner=OWNER)
    store.delete(row(document_id).storage_key)

    with pytest.raises(OriginalMissing):
        actions.retry(document_id, owner=OWNER)


def test_a_duplicate_that_failed_is_retried_with_the_pages_of_the_other(
    submit: Submit, worker: InTestWorker, actions: DocumentActions, text_of: TextOf, row: Row
) -> None:
    first, second = submit(), submit()
    actions.cancel(first, owner=OWNER)
    actions.cancel(second, owner=OWNER)

    actions.retry(second, owner=OWNER)
    assert worker.work() == 1
    assert (row(first).status, text_of(second)) == (DocumentStatus.CANCELLED, ["Hello"])

    actions.retry(first, owner=OWNER)
    assert worker.work() == 1
    assert text_of(first) == ["Hello"]


def test_a_duplicate_whose_leader_was_deleted_is_retried_alone(
    submit: Submit, worker: InTestWorker, actions: DocumentActions, text_of: TextOf
) -> None:
    first, second = submit(), submit()
    actions.cancel(second, owner=OWNER)
    actions.delete(first, owner=OWNER)

    actions.retry(second, owner=OWNER)
    worker.work()

    assert text_of(second) == ["Hello"]


def test_a_batch_is_cancelled_as_far_as_it_has_not_ended(
    submissions: Submissions,
    receive: Callable[..., Received],
    worker: InTestWorker,
    actions: DocumentActions,
    reports: DocumentReader,
    submit: Submit,
) -> None:
    submit(b"one")
    worker.work()
    files = [receive(content) for content in (b"one", b"two", b"two", b"three")]
    batch, _ = submissions.submit_batch(files, Order(owner=OWNER))

    actions.cancel_batch(batch.id, owner=OWNER)

    report = reports.batch(batch.id, owner=OWNER)
    assert report.count(DocumentStatus.CANCELLED) == 3
    assert (report.status, report.completed_at is None) == ("completed", False)
    assert worker.work() == 0
    actions.cancel_batch(batch.id, owner=OWNER)


def test_a_batch_that_has_ended_cannot_be_cancelled(
    submissions: Submissions,
    receive: Callable[..., Received],
    worker: InTestWorker,
    actions: DocumentActions,
) -> None:
    batch, _ = submissions.submit_batch([receive(b"one")], Order(owner=OWNER))
    worker.work()

    with pytest.raises(TooLate):
        actions.cancel_batch(batch.id, owner=OWNER)


def test_a_retry_needs_room_in_the_quota_of_its_key(
    submit: Submit, worker: InTestWorker, actions: DocumentActions, row: Row, database: Database
) -> None:
    owner = issue(database, pages_per_day=2).key.owner
    first, second = (submit(b"%d" % number, owner=owner) for number in range(2))
    actions.cancel(first, owner=owner)
    actions.cancel(second, owner=owner)

    actions.retry(first, owner=owner)
    submit(b"third", owner=owner)
    with pytest.raises(DailyPagesSpent):
        actions.retry(second, owner=owner)

    assert row(second).status is DocumentStatus.CANCELLED
    worker.work()
    assert row(first).status is DocumentStatus.COMPLETED
