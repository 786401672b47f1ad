"""A document follows its job: each end of a job, and what becomes of the document."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ilios.core.conversion_errors import CorruptDocument
from ilios.db.database import Database
from ilios.db.models import DocumentStatus, Job, JobStatus, JobType
from ilios.documents import job_outcome, results
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs, release
from ilios.queue.jobs import Lease
from tests.support import documents

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ERROR = CorruptDocument("It is no PDF.")


def claim(database: Database) -> Lease:
    with database.writing() as session:
        lease = jobs.claim(session, EMBEDDED, "node/worker-0", NOON)
        assert lease is not None
        results.begin(session, lease.job_id, NOON)
    return lease


def status_of(database: Database, document_id: str) -> DocumentStatus:
    return documents.document(database, document_id).status


@pytest.fixture
def document_id(database: Database) -> str:
    return documents.add_document(database, now=NOON)[0]


@pytest.fixture
def ranges(database: Database, document_id: str) -> list[Lease]:
    """Provide claimed jobs for two ranges of pages, which the document's first job left behind."""
    first = claim(database)
    with database.writing() as session:
        parent = jobs.held(session, first)
        jobs.enqueue_ranges(session, parent, [(0, 1), (2, 3)], NOON)
        jobs.finish(session, first, NOON)
    return [claim(database), claim(database)]


def test_the_only_job_completes_its_document(database: Database, document_id: str) -> None:
    lease = claim(database)

    with database.writing() as session:
        assert job_outcome.finish(session, lease, document_id, NOON)

    assert status_of(database, document_id) is DocumentStatus.COMPLETED


def test_the_last_range_completes_the_document(
    database: Database, document_id: str, ranges: list[Lease]
) -> None:
    with database.writing() as session:
        assert not job_outcome.finish(session, ranges[0], document_id, NOON)
    assert status_of(database, document_id) is DocumentStatus.PROCESSING

    with database.writing() as session:
        assert job_outcome.finish(session, ranges[1], document_id, NOON)

    assert status_of(database, document_id) is DocumentStatus.COMPLETED


def test_a_range_that_fails_fails_the_document_and_the_ranges_that_wait(
    database: Database, document_id: str, ranges: list[Lease]
) -> None:
    failed, waiting = ranges
    with database.writing() as session:
        release.give_back(session, waiting)
        jobs.fail(session, failed, ERROR.detail, NOON)
        job_outcome.follow(session, failed.job_id, JobStatus.FAILED, ERROR, NOON)

    assert status_of(database, document_id) is DocumentStatus.FAILED
    assert documents.document(database, document_id).error_code == ERROR.code
    assert documents.job(database, waiting.job_id).status is JobStatus.FAILED


@pytest.mark.parametrize(
    ("job_type", "status"),
    [
        (JobType.CONVERT, DocumentStatus.PENDING),
        (JobType.FETCH, DocumentStatus.PENDING),
        (JobType.RANGE, DocumentStatus.PROCESSING),
    ],
)
def test_a_document_waits_with_its_only_job_and_goes_on_with_its_other_ranges(
    database: Database, document_id: str, job_type: JobType, status: DocumentStatus
) -> None:
    lease = claim(database)

    with database.writing() as session:
        session.get_one(Job, lease.job_id).type = job_type
        job_outcome.follow(session, lease.job_id, JobStatus.PENDING, ERROR, NOON)

    assert status_of(database, document_id) is status


def test_a_job_that_is_given_back_costs_no_attempt_and_its_document_waits(
    database: Database, document_id: str
) -> None:
    lease = claim(database)

    with database.writing() as session:
        released = job_outcome.give_back(session, lease, NOON)
        assert job_outcome.give_back(session, lease, NOON) is None

    assert released is not None
    assert documents.job(database, lease.job_id).attempts == 0
    assert status_of(database, document_id) is DocumentStatus.PENDING


def test_a_lost_job_is_charged_with_an_attempt_and_its_document_waits(
    database: Database, document_id: str
) -> None:
    lease = claim(database)

    with database.writing() as session:
        which = release.under_leases([lease])
        (lost,) = job_outcome.release_lost(session, which, ambiguous_retries=2, now=NOON)

    assert (lost.status, lost.error, lost.in_call) == (JobStatus.PENDING, job_outcome.LOST, False)
    assert documents.job(database, lease.job_id).attempts == 1
    assert status_of(database, document_id) is DocumentStatus.PENDING


def test_jobs_are_cancelled_only_when_no_document_waits(
    database: Database, document_id: str
) -> None:
    lease = claim(database)
    with database.writing() as session:
        job_outcome.cancel_unless_awaited(session, document_id, NOON)
    assert documents.job(database, lease.job_id).status is JobStatus.PROCESSING

    with database.writing() as session:
        results.fail(session, document_id, ERROR, NOON)
        job_outcome.cancel_unless_awaited(session, document_id, NOON)

    assert documents.job(database, lease.job_id).status is JobStatus.CANCELLED
