"""Answers that are stored together become what each would have become by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from bench.noop_workers import NoopEngine
from ilios.accounts import ledger, ledger_sums
from ilios.conversion.claimed_job import ClaimedJob
from ilios.conversion.joint_answers import NOT_OURS, WHOLE
from ilios.conversion.recorder import Recorder
from ilios.conversion.units_of_work import FreeCall, ReserveQuota, StoreAnswer
from ilios.core import ids
from ilios.core.settings import Settings
from ilios.db import owner_totals
from ilios.db.database import Scope
from ilios.db.group_commit import GroupCommit
from ilios.db.models import Document, DocumentStatus, JobStatus, PageRow
from ilios.db.postgres import search
from ilios.db.postgres.database import PostgresDatabase
from ilios.documents import results
from ilios.engines.base import Conversion, ConversionWarning, Page, Usage
from ilios.engines.registry import EMBEDDED
from ilios.queue import batch_claims, jobs
from ilios.storage.answer_spool import CallRecord
from tests.support import documents
from tests.support.issuing import issue

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def recorder(database: PostgresDatabase, settings: Settings) -> Recorder:
    return Recorder(GroupCommit(database), settings.pricing, 1)


def claimed(database: PostgresDatabase, number: int, owner: str = "anonymous") -> list[ClaimedJob]:
    """Return so many jobs that a worker has begun, each of a document of its own."""
    for _ in range(number):
        documents.add_document(database, now=NOON, owner=owner)
    with database.writing(Scope.ROWS) as session:
        leases = batch_claims.claim(session, EMBEDDED, "node/worker-0", NOON, number)
        results.begin_all(session, [lease.job_id for lease in leases], NOON)
    with database.watching() as watch:
        held = [jobs.held_with_document(watch, lease) for lease in leases]
    return [
        ClaimedJob(lease, job, document, NoopEngine(1))
        for lease, (job, document) in zip(leases, held, strict=True)
    ]


def answer(recorder: Recorder, one: ClaimedJob, *pages: Page) -> StoreAnswer:
    shown = pages or (Page(0, f"Words of {one.document.id}."),)
    doubt = ConversionWarning("doubt", "It may be wrong.")
    conversion = Conversion(shown, Usage(len(shown), "noop"), (doubt,))
    call = CallRecord(ids.new_id(), one.lease.job_id, one.document.id, None)
    settled = recorder.settle_call(one.engine, call, conversion, {})
    intent = ledger.Intent(one.lease.job_id, EMBEDDED, "noop", None)
    free = FreeCall(intent, ReserveQuota(one.document, settled.used))
    return StoreAnswer(one, settled, free, is_whole=True)


def store(database: PostgresDatabase, *units: StoreAnswer) -> list[Any]:
    with database.writing(Scope.ROWS) as session:
        return StoreAnswer.together(session, units)


def markdown(database: PostgresDatabase, document_id: str) -> str:
    with database.reading() as session:
        of_it = select(PageRow.markdown).where(PageRow.document_id == document_id)
        return "".join(session.scalars(of_it))


def test_documents_jobs_pages_and_ledger_are_written(
    database: PostgresDatabase, recorder: Recorder
) -> None:
    begun = claimed(database, 3)

    stored = store(database, *(answer(recorder, one) for one in begun))

    assert stored == [WHOLE] * 3
    for document in documents.documents(database):
        assert document.status is DocumentStatus.COMPLETED
        assert (document.page_count, document.pages_done, document.model) == (1, 1, "noop")
        assert [warning["code"] for warning in document.warnings] == ["doubt"]
    assert {job.status for job in documents.jobs(database)} == {JobStatus.COMPLETED}
    assert {job.lease_token for job in documents.jobs(database)} == {None}
    assert [(call.state.value, call.pages) for call in documents.calls(database)] == [
        ("settled", 1)
    ] * 3
    with database.reading() as session:
        period = ledger_sums.Period()
        assert ledger_sums.summary(session, "anonymous", period).pages == 3
        assert not list(owner_totals.differences(session.driver))


def test_their_words_are_found(database: PostgresDatabase, recorder: Recorder) -> None:
    begun = claimed(database, 2)
    store(database, *(answer(recorder, one) for one in begun))

    with database.watching() as watch:
        for one in begun:
            found = search.hits(watch, "anonymous", f'"{one.document.id}"', search.newest(watch))
            assert [document_id for _, document_id, _, _ in found] == [one.document.id]


def test_it_is_the_document_of_one_by_itself(
    database: PostgresDatabase, recorder: Recorder
) -> None:
    one, other = claimed(database, 2)
    pages = Page(0, "A"), Page(1, "B", confidence=0.5)

    with database.writing(Scope.ROWS) as session:
        by_itself = answer(recorder, one, *pages)(session)
    assert store(database, answer(recorder, other, *pages)) == [by_itself]

    differ = {"id", "storage_key", "processed_at"}
    first, second = (documents.document(database, each.document.id) for each in (one, other))
    assert {
        name
        for name in vars(first)
        if not name.startswith("_") and getattr(first, name) != getattr(second, name)
    } <= differ


def test_an_answer_whose_lease_was_lost_leaves_nothing(
    database: PostgresDatabase, recorder: Recorder
) -> None:
    lost, held = claimed(database, 2)
    late = ClaimedJob(lost.lease._replace(token="another"), lost.job, lost.document, lost.engine)

    stored = store(database, answer(recorder, late), answer(recorder, held))

    assert stored == [NOT_OURS, WHOLE]
    assert documents.document(database, lost.document.id).status is DocumentStatus.PROCESSING
    assert documents.job(database, lost.lease.job_id).status is JobStatus.PROCESSING
    assert [call.document_id for call in documents.calls(database)] == [held.document.id]


def test_those_that_have_joined_a_document_are_completed_with_it(
    database: PostgresDatabase, recorder: Recorder
) -> None:
    (one,) = claimed(database, 1)
    joined, _ = documents.add_document(database)
    with database.writing() as session:
        session.execute(
            update(Document).where(Document.id == joined).values(result_of=one.document.id)
        )

    assert store(database, answer(recorder, one)) == [WHOLE]

    assert {document.status for document in documents.documents(database)} == {
        DocumentStatus.COMPLETED
    }
    assert documents.document(database, joined).result_of == one.document.id


def test_a_text_with_nul_fails_no_other(database: PostgresDatabase, recorder: Recorder) -> None:
    one, other = claimed(database, 2)

    store(
        database,
        answer(recorder, one, Page(0, r"A backslash and \u0000")),
        answer(recorder, other, Page(0, "Two\N{SNOWMAN}", confidence=float("nan"))),
    )

    assert r"\u0000" in markdown(database, one.document.id)
    assert "\N{SNOWMAN}" in markdown(database, other.document.id)


def test_a_long_page_is_stored_in_pieces(database: PostgresDatabase, recorder: Recorder) -> None:
    begun = claimed(database, 2)
    long = "word " * 40_000

    stored = store(database, answer(recorder, begun[0], Page(0, long)), answer(recorder, begun[1]))

    assert stored == [WHOLE, WHOLE]
    with database.reading() as session:
        assert not list(owner_totals.differences(session.driver))


def test_a_quota_is_kept(database: PostgresDatabase, recorder: Recorder) -> None:
    owner = issue(database, pages_per_day=5).key.owner
    (one,) = claimed(database, 1, owner)
    with database.writing() as session:
        session.execute(update(Document).values(reserved_pages=1))

    assert store(database, answer(recorder, one)) == [WHOLE]

    assert documents.document(database, one.document.id).reserved_pages == 0
