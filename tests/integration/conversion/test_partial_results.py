"""Documents that may lack pages: what is paid for is delivered, and only what failed is retried."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ilios.accounts.holdings import Standard
from ilios.conversion import isolation
from ilios.core import clock
from ilios.core.conversion_errors import (
    CorruptDocument,
    OutcomeUnknown,
    StorageUnavailable,
)
from ilios.core.settings import Settings
from ilios.core.telemetry.tracing import NO_ORIGIN
from ilios.db.database import Database
from ilios.db.models import CallState, Document, DocumentStatus, JobStatus
from ilios.documents import results
from ilios.documents.readmission import readmit
from ilios.engines.base import Keep, Options, Part, Plan, Progress, Source
from ilios.engines.page_selection import MAX_PAGE_NUMBER, PageSelection
from ilios.storage.base import ObjectStore
from tests.integration.conversion.test_paid_calls import Bench, LineEngine, raising
from tests.support import documents
from tests.support.issuing import issue

pytestmark = pytest.mark.both_databases

REFUSAL = CorruptDocument("A page is broken.")


class RefusingEngine(LineEngine):
    """Refuses a call with one of these pages, at no cost."""

    def __init__(self, *refused: int) -> None:
        super().__init__()
        self.refused = set(refused)
        self.calls = 0

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> bytes:
        self.calls += 1
        if self.refused & set(part.indexes or ()):
            raise REFUSAL
        return super().convert(part, options, workspace, progress, keep)


class WholeFileEngine(LineEngine):
    """Sends whole files: only the answer tells which pages there are."""

    def plan(
        self,
        source: Source,
        pages: PageSelection | None,
        workspace: Path,
        *,
        in_one_call: bool = False,
    ) -> Plan:
        return Plan(None, (Part(source, None),))

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> bytes:
        lines = part.source.path.read_text().splitlines()
        numbered = replace(part, indexes=tuple(range(len(lines))))
        return super().convert(numbered, options, workspace, progress, keep)


@pytest.fixture
def bench(settings: Settings, database: Database, store: ObjectStore) -> Bench:
    return Bench(settings, database, store)


def retry(bench: Bench, document_id: str) -> None:
    with bench.database.writing() as session:
        document = session.get_one(Document, document_id)
        settings = bench.settings.model_copy(update={"ocr_engine": "mistral"})
        standard = Standard.of(settings, lambda: 10**12)
        readmit(session, settings, document, standard, clock.now(), NO_ORIGIN)


def warnings_of(document: Document) -> list[str]:
    return [warning["code"] for warning in document.warnings]


def assert_paid_once(bench: Bench, pages: int) -> None:
    """Check that each of so many pages was billed and charged once, and nothing is in doubt."""
    assert len(bench.engine.billed) == len(set(bench.engine.billed)) == pages
    totals = bench.totals()
    assert (totals.pages, totals.ambiguous_pages) == (pages, 0)


def test_refused_pages_are_found_and_all_others_delivered(bench: Bench) -> None:
    bench.use(RefusingEngine(4, 7))
    document_id = bench.add(20, allow_partial=0.1)

    bench.run_all()

    document = bench.document(document_id)
    assert document.status is DocumentStatus.COMPLETED
    assert document.failed_pages == [[4, 4, "corrupt_document"], [7, 7, "corrupt_document"]]
    assert results.is_partial(document)
    assert (document.page_count, document.pages_done, document.error_code) == (18, 18, None)
    assert warnings_of(document) == ["partial_result"]
    assert "2 of 20 pages" in document.warnings[0]["message"]
    lines = [f"line {number}" for number in range(1, 21) if number not in (5, 8)]
    assert bench.lines(document_id) == lines
    assert_paid_once(bench, 18)
    assert set(bench.states()) == {CallState.SETTLED, CallState.REFUSED}


def test_a_document_of_one_call_is_halved_too(bench: Bench, settings: Settings) -> None:
    bench.use(RefusingEngine(1))
    document_id = bench.add(3, allow_partial=1.0)

    bench.run_all()

    assert bench.document(document_id).failed_pages == [[1, 1, "corrupt_document"]]
    assert bench.lines(document_id) == ["line 1", "line 3"]
    assert_paid_once(bench, 2)
    left = [path.name for path in settings.data_folder.rglob("parts/*")]
    assert left == ["1-1"]  # of the page that failed; a sweep deletes it


def test_halves_of_a_selection_hold_its_own_pages(bench: Bench) -> None:
    bench.use(RefusingEngine(5, 13))
    document_id = bench.add(20, pages="2,4,6,10,12,14,18", allow_partial=0.5)

    bench.run_all()

    assert bench.lines(document_id) == [f"line {number}" for number in (2, 4, 10, 12, 18)]
    assert bench.document(document_id).failed_pages == [
        [5, 5, "corrupt_document"],
        [13, 13, "corrupt_document"],
    ]
    assert_paid_once(bench, 5)


def test_more_failures_than_allowed_fail_the_document_and_keep_its_pages(bench: Bench) -> None:
    bench.use(RefusingEngine(0, 4))
    document_id = bench.add(10, allow_partial=0.1)

    bench.run_all()

    document = bench.document(document_id)
    assert (document.status, document.error_code) == (
        DocumentStatus.FAILED,
        "too_many_pages_failed",
    )
    assert "2 of 10 pages" in (document.error or "")
    assert "partial_result" not in warnings_of(document)
    assert len(bench.lines(document_id)) == 8
    assert not any(job.status is JobStatus.PENDING for job in documents.jobs(bench.database))


@pytest.mark.parametrize("lines", [1, 2, 7])
def test_without_a_single_page_a_document_fails_with_its_own_reason(
    bench: Bench, lines: int
) -> None:
    bench.use(RefusingEngine(*range(lines)))
    document_id = bench.add(lines, allow_partial=1.0)

    bench.run_all()

    document = bench.document(document_id)
    assert (document.status, document.error_code) == (DocumentStatus.FAILED, "corrupt_document")
    assert document.error == REFUSAL.detail
    assert bench.engine.billed == []


def test_a_share_is_met_exactly(bench: Bench) -> None:
    bench.use(RefusingEngine(0, 1))
    document_id = bench.add(7, allow_partial=2 / 7)

    bench.run_all()

    assert results.is_partial(bench.document(document_id))


def test_a_retry_pays_for_the_failed_pages_alone(bench: Bench) -> None:
    engine = RefusingEngine(4, 7)
    bench.use(engine)
    document_id = bench.add(20, allow_partial=0.1)
    bench.run_all()
    engine.refused = {7}

    retry(bench, document_id)
    document = bench.document(document_id)
    assert (document.status, document.pages_done, document.page_count) == (
        DocumentStatus.PENDING,
        18,
        20,
    )
    assert warnings_of(document) == []
    bench.run_all()

    assert bench.document(document_id).failed_pages == [[7, 7, "corrupt_document"]]
    assert_paid_once(bench, 19)
    engine.refused = set()
    retry(bench, document_id)
    bench.run_all()

    document = bench.document(document_id)
    assert (document.status, document.failed_pages) == (DocumentStatus.COMPLETED, None)
    assert (document.page_count, document.warnings) == (20, [])
    assert bench.lines(document_id) == [f"line {number}" for number in range(1, 21)]
    assert_paid_once(bench, 20)


def test_a_retry_that_fails_again_leaves_the_partial_result(bench: Bench) -> None:
    bench.use(RefusingEngine(2))
    document_id = bench.add(3, allow_partial=0.5)
    bench.run_all()

    retry(bench, document_id)
    bench.run_all()

    document = bench.document(document_id)
    assert results.is_partial(document)
    assert document.failed_pages == [[2, 2, "corrupt_document"]]
    assert_paid_once(bench, 2)


def test_a_file_that_goes_as_a_whole_is_not_paid_again_for_a_page(bench: Bench) -> None:
    bench.use(WholeFileEngine())
    document_id = bench.add(3, allow_partial=0.5)
    bench.engine.leave_out = [{1}]
    bench.run_all()
    with bench.database.writing() as session:  # as if that had been known
        session.get_one(Document, document_id).failed_pages = [[1, 1, "pages_missing"]]

    retry(bench, document_id)
    bench.run_all()

    document = bench.document(document_id)
    assert results.is_partial(document)
    assert document.failed_pages == [[1, 1, "unsupported_document"]]
    assert bench.lines(document_id) == ["line 1", "line 3"]
    assert_paid_once(bench, 2)


def test_pages_that_the_provider_keeps_leaving_out_fail_alone(bench: Bench) -> None:
    document_id = bench.add(6, allow_partial=0.5)
    bench.engine.leave_out = [{1}, {1}, {1}]

    bench.run_all()

    document = bench.document(document_id)
    assert document.failed_pages == [[1, 1, "pages_missing"]]
    assert len(bench.lines(document_id)) == 5
    assert_paid_once(bench, 5)


def test_a_document_of_one_call_whose_pages_stay_out_lacks_them(bench: Bench) -> None:
    document_id = bench.add(3, allow_partial=0.5)
    bench.engine.leave_out = [{1}, {1}, {1}]

    bench.run_all()

    assert bench.document(document_id).failed_pages == [[1, 1, "pages_missing"]]
    assert bench.lines(document_id) == ["line 1", "line 3"]


def test_a_range_whose_workers_die_fails_alone(bench: Bench) -> None:
    document_id = bench.add(6, allow_partial=0.5)
    lease = bench.claim()
    assert lease is not None
    bench.converter.run(lease)  # it is split

    for _ in range(3):
        doomed = bench.claim()
        assert doomed is not None
        other = bench.claim()
        if other is not None:
            bench.converter.run(other)
        bench.dispatcher.release_lost([doomed])

    document = bench.document(document_id)
    assert document.status is DocumentStatus.COMPLETED
    assert document.failed_pages in ([[0, 2, "worker_lost"]], [[3, 5, "worker_lost"]])
    assert len(bench.lines(document_id)) == 3


def test_an_unknown_outcome_fails_its_range_alone(bench: Bench) -> None:
    document_id = bench.add(6, allow_partial=0.5)
    cut_off = raising(OutcomeUnknown("The connection broke."))
    bench.engine.after = [cut_off] * 3

    bench.run_all()

    document = bench.document(document_id)
    assert document.failed_pages == [[0, 2, "outcome_unknown"]]
    totals = bench.totals()
    assert (totals.pages, totals.ambiguous_calls, totals.ambiguous_pages) == (3, 3, 9)


def test_pages_that_come_after_all_complete_what_shows_the_result(bench: Bench) -> None:
    engine = RefusingEngine(4)
    bench.use(engine)
    document_id = bench.add(6, allow_partial=0.5)
    bench.run_all()
    engine.refused = set()
    with bench.database.writing() as session:
        document = session.get_one(Document, document_id)
        shown = {
            name: getattr(document, name)
            for name in ("owner", "mime_type", "storage_key", "options", *results.SHARED_RESULT)
        }
        joined = Document(
            **shown, id="joined", file_name="b.txt", file_size=1, operation="convert",
            result_of=document_id, retention_days=1, created_at=clock.now(),
        )  # fmt: skip
        session.add(joined)

    retry(bench, "joined")
    assert bench.document("joined").status is DocumentStatus.PENDING
    assert results.is_partial(bench.document(document_id))  # it can be read meanwhile
    bench.run_all()

    for one in (document_id, "joined"):
        document = bench.document(one)
        assert (document.status, document.failed_pages) == (DocumentStatus.COMPLETED, None)
        assert (document.page_count, document.warnings) == (6, [])
    assert_paid_once(bench, 6)


def test_a_document_that_is_refused_all_over_is_not_halved_without_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "FAILED_JOBS_MAX", 2)
    engine = RefusingEngine(*range(1, 30))
    bench.use(engine)
    document_id = bench.add(30, allow_partial=1.0)

    bench.run_all()

    document = bench.document(document_id)
    assert document.status in (DocumentStatus.COMPLETED, DocumentStatus.FAILED)
    assert engine.calls < 20  # of 59 that would find every page


def test_a_store_that_fails_while_a_job_is_halved_costs_an_attempt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.use(RefusingEngine(1))
    document_id = bench.add(3, allow_partial=0.5)
    put, faults = bench.store.put, [StorageUnavailable("The store is away.")]

    def failing(*arguments: object, **named: object) -> None:
        if faults:
            raise faults.pop()
        put(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.store, "put", failing)

    bench.run_all()

    assert bench.document(document_id).failed_pages == [[1, 1, "corrupt_document"]]
    assert_paid_once(bench, 2)
    assert CallState.OPEN not in bench.states()


def test_a_retry_of_a_failed_document_pays_for_no_page_of_a_range_again(bench: Bench) -> None:
    document_id = bench.add(6)
    bench.engine.leave_out = [{1}] * 3
    bench.run_all()
    assert bench.document(document_id).status is DocumentStatus.FAILED

    retry(bench, document_id)
    bench.run_all()

    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert_paid_once(bench, 6)


def test_a_retry_reserves_no_page_that_is_paid_for(bench: Bench) -> None:
    engine = RefusingEngine(4)
    bench.use(engine)
    owner = issue(bench.database, pages_per_day=7).key.owner
    document_id = bench.add(6, allow_partial=0.5, owner=owner)
    bench.run_all()
    engine.refused = set()

    retry(bench, document_id)
    bench.run_all()

    document = bench.document(document_id)
    assert (document.status, document.failed_pages) == (DocumentStatus.COMPLETED, None)
    assert len(bench.engine.billed) == 6


class HeavyEngine(LineEngine):
    """Sends a file as it is; what it cuts out of one is a page a part, too large for another."""

    def plan(
        self,
        source: Source,
        pages: PageSelection | None,
        workspace: Path,
        *,
        in_one_call: bool = False,
    ) -> Plan:
        if pages is None:
            count = len(source.path.read_text().splitlines())
            return Plan(count, (Part(source, tuple(range(count))),))
        parts: list[Part] = []
        for index in pages.indexes(MAX_PAGE_NUMBER):
            folder = workspace / str(index)
            folder.mkdir(exist_ok=True)
            parts += super().plan(source, PageSelection.of_indexes([index]), folder).parts
        return Plan(None, tuple(parts))


def test_missing_pages_that_are_too_large_for_one_call_are_asked_for_in_several(
    bench: Bench,
) -> None:
    bench.use(HeavyEngine())
    document_id = bench.add(5)
    bench.engine.leave_out = [{0, 2, 4}]

    bench.run_all()

    assert bench.lines(document_id) == [f"line {number}" for number in range(1, 6)]
    assert_paid_once(bench, 5)


def test_without_the_option_nothing_is_halved(bench: Bench) -> None:
    engine = RefusingEngine(1)
    bench.use(engine)
    document_id = bench.add(3)

    bench.run_all()

    document = bench.document(document_id)
    assert (document.status, document.error_code) == (DocumentStatus.FAILED, "corrupt_document")
    assert (document.failed_pages, engine.calls) == (None, 1)
