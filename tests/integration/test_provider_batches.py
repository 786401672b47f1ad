"""The provider's batch lane, step by step, against our stand-in of the provider."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from mistralai.client import Mistral
from sqlalchemy import update

from ilios import clock, queue
from ilios.conversion_errors import StorageUnavailable
from ilios.database import Database
from ilios.engines.base import Options
from ilios.engines.mistral.batch_lines import InputFile, LineAnswer
from ilios.engines.mistral.batches import Batches
from ilios.engines.mistral.engine import MistralEngine
from ilios.governor import Outcome
from ilios.models import CallState, DocumentStatus, JobStatus, ProviderBatch, ProviderBatchState
from ilios.outcomes import Recorder
from ilios.page_selection import PageSelection
from ilios.provider_batches import opening, preparing, waits
from ilios.provider_batches.records import Records
from ilios.provider_batches.steps import STEP_ATTEMPTS
from ilios.settings import Settings
from ilios.storage import open_store
from ilios.storage.local import LocalStore
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import jpeg, pdf
from tests.support import batching
from tests.support.batching import BATCH_PAGE_MICROS, Died, LaneWorker, one_page
from tests.support.documents import jobs
from tests.support.waiting import wait_until

COMPLETED, FAILED = DocumentStatus.COMPLETED, DocumentStatus.FAILED
PENDING, PROCESSING = DocumentStatus.PENDING, DocumentStatus.PROCESSING
TOO_LARGE_FOR_A_LINE = 7_000_000
FAULTS: list[dict[str, Any]] = [
    {"status": 429, "retry_after": "1"},
    {"status": 500},
    {"status": 503},
    {"status": 504},
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "truncate"},
]

MakeWorker = Callable[..., LaneWorker]
Submit = Callable[..., list[str]]


@pytest.fixture(scope="module")
def server() -> Iterator[MistralServer]:
    with MistralServer() as server:
        yield server


@pytest.fixture
def provider(server: MistralServer) -> MistralServer:
    server.reset()
    return server


@pytest.fixture(scope="module")
def engine_of(server: MistralServer) -> Iterator[Callable[[Settings], MistralEngine]]:
    """One engine, and so one parser child, for all tests that need no special one."""
    opened: dict[int, MistralEngine] = {}

    def engine_of(settings: Settings) -> MistralEngine:
        if settings.split_pages not in opened:
            opened[settings.split_pages] = MistralEngine(settings, "instance0of0these0tests0")
        return opened[settings.split_pages]

    yield engine_of
    for engine in opened.values():
        engine.close()


@pytest.fixture
def make_worker(
    settings: Settings,
    database: Database,
    provider: MistralServer,
    engine_of: Callable[[Settings], MistralEngine],
) -> MakeWorker:
    def make(**changes: Any) -> LaneWorker:
        pointed = batching.pointing_at(settings, provider, **changes)
        return LaneWorker(pointed, database, engine_of(pointed))

    return make


@pytest.fixture
def worker(make_worker: MakeWorker) -> LaneWorker:
    return make_worker()


@pytest.fixture
def submit(settings: Settings, database: Database, provider: MistralServer) -> Submit:
    def submit(*contents: bytes, **changes: Any) -> list[str]:
        options = changes.pop("options", None)
        pointed = batching.pointing_at(settings, provider, **changes)
        return batching.submit(pointed, database, contents, options)

    return submit


@pytest.fixture
def statuses(database: Database) -> Callable[[list[str]], list[DocumentStatus]]:
    return lambda ids: [document.status for document in batching.documents(database, ids)]


@pytest.fixture
def assert_exact(database: Database, provider: MistralServer) -> Callable[[], None]:
    """Asserts that the ledger is the provider's bill, that nothing is open, and no file left."""

    def check() -> None:
        calls = batching.calls(database)
        settled = [call for call in calls if call.state is CallState.SETTLED]
        billed = provider.stats().billed_batch_pages
        assert sum(call.pages for call in settled) == billed
        assert sum(call.base_cost_micros for call in settled) == billed * BATCH_PAGE_MICROS
        assert all(call.is_batch for call in calls)
        assert CallState.OPEN not in {call.state for call in calls}
        assert provider.journal().files == []

    return check


def call_states(database: Database) -> list[CallState]:
    return [call.state for call in batching.calls(database)]


# --- the way it should go ---------------------------------------------------------------------


def test_a_batch_comes_back_whole_at_half_the_price(
    worker: LaneWorker,
    submit: Submit,
    database: Database,
    provider: MistralServer,
    assert_exact: Callable[[], None],
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

    news = worker.step()

    (document,) = batching.documents(database, [document_id])
    assert (document.status, document.page_count) == (PROCESSING, 1)
    batch = batching.batch(database)
    assert (batch.state, batch.provider_status) == (ProviderBatchState.RUNNING, "QUEUED")
    assert batch.provider_job_id
    assert news is not None
    assert news.outcome is Outcome.BATCH_OPEN
    (job,) = jobs(database)
    assert (job.status, job.attempts) == (JobStatus.PENDING, 0)
    assert job.scheduled_at is not None


def test_a_long_document_becomes_several_lines(
    make_worker: MakeWorker, submit: Submit, database: Database, assert_exact: Callable[[], None]
) -> None:
    long = pdf(*(f"Page {number}" for number in range(25)))
    (document_id,) = submit(long)

    make_worker(split_pages=10).work()

    found = [page.markdown for page in batching.pages(database, document_id)]
    assert found == [f"Page {number}" for number in range(25)]
    assert sorted(call.pages for call in batching.calls(database)) == [8, 8, 9]
    assert_exact()


def test_only_selected_pages_are_paid_for(
    worker: LaneWorker, submit: Submit, database: Database, assert_exact: Callable[[], None]
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
    statuses: Callable[[list[str]], list[DocumentStatus]],
    assert_exact: Callable[[], None],
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
    statuses: Callable[[list[str]], list[DocumentStatus]],
    assert_exact: Callable[[], None],
) -> None:
    monkeypatch.setattr(preparing, "FULL_BYTES", 2_000)
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
    statuses: Callable[[list[str]], list[DocumentStatus]],
) -> None:
    monkeypatch.setattr(preparing, "INPUT_FILE_BYTES", 3_000)
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


def test_a_twin_is_answered_by_its_leader(
    worker: LaneWorker, submit: Submit, provider: MistralServer, database: Database
) -> None:
    ids = submit(one_page(1), one_page(2), one_page(1))

    worker.work()

    found = batching.documents(database, ids)
    assert [document.status for document in found] == [COMPLETED] * 3
    assert found[2].result_of == ids[0]
    assert provider.stats().billed_batch_pages == 2


# --- documents that fail ----------------------------------------------------------------------


def test_a_refused_line_fails_its_document_alone(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    assert_exact: Callable[[], None],
) -> None:
    refusal = {"on": "batch_line", "text": "number 1.", "error": "document_parser_invalid_file"}
    provider.control(faults=[refusal])
    ids = submit(*(one_page(number) for number in range(3)))

    worker.work()

    found = batching.documents(database, ids)
    assert [document.status for document in found] == [COMPLETED, FAILED, COMPLETED]
    assert found[1].error_code == "corrupt_document"
    assert "Document is not a valid PDF" in (found[1].error or "")
    assert sorted(call_states(database)) == ["refused", "settled", "settled"]
    assert_exact()


def test_a_document_that_cannot_be_planned_is_never_sent(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
) -> None:
    options = Options(pages=PageSelection.parse("2"))
    ids = submit(one_page(1), pdf("One", "Two"), options=options)

    worker.work()

    found = batching.documents(database, ids)
    assert [document.status for document in found] == [FAILED, COMPLETED]
    assert found[0].error_code == "pages_out_of_range"
    assert provider.stats().calls["batch_line"] == 1


def test_a_batch_of_nothing_but_broken_documents_ends_unsent(
    worker: LaneWorker, submit: Submit, provider: MistralServer, database: Database
) -> None:
    options = Options(pages=PageSelection.parse("2"))
    ids = submit(one_page(1), one_page(2), options=options)

    worker.work()

    assert {one.error_code for one in batching.documents(database, ids)} == {"pages_out_of_range"}
    assert "batch" not in provider.stats().calls
    assert batching.calls(database) == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_lines_that_may_succeed_later_go_into_another_round(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    statuses: Callable[[list[str]], list[DocumentStatus]],
    assert_exact: Callable[[], None],
    status: int,
) -> None:
    fault = {"on": "batch_line", "text": "number 1.", "status": status, "first": 1}
    provider.control(faults=[fault])
    ids = submit(*(one_page(number) for number in range(3)))

    worker.work()

    assert statuses(ids) == [COMPLETED] * 3
    assert provider.stats().calls["batch_line"] == 4
    assert batching.batch(database).round == 2
    assert_exact()


def test_the_third_round_is_the_last(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    assert_exact: Callable[[], None],
) -> None:
    provider.control(faults=[{"on": "batch_line", "text": "number 1.", "status": 503}])
    ids = submit(*(one_page(number) for number in range(2)))

    worker.work()

    good, bad = batching.documents(database, ids)
    assert (good.status, bad.status) == (COMPLETED, FAILED)
    assert bad.error_code == "provider_unavailable"
    assert "3 batches" in (bad.error or "")
    assert provider.stats().calls["batch"] == 3
    assert_exact()


def test_an_uploaded_document_that_vanished_is_sent_again(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    statuses: Callable[[list[str]], list[DocumentStatus]],
    assert_exact: Callable[[], None],
) -> None:
    provider.control(batch_queued_ms=1_000, vanished_file=3310)
    ids = submit(one_page(1, TOO_LARGE_FOR_A_LINE), one_page(2))
    worker.step()
    mistral = Mistral(api_key=API_KEY, server_url=provider.url)
    (document,) = [file for file in provider.journal().files if file.purpose == "ocr"]

    mistral.files.delete(file_id=document.id)
    worker.work()

    assert statuses(ids) == [COMPLETED, COMPLETED]
    assert_exact()


def test_pages_that_are_left_out_are_asked_for_again(
    worker: LaneWorker,
    submit: Submit,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    provider: MistralServer,
) -> None:
    whole = Batches.answers
    rounds = iter([(2, 3), ()])

    def answers(lane: Batches, *arguments: Any) -> Iterator[LineAnswer]:
        missing = next(rounds)
        for line in whole(lane, *arguments):
            body = json.loads(line.answer)
            body["pages"] = [page for page in body["pages"] if page["index"] not in missing]
            yield LineAnswer(line.custom_id, json.dumps(body).encode())

    monkeypatch.setattr(Batches, "answers", answers)
    (document_id,) = submit(pdf(*(f"Page {number}" for number in range(5))))

    worker.work()

    found = [page.markdown for page in batching.pages(database, document_id)]
    assert found == [f"Page {number}" for number in range(5)]
    assert [call.expected_pages for call in batching.calls(database)] == [5, 2]
    assert provider.stats().billed_batch_pages == 7


def test_pages_that_never_come_fail_the_document_after_three_rounds(
    worker: LaneWorker, submit: Submit, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Batches.answers

    def answers(lane: Batches, *arguments: Any) -> Iterator[LineAnswer]:
        for line in whole(lane, *arguments):
            body = {**json.loads(line.answer), "pages": []}
            yield LineAnswer(line.custom_id, json.dumps(body).encode())

    monkeypatch.setattr(Batches, "answers", answers)
    (document_id,) = submit(one_page(1))

    worker.work()

    (document,) = batching.documents(database, [document_id])
    assert (document.status, document.error_code) == (FAILED, "pages_missing")
    assert call_states(database) == [CallState.SETTLED] * 3


# --- jobs that end otherwise ------------------------------------------------------------------


def test_what_a_timed_out_job_has_done_is_kept_and_the_rest_tried_again(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    statuses: Callable[[list[str]], list[DocumentStatus]],
) -> None:
    provider.control(batch_outcome="TIMEOUT_EXCEEDED", batch_outcome_after=2)
    ids = submit(*(one_page(number) for number in range(5)))

    worker.work_until(lambda: batching.batch(database).round == 2)
    provider.control(batch_outcome="SUCCESS")
    worker.work()

    assert statuses(ids) == [COMPLETED] * 5
    assert provider.stats().billed_batch_pages == 5
    states = call_states(database)
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


def test_a_job_that_somebody_cancelled_is_not_repeated(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
) -> None:
    provider.control(batch_line_ms=300)
    ids = submit(*(one_page(number) for number in range(10)))
    worker.step()
    wait_until(lambda: provider.stats().billed_batch_pages, timeout_s=10)

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
    monkeypatch.setattr(waits, "LAG", waits.LAG * 0)
    monkeypatch.setattr(waits, "GONE_ATTEMPTS", 2)
    provider.control(batch_visible_after_ms=3_600_000)
    (document_id,) = submit(one_page(1))

    worker.work_until(lambda: batching.batch(database).round == 2)
    provider.control(batch_visible_after_ms=0)
    worker.work()

    assert batching.documents(database, [document_id])[0].status is COMPLETED
    assert sorted(call_states(database)) == ["settled", "unknown"]


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
    allowed = timedelta(hours=settings.provider_batch_timeout_hours) + waits.OVERDUE
    with database.writing() as session:
        session.execute(update(ProviderBatch).values(submitted_at=clock.now() - allowed))

    provider.control(batch_queued_ms=0)
    worker.work()

    assert provider.stats().calls["batch_cancel"] == 1
    assert batching.batch(database).round == 2
    assert batching.documents(database, [document_id])[0].status is COMPLETED


# --- obstacles --------------------------------------------------------------------------------


def test_without_batch_billing_documents_wait_and_the_governor_hears_why(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    statuses: Callable[[list[str]], list[DocumentStatus]],
    assert_exact: Callable[[], None],
) -> None:
    provider.control(batch_billing=False)
    ids = submit(one_page(1), one_page(2))

    news = worker.step()

    assert news is not None
    assert news.outcome is Outcome.BATCH_CLOSED
    assert "402" in news.reason
    assert statuses(ids) == [PENDING, PENDING]
    (job,) = jobs(database)
    assert job.scheduled_at is not None
    assert job.scheduled_at - clock.now() > waits.CLOSED / 2
    provider.control(batch_billing=True)
    worker.work()
    assert statuses(ids) == [COMPLETED, COMPLETED]
    assert_exact()


def test_with_a_wrong_key_documents_wait(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    statuses: Callable[[list[str]], list[DocumentStatus]],
) -> None:
    provider.control(account=401)
    ids = submit(one_page(1))

    news = worker.step()

    assert news is not None
    assert news.outcome is Outcome.MISCONFIGURED
    assert statuses(ids) == [PENDING]
    provider.control(account=None)
    worker.work()
    assert statuses(ids) == [COMPLETED]


def test_a_model_that_the_provider_does_not_have_fails_the_documents(
    make_worker: MakeWorker, submit: Submit, provider: MistralServer, database: Database
) -> None:
    ids = submit(one_page(1), options=Options(model="mistral-ocr-9"))

    make_worker().work()

    (document,) = batching.documents(database, ids)
    assert (document.status, document.error_code) == (FAILED, "model_unavailable")
    assert call_states(database) == [CallState.REFUSED]
    assert provider.journal().files == []


def test_a_configured_model_that_does_not_exist_is_for_the_operator(
    make_worker: MakeWorker,
    submit: Submit,
    statuses: Callable[[list[str]], list[DocumentStatus]],
) -> None:
    ids = submit(one_page(1), ocr_model="mistral-ocr-9")

    news = make_worker(ocr_model="mistral-ocr-9").step()

    assert news is not None
    assert news.outcome is Outcome.MISCONFIGURED
    assert statuses(ids) == [PENDING]


@pytest.mark.parametrize(
    ("on", "fault"),
    [
        *((on, fault) for on in ("batch", "download") for fault in FAULTS),
        *((on, FAULTS[2]) for on in ("upload", "batch_get", "list", "delete")),
        *((on, FAULTS[5]) for on in ("upload", "batch_get", "list", "delete")),
    ],
    ids=lambda value: (
        value if isinstance(value, str) else str(value.get("kind") or value["status"])
    ),
)
def test_a_call_that_fails_is_made_again_and_nothing_is_paid_twice(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Callable[[list[str]], list[DocumentStatus]],
    assert_exact: Callable[[], None],
    on: str,
    fault: dict[str, Any],
) -> None:
    monkeypatch.setattr(preparing, "UPLOAD_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(waits, "LAG", timedelta(seconds=1))
    provider.control(faults=[{"on": on, "times": 2, **fault}])
    ids = submit(*(one_page(number) for number in range(3)))

    worker.work()

    assert statuses(ids) == [COMPLETED] * 3
    assert provider.stats().calls["batch_line"] == 3
    assert_exact()


def test_a_job_that_turns_visible_late_is_waited_for(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    statuses: Callable[[list[str]], list[DocumentStatus]],
    assert_exact: Callable[[], None],
) -> None:
    provider.control(batch_visible_after_ms=1_500, file_visible_after_ms=300)
    ids = submit(one_page(1))

    worker.work(patient=True)

    assert statuses(ids) == [COMPLETED]
    assert provider.stats().calls["batch_line"] == 1
    assert_exact()


def test_an_input_that_the_provider_lost_is_built_again(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Callable[[list[str]], list[DocumentStatus]],
    assert_exact: Callable[[], None],
) -> None:
    monkeypatch.setattr(waits, "GONE_ATTEMPTS", 2)
    provider.control(batch_billing=False)
    ids = submit(one_page(1))
    worker.step()
    mistral = Mistral(api_key=API_KEY, server_url=provider.url)
    (input_file,) = provider.journal().files

    mistral.files.delete(file_id=input_file.id)
    provider.control(batch_billing=True)
    worker.work()

    assert statuses(ids) == [COMPLETED]
    assert_exact()


def test_a_store_that_is_away_is_waited_for(
    worker: LaneWorker,
    submit: Submit,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Callable[[list[str]], list[DocumentStatus]],
) -> None:
    ids = submit(one_page(1))

    def away(*_: object) -> None:
        raise StorageUnavailable("The store is away.")

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "fetch", away)
        assert worker.step() is None

    assert statuses(ids) == [PENDING]
    worker.work()
    assert statuses(ids) == [COMPLETED]


def test_a_full_disk_is_waited_for(
    worker: LaneWorker,
    submit: Submit,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Callable[[list[str]], list[DocumentStatus]],
) -> None:
    ids = submit(one_page(1))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(InputFile, "add", full)
        worker.step()

    (job,) = jobs(database)
    assert (job.attempts, job.scheduled_at is not None) == (0, True)
    worker.work()
    assert statuses(ids) == [COMPLETED]


def test_a_step_that_nobody_can_explain_is_tried_again_then_given_up(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waits, "LAG", timedelta(0))
    ids = submit(one_page(1), one_page(2))

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Batches, "create", broken)
    worker.work()

    found = batching.documents(database, ids)
    assert [(one.status, one.error_code) for one in found] == [(FAILED, "engine_failed")] * 2
    assert provider.journal().files == []
    (job,) = jobs(database)
    assert (job.status, job.attempts) == (JobStatus.COMPLETED, STEP_ATTEMPTS + 1)
    assert set(call_states(database)) == {CallState.UNKNOWN}


def test_a_line_that_cannot_be_kept_harms_no_other(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Callable[[list[str]], list[DocumentStatus]],
) -> None:
    whole = Recorder.keep
    calls = iter(range(100))

    def keep(recorder: Recorder, *arguments: Any, **options: Any) -> None:
        if next(calls) == 1:
            raise RuntimeError("a bug")
        whole(recorder, *arguments, **options)

    monkeypatch.setattr(Recorder, "keep", keep)
    ids = submit(*(one_page(number) for number in range(3)))

    worker.work()

    assert statuses(ids) == [COMPLETED] * 3
    assert sorted(call_states(database)) == ["settled", "settled", "settled", "unknown"]
    assert provider.stats().billed_batch_pages == 4


def test_what_a_step_has_no_time_for_the_next_one_does(
    make_worker: MakeWorker,
    submit: Submit,
    provider: MistralServer,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Callable[[list[str]], list[DocumentStatus]],
    assert_exact: Callable[[], None],
) -> None:
    monkeypatch.setattr(opening, "STEP_SECONDS", 0.0)
    ids = submit(*(one_page(number) for number in range(4)))

    make_worker().work()

    assert statuses(ids) == [COMPLETED] * 4
    calls = provider.stats().calls
    assert (calls["upload"], calls["batch"], calls["batch_line"]) == (4, 1, 4)
    assert calls["download"] == 1
    assert_exact()


# --- death ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "name", "after"),
    [
        (Batches, "upload", False),
        (Batches, "upload", True),
        (Records, "hand_in", True),
        (Records, "is_about_to_submit", True),
        (Batches, "create", True),
        (Records, "is_submitted", True),
        (Batches, "download", True),
        (Recorder, "keep", False),
        (Recorder, "keep", True),
        (Batches, "delete_files", False),
        (Batches, "delete_files", True),
        (Records, "end_round", True),
    ],
)
def test_a_step_that_dies_anywhere_costs_nothing_twice(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Callable[[list[str]], list[DocumentStatus]],
    assert_exact: Callable[[], None],
    owner: type,
    name: str,
    after: bool,
) -> None:
    monkeypatch.setattr(waits, "LAG", timedelta(seconds=1))
    alive = getattr(owner, name)
    deaths = iter([1, 2])

    def die(*arguments: Any, **options: Any) -> Any:
        is_second = next(deaths, 0) == 2
        if is_second and not after:
            raise Died
        result = alive(*arguments, **options)
        if is_second or (after and name != "keep"):
            monkeypatch.setattr(owner, name, alive)
            raise Died
        return result

    monkeypatch.setattr(owner, name, die)
    faults = [{"on": "batch_line", "text": "number 1.", "status": 503, "first": 1}]
    provider.control(faults=faults)
    ids = submit(one_page(1, TOO_LARGE_FOR_A_LINE), one_page(2), one_page(3))

    worker.work()

    assert statuses(ids) == [COMPLETED] * 3
    assert provider.stats().calls["batch_line"] == 4
    assert provider.stats().calls["batch"] == 2
    assert_exact()


def test_a_step_whose_lease_is_lost_changes_nothing(
    worker: LaneWorker,
    submit: Submit,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Callable[[list[str]], list[DocumentStatus]],
    assert_exact: Callable[[], None],
) -> None:
    ids = submit(one_page(1))
    whole = Batches.upload

    def slow(*arguments: Any) -> str:
        with database.writing() as session:
            queue.release_lost(session, queue.of_node("test"), "too slow", clock.now())
        return whole(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Batches, "upload", slow)
        assert worker.step() is None

    assert batching.calls(database) == []
    assert batching.batch(database).input_file_ids == []
    worker.work()
    assert statuses(ids) == [COMPLETED]
    assert_exact()
