"""Results that are stored at once, each beside the hazard that its lock closes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text, update

from ilios.core.conversion_errors import EngineFailed
from ilios.core.settings import Settings
from ilios.db import owner_totals
from ilios.db.database import Scope
from ilios.db.models import Batch, Document, DocumentStatus, JobStatus, WebhookDelivery
from ilios.db.postgres.database import PostgresDatabase
from ilios.documents import job_outcome, repository, results
from ilios.documents.admission import Candidate, Order, Stored, admit
from ilios.engines.base import Conversion, ConversionWarning, Page, Usage
from ilios.engines.registry import EMBEDDED
from ilios.queue import batch_claims, jobs
from ilios.queue.jobs import Lease
from tests.support import documents
from tests.support.racing import TIMEOUT_S, apart, held_up, without_lock

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NODE = "node/worker-0"
BROKEN = EngineFailed("It broke.")


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing lock the row of a document before it is read."""
    monkeypatch.setattr(repository, "lock", lambda *_: None)
    name = "_DUPLICATE_NOT_IN_BATCH_LANE"
    monkeypatch.setattr(repository, name, without_lock(getattr(repository, name)))


def leased_ranges(database: PostgresDatabase) -> tuple[str, Lease, Lease]:
    """Return a document of two pages, and the leases of the jobs of each."""
    document_id, _ = documents.add_document(database, now=NOON)
    with database.writing() as session:
        whole = jobs.claim(session, EMBEDDED, NODE, NOON)
        assert whole is not None
        results.begin(session, whole.job_id, NOON)
        jobs.enqueue_ranges(session, jobs.held(session, whole), [(0, 0), (1, 1)], NOON)
        jobs.finish(session, whole, NOON)
        results.note_plan(session, document_id, 2)
        one, other = batch_claims.claim(session, EMBEDDED, NODE, NOON, 2)
    return document_id, one, other


def leased(database: PostgresDatabase) -> Lease:
    """Return the lease of the job that goes next, whose document is worked on."""
    with database.writing() as session:
        (lease,) = batch_claims.claim(session, EMBEDDED, NODE, NOON, 1)
        results.begin_all(session, [lease.job_id], NOON)
    return lease


def conversion(index: int = 0) -> Conversion:
    doubt = ConversionWarning(f"doubt_{index}", "It may be wrong.")
    page = Page(index, f"page {index}")
    return Conversion((page,), Usage(1, "test"), (doubt,))


def end(database: PostgresDatabase, document_id: str, lease: Lease, index: int = 0) -> bool:
    """Store a page and finish its job; return whether that has completed the document."""
    with database.writing(Scope.ROWS) as session:
        results.checkpoint(session, document_id, conversion(index), {})
        return job_outcome.finish(session, lease, document_id, NOON)


def fail(database: PostgresDatabase, lease: Lease) -> None:
    with database.writing(Scope.ROWS) as session:
        jobs.fail(session, lease, BROKEN.detail, NOON)
        job_outcome.follow(session, lease.job_id, JobStatus.FAILED, BROKEN, NOON)


def candidate(settings: Settings, number: int = 0, priority: int = 5) -> Candidate:
    """Return a file of one owner whose content is always the same."""
    name = f"{number:024d}"
    stored = Stored(name, "a.txt", "text/plain", 5, "a" * 64, f"documents/{name}")
    return Candidate.of(settings, stored, Order(owner="me", priority=priority))


def first_of_its_kind(database: PostgresDatabase, settings: Settings) -> str:
    first = candidate(settings)
    with database.writing() as session:
        admit(session, first, NOON)
    return first.stored.document_id


def join(database: PostgresDatabase, settings: Settings) -> DocumentStatus:
    """Submit the same bytes again; return what becomes of them at once."""
    with database.writing(Scope.owner("me")) as session:
        status: DocumentStatus = admit(session, candidate(settings, 1), NOON)["status"]
    return status


def status_of(database: PostgresDatabase, document_id: str) -> DocumentStatus:
    return documents.document(database, document_id).status


@pytest.mark.usefixtures("unlocked")
def test_two_last_ranges_at_once_would_leave_their_document_open(
    database: PostgresDatabase,
) -> None:
    document_id, one, other = leased_ranges(database)

    with apart(database) as (a, b):
        assert not job_outcome.finish(a, one, document_id, NOON)
        assert not job_outcome.finish(b, other, document_id, NOON)

    assert status_of(database, document_id) is DocumentStatus.PROCESSING


def test_of_two_last_ranges_at_once_the_second_completes_their_document(
    database: PostgresDatabase, thread: ThreadPoolExecutor
) -> None:
    document_id, one, other = leased_ranges(database)

    with database.writing(Scope.ROWS) as session:
        assert not job_outcome.finish(session, one, document_id, NOON)
        ended = held_up(thread, database, lambda: end(database, document_id, other, 1))

    assert ended.result(TIMEOUT_S)
    assert status_of(database, document_id) is DocumentStatus.COMPLETED


@pytest.mark.parametrize("is_locked", [False, True])
def test_warnings_of_pages_that_are_stored_at_once_are_all_kept_by_the_lock(
    database: PostgresDatabase,
    thread: ThreadPoolExecutor,
    request: pytest.FixtureRequest,
    is_locked: bool,
) -> None:
    if not is_locked:
        request.getfixturevalue("unlocked")
    document_id, _, other = leased_ranges(database)

    with database.writing(Scope.ROWS) as session:
        results.checkpoint(session, document_id, conversion(0), {})
        session.execute(text("SELECT"))  # what was deferred goes before it
        ended = held_up(thread, database, lambda: end(database, document_id, other, 1))
    ended.result(TIMEOUT_S)

    found = documents.document(database, document_id)
    kept = {warning["code"] for warning in found.warnings}
    assert kept == ({"doubt_0", "doubt_1"} if is_locked else {"doubt_1"})
    assert found.pages_done == (2 if is_locked else 1)


@pytest.mark.usefixtures("unlocked")
def test_what_joins_a_document_at_its_end_would_wait_for_ever(
    database: PostgresDatabase, settings: Settings
) -> None:
    first = first_of_its_kind(database, settings)
    lease = leased(database)

    with database.writing(Scope.ROWS) as session:
        results.checkpoint(session, first, conversion(), {})
        job_outcome.finish(session, lease, first, NOON)
        assert join(database, settings) is DocumentStatus.PENDING

    assert status_of(database, first) is DocumentStatus.COMPLETED
    assert status_of(database, f"{1:024d}") is DocumentStatus.PENDING


def test_what_joins_a_document_at_its_end_takes_its_result(
    database: PostgresDatabase, settings: Settings, thread: ThreadPoolExecutor
) -> None:
    first = first_of_its_kind(database, settings)
    lease = leased(database)

    with database.writing(Scope.ROWS) as session:
        results.checkpoint(session, first, conversion(), {})
        job_outcome.finish(session, lease, first, NOON)
        joined = held_up(thread, database, lambda: join(database, settings))

    assert joined.result(TIMEOUT_S) is DocumentStatus.COMPLETED
    assert documents.document(database, f"{1:024d}").page_count == 1


def test_a_document_that_is_just_being_joined_completes_both(
    database: PostgresDatabase, settings: Settings, thread: ThreadPoolExecutor
) -> None:
    first = first_of_its_kind(database, settings)
    lease = leased(database)

    with database.writing(Scope.owner("me")) as session:
        admit(session, candidate(settings, 1), NOON)
        ended = held_up(thread, database, lambda: end(database, first, lease))

    assert ended.result(TIMEOUT_S)
    assert status_of(database, f"{1:024d}") is DocumentStatus.COMPLETED


@pytest.mark.parametrize("is_locked", [False, True])
def test_a_document_that_is_just_being_joined_fails_both_by_the_lock(
    database: PostgresDatabase,
    settings: Settings,
    thread: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    is_locked: bool,
) -> None:
    if not is_locked:
        monkeypatch.setattr(repository, "lock", lambda *_: None)
    first = first_of_its_kind(database, settings)
    lease = leased(database)

    with database.writing(Scope.owner("me")) as session:
        admit(session, candidate(settings, 1), NOON)
        failed = held_up(thread, database, lambda: fail(database, lease))
    failed.result(TIMEOUT_S)

    assert status_of(database, first) is DocumentStatus.FAILED
    left = DocumentStatus.FAILED if is_locked else DocumentStatus.PENDING
    assert status_of(database, f"{1:024d}") is left


def test_a_duplicate_of_what_is_being_claimed_waits_for_no_claim(
    database: PostgresDatabase, settings: Settings
) -> None:
    first = first_of_its_kind(database, settings)

    with database.writing(Scope.ROWS) as claiming:
        (lease,) = batch_claims.claim(claiming, EMBEDDED, NODE, NOON, 1)
        with database.writing(Scope.owner("me")) as session:  # which holds the document meanwhile
            admit(session, candidate(settings, 1, priority=9), NOON)
        results.begin_all(claiming, [lease.job_id], NOON)

    assert status_of(database, first) is DocumentStatus.PROCESSING
    assert documents.job(database, lease.job_id).priority == 5


def test_the_last_two_documents_of_a_batch_at_once_tell_of_its_end_once(
    database: PostgresDatabase, thread: ThreadPoolExecutor
) -> None:
    one, other = (documents.add_document(database, now=NOON)[0] for _ in range(2))
    batch = {"id": "b" * 24, "owner": "anonymous", "total_documents": 2, "priority": 5}
    with database.writing() as session:
        session.add(Batch(**batch, created_at=NOON, webhook_url="https://example.com/"))
        session.flush()
        session.execute(update(Document).values(batch_id="b" * 24))

    def complete() -> None:
        with database.writing(Scope.ROWS) as session:
            results.complete(session, other, NOON)

    with database.writing(Scope.ROWS) as session:
        results.complete(session, one, NOON)
        completed = held_up(thread, database, complete)
    completed.result(TIMEOUT_S)

    with database.reading() as session:
        events = session.execute(select(WebhookDelivery.number, WebhookDelivery.type)).all()
    assert sorted(number for number, _ in events) == [1, 2, 3]
    assert [kind for _, kind in events].count("batch.completed") == 1


def test_documents_of_one_owner_are_stored_at_once_without_waiting_for_each_other(
    database: PostgresDatabase,
) -> None:
    one, other = (documents.add_document(database, now=NOON)[0] for _ in range(2))
    first, second = leased(database), leased(database)

    with apart(database) as (a, b):
        for session, document_id, lease in ((a, one, first), (b, other, second)):
            results.checkpoint(session, document_id, conversion(), {})
            assert job_outcome.finish(session, lease, document_id, NOON)

    with database.reading() as session:
        assert owner_totals.differences(session.driver) == []
