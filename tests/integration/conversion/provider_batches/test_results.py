"""The results of a batch without faults."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from ilios.conversion.provider_batches import input
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus, JobStatus, PageWords, ProviderBatchState
from ilios.engines import page_details, page_layout, page_words
from ilios.engines.base import Options
from ilios.engines.governor import Outcome, ProviderReport
from ilios.engines.page_selection import PageSelection
from ilios.storage.opening import open_store
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import jpeg, pdf
from tests.support import batching
from tests.support.batching import (
    BATCH_PAGE_MICROS,
    TOO_LARGE_FOR_A_LINE,
    Check,
    LaneWorker,
    MakeWorker,
    Statuses,
    Submit,
    one_page,
)
from tests.support.documents import add_document, jobs, position

pytestmark = pytest.mark.both_databases

COMPLETED = DocumentStatus.COMPLETED
PENDING = DocumentStatus.PENDING
PROCESSING = DocumentStatus.PROCESSING


def test_a_batch_comes_back_whole_at_half_the_price(
    worker: LaneWorker,
    submit: Submit,
    database: Database,
    provider: MistralServer,
    assert_exact: Check,
) -> None:
    ids = submit(*(one_page(number) for number in range(3)))

    worker.work()

    for number, document in enumerate(batching.documents(database, ids)):
        (page,) = batching.pages(database, document.id)
        assert page.markdown == f"Document number {number}."
        assert (document.status, document.page_count, document.pages_done) == (COMPLETED, 1, 1)
        assert document.model == "mistral-ocr-4-1"
    assert [(call.pages, call.price_micros) for call in batching.calls(database)] == [
        (1, BATCH_PAGE_MICROS)
    ] * 3
    assert_exact()
    (job,) = jobs(database)
    assert job.status is JobStatus.COMPLETED
    batch = batching.batch(database)
    assert batch.provider_status == "SUCCESS"
    assert (batch.round, batch.file_ids, batch.ended_at is not None) == (1, [], True)
    (created,) = [call for call in provider.journal().calls if call.kind == "batch"]
    assert created.model == "mistral-ocr-4-1"


def test_documents_wait_until_the_provider_has_them(
    worker: LaneWorker, submit: Submit, provider: MistralServer, database: Database
) -> None:
    provider.control(batch_running_ms=60_000)
    (document_id,) = submit(one_page(1))
    assert batching.documents(database, [document_id])[0].status is PENDING

    report = worker.step()

    (document,) = batching.documents(database, [document_id])
    assert (document.status, document.page_count) == (PROCESSING, 1)
    batch = batching.batch(database)
    assert (batch.state, batch.provider_status) == (ProviderBatchState.RUNNING, "QUEUED")
    assert batch.provider_job_id
    assert isinstance(report, ProviderReport)
    assert report.outcome is Outcome.BATCH_OPEN
    (job,) = jobs(database)
    assert (job.status, job.attempts) == (JobStatus.PENDING, 0)
    assert job.scheduled_at is not None


def test_a_batch_that_waits_for_the_provider_is_before_no_job_in_the_queue(
    worker: LaneWorker, submit: Submit, provider: MistralServer, database: Database
) -> None:
    provider.control(batch_running_ms=60_000)
    submit(one_page(1))
    worker.step()

    _, job_id = add_document(database)

    assert position(database, job_id) == 0


def test_a_long_document_becomes_several_lines(
    make_worker: MakeWorker, submit: Submit, database: Database, assert_exact: Check
) -> None:
    long = pdf(*(f"Page {number}" for number in range(25)))
    (document_id,) = submit(long)

    make_worker(split_pages=10).work()

    found = [page.markdown for page in batching.pages(database, document_id)]
    assert found == [f"Page {number}" for number in range(25)]
    assert batching.documents(database, [document_id])[0].info == {"page_count": 25}
    assert sorted(call.pages for call in batching.calls(database)) == [8, 8, 9]
    assert_exact()


def test_only_selected_pages_are_paid_for(
    worker: LaneWorker, submit: Submit, database: Database, assert_exact: Check
) -> None:
    content = pdf(*(f"Page {number}" for number in range(1, 8)))
    options = Options(pages=PageSelection.parse("2,5-6"))

    (document_id,) = submit(content, options=options)
    worker.work()

    found = [(page.index, page.markdown) for page in batching.pages(database, document_id)]
    assert found == [(1, "Page 2"), (4, "Page 5"), (5, "Page 6")]
    assert_exact()


def test_large_documents_travel_as_files(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    statuses: Statuses,
    assert_exact: Check,
) -> None:
    ids = submit(one_page(1), one_page(2, TOO_LARGE_FOR_A_LINE))

    worker.work()

    assert statuses(ids) == [COMPLETED, COMPLETED]
    uploads = [call for call in provider.journal().calls if call.kind == "upload"]
    assert len(uploads) == 2
    assert all((call.file_name or "").startswith("ilios-batch-") for call in uploads)
    assert_exact()


def test_a_large_input_goes_in_several_files(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Statuses,
    assert_exact: Check,
) -> None:
    monkeypatch.setattr(input, "FULL_BYTES", 2_000)
    ids = submit(*(one_page(number) for number in range(5)))

    worker.work()

    assert statuses(ids) == [COMPLETED] * 5
    calls = provider.stats().calls
    assert (calls["upload"] > 1, calls["batch"]) == (True, 1)
    assert_exact()


def test_a_line_that_has_no_room_in_the_input_travels_as_a_file(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Statuses,
) -> None:
    monkeypatch.setattr(input, "INPUT_FILE_BYTES", 3_000)
    ids = submit(*(one_page(number) for number in range(5)))

    worker.work()

    assert statuses(ids) == [COMPLETED] * 5
    assert provider.stats().calls["upload"] > 2


def test_the_model_of_the_request_is_asked_for_and_billed(
    worker: LaneWorker, submit: Submit, provider: MistralServer, database: Database
) -> None:
    submit(one_page(1), options=Options(model="mistral-ocr-2512"))

    worker.work()

    (call,) = batching.calls(database)
    assert (call.model, call.price_micros, call.total_cost_micros) == (
        "mistral-ocr-2512",
        1_000,
        1_000,
    )
    (created,) = [call for call in provider.journal().calls if call.kind == "batch"]
    assert created.model == "mistral-ocr-2512"


def test_images_are_kept(
    worker: LaneWorker, submit: Submit, settings: Settings, database: Database
) -> None:
    content = pdf("With a picture", image=jpeg())

    (document_id,) = submit(content, options=Options(include_images=True))
    worker.work()

    (page,) = batching.pages(database, document_id)
    (image,) = page.images
    assert f"]({image['name']})" in page.markdown
    with open_store(settings).open(image["key"]) as stream:
        assert stream.read().startswith(b"\xff\xd8")


def test_blocks_and_confidence_are_kept(
    worker: LaneWorker, submit: Submit, database: Database
) -> None:
    options = Options(include_blocks=True, confidence="word", extract_footer=True)

    (document_id,) = submit(pdf("Head\n# Herons\nPage 7"), options=options)
    worker.work()

    (page,) = batching.pages(database, document_id)
    assert page.layout is not None
    assert [block.type for block in page_layout.decode(page.layout, 0)] == [
        "header",
        "title",
        "footer",
    ]
    assert page_details.decode(page.details).footer == "Page 7"
    assert page.confidence is not None
    with database.reading() as session:
        (words,) = session.scalars(select(PageWords.words))
    assert [word.text for word in page_words.decode(words)] == ["Head", "#", "Herons"]


def test_a_duplicate_is_answered_by_its_leader(
    worker: LaneWorker, submit: Submit, provider: MistralServer, database: Database
) -> None:
    ids = submit(one_page(1), one_page(2), one_page(1))

    worker.work()

    found = batching.documents(database, ids)
    assert [document.status for document in found] == [COMPLETED] * 3
    assert found[2].result_of == ids[0]
    assert provider.stats().billed_batch_pages == 2
