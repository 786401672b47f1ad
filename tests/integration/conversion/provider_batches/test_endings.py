"""Jobs of the provider that fail, expire or are cancelled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from mistralai.client import Mistral
from sqlalchemy import update

from ilios.conversion.provider_batches import context
from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import CallState, DocumentStatus, ProviderBatch
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.support import batching
from tests.support.batching import (
    LaneWorker,
    MakeWorker,
    Statuses,
    Submit,
    one_page,
)
from tests.support.waiting import wait_until

pytestmark = pytest.mark.both_databases

COMPLETED = DocumentStatus.COMPLETED
FAILED = DocumentStatus.FAILED


def test_what_a_timed_out_job_has_done_is_kept_and_the_rest_tried_again(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    statuses: Statuses,
) -> None:
    provider.control(batch_outcome="TIMEOUT_EXCEEDED", batch_outcome_after=2)
    ids = submit(*(one_page(number) for number in range(5)))

    worker.work_until(lambda: batching.batch(database).round == 2)
    provider.control(batch_outcome="SUCCESS")
    worker.work()

    assert statuses(ids) == [COMPLETED] * 5
    assert provider.stats().billed_batch_pages == 5
    states = batching.call_states(database)
    # The provider does not say what it did of the three that it gave no answer to.
    assert (states.count(CallState.SETTLED), states.count(CallState.UNKNOWN)) == (5, 3)
    assert provider.journal().files == []


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("TIMEOUT_EXCEEDED", "provider_batch_timeout"), ("FAILED", "provider_batch_failed")],
)
def test_jobs_that_never_succeed_fail_their_documents_with_the_reason(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    outcome: str,
    code: str,
) -> None:
    provider.control(batch_outcome=outcome, batch_outcome_after=1)
    ids = submit(*(one_page(number) for number in range(5)))

    worker.work()

    found = batching.documents(database, ids)
    assert [document.status for document in found] == [COMPLETED] * 3 + [FAILED] * 2
    assert {document.error_code for document in found[3:]} == {code}
    assert provider.stats().calls["batch"] == 3
    assert provider.journal().files == []


def test_without_ambiguous_retries_nothing_that_may_be_billed_is_repeated(
    make_worker: MakeWorker, submit: Submit, provider: MistralServer, database: Database
) -> None:
    provider.control(batch_outcome="TIMEOUT_EXCEEDED", batch_outcome_after=1)
    ids = submit(one_page(1), one_page(2))

    make_worker(ambiguous_retries=0).work()

    done, left = batching.documents(database, ids)
    assert (done.status, left.status) == (COMPLETED, FAILED)
    assert left.error_code == "provider_batch_timeout"
    assert provider.stats().calls["batch"] == 1


def test_a_job_that_was_cancelled_at_the_provider_is_not_repeated(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
) -> None:
    provider.control(batch_line_ms=60_000)
    ids = submit(*(one_page(number) for number in range(10)))
    worker.step()
    wait_until(lambda: provider.stats().billed_batch_pages, timeout_s=30)

    mistral = Mistral(api_key=API_KEY, server_url=provider.url)
    mistral.batch.jobs.cancel(job_id=batching.batch(database).provider_job_id or "")
    worker.work()

    found = batching.documents(database, ids)
    completed = [document for document in found if document.status is COMPLETED]
    failed = [document for document in found if document.status is FAILED]
    assert len(completed) == provider.stats().billed_batch_pages
    assert len(completed) + len(failed) == 10
    assert {document.error_code for document in failed} == {"provider_batch_cancelled"}
    assert provider.stats().calls["batch"] == 1
    assert batching.batch(database).provider_status == "CANCELLED"


def test_a_job_that_the_provider_lost_is_made_again(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(context, "LAG", context.LAG * 0)
    monkeypatch.setattr(context, "GONE_ATTEMPTS", 2)
    provider.control(batch_visible_after_ms=3_600_000)
    (document_id,) = submit(one_page(1))

    worker.work_until(lambda: batching.batch(database).round == 2)
    provider.control(batch_visible_after_ms=0)
    worker.work()

    assert batching.documents(database, [document_id])[0].status is COMPLETED
    assert sorted(batching.call_states(database)) == ["settled", "unknown"]


def test_a_job_that_never_ends_is_cancelled_and_made_again(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    settings: Settings,
    database: Database,
) -> None:
    provider.control(batch_queued_ms=3_600_000)
    (document_id,) = submit(one_page(1))
    worker.step()
    allowed = timedelta(hours=settings.provider_batch_timeout_hours) + context.OVERDUE
    with database.writing() as session:
        session.execute(update(ProviderBatch).values(submitted_at=clock.now() - allowed))

    worker.work_until(lambda: bool(provider.stats().calls.get("batch_cancel")))
    provider.control(batch_queued_ms=0)
    worker.work()

    assert provider.stats().calls["batch_cancel"] == 1
    assert batching.batch(database).round == 2
    assert batching.documents(database, [document_id])[0].status is COMPLETED
