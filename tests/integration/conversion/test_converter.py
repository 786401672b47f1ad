"""The converter: what a result changes, it changes in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import Mock

import pytest
from sqlalchemy import select

from ilios.accounts import ledger_sums
from ilios.conversion.converter import Converter
from ilios.core import clock, conversion_errors, data_folder, disk_space
from ilios.core.conversion_errors import (
    ConversionError,
    CorruptDocument,
    DiskFull,
    ParserCrashed,
    StorageMisconfigured,
    StorageUnavailable,
)
from ilios.core.errors import DatabaseBusy
from ilios.core.settings import MIB, Settings
from ilios.core.telemetry import metrics
from ilios.db.database import Database
from ilios.db.models import CallState, DocumentStatus, JobStatus, PageRow
from ilios.documents import results
from ilios.engines import page_details
from ilios.engines.base import (
    Conversion,
    ConversionWarning,
    Engine,
    ImageFile,
    Keep,
    Options,
    Page,
    Part,
    Progress,
    Source,
    Usage,
)
from ilios.engines.page_layout import Layout
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs, release
from ilios.queue.jobs import Lease
from ilios.storage.base import ObjectStore
from ilios.storage.health import StoreReport
from tests.support import documents
from tests.support.engines import EchoEngine

pytestmark = pytest.mark.both_databases

MakeConverter = Callable[[Engine], Converter]


class Scripted(EchoEngine):
    """An engine that does what a test says."""

    def __init__(
        self, act: Callable[[Source, Options, Path, Progress], Conversion], *, is_paid: bool = False
    ) -> None:
        self._act = act
        self.is_paid = is_paid

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion:
        return self._act(part.source, options, workspace, progress)


def raising(error: Exception, *, is_paid: bool = False) -> Scripted:
    def act(*_: object) -> Conversion:
        raise error

    return Scripted(act, is_paid=is_paid)


def two_pages(_source: Source, _options: Options, workspace: Path, _: Progress) -> Conversion:
    picture = workspace / "img-0.png"
    picture.write_bytes(b"picture")
    return Conversion(
        pages=(
            Page(0, "one ![](img-0.png)", images=(ImageFile("img-0.png", picture, "image/png"),)),
            Page(1, "two", warnings=(ConversionWarning("empty_page", "Nothing here.", 2),)),
        ),
        usage=Usage(pages=2, model="test-model-1"),
    )


def claim(database: Database) -> Lease:
    with database.writing() as session:
        now = clock.now()
        jobs.promote_due(session, now.replace(year=now.year + 1))
        lease = jobs.claim(session, EMBEDDED, "node/worker-0", now)
        assert lease is not None
        results.begin(session, lease.job_id, now)
    return lease


def warnings_counted() -> Counter[str]:
    return Counter(
        {
            sample.labels["code"]: int(sample.value)
            for family in metrics.CONVERSION_WARNINGS.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        }
    )


def test_warnings_are_counted_by_code_once_they_are_stored(
    make_converter: MakeConverter, settings: Settings, database: Database
) -> None:
    def warned(*arguments: Any) -> Conversion:
        of_document = ConversionWarning("text_loss", "1 attached file was not converted.")
        return replace(two_pages(*arguments), warnings=(of_document,))

    documents.add_document(database, settings=settings)
    before = warnings_counted()

    make_converter(Scripted(warned)).run(claim(database))

    assert warnings_counted() - before == Counter(empty_page=1, text_loss=1)


def test_blocks_that_are_too_many_are_told_of_and_counted(
    make_converter: MakeConverter, settings: Settings, database: Database
) -> None:
    def crowded(*_: Any) -> Conversion:
        page = page_details.bounded(Page(0, "one", layout=Layout(("[1]",), is_cut=True)))
        return Conversion((page,), Usage(1, "test-model-1"))

    document_id, _ = documents.add_document(database, settings=settings)
    before = warnings_counted()

    make_converter(Scripted(crowded)).run(claim(database))

    assert warnings_counted() - before == Counter(text_loss=1)
    (warning,) = documents.document(database, document_id).warnings
    assert (warning["code"], warning["page"]) == ("text_loss", 1)


def test_a_result_is_stored_whole(
    make_converter: MakeConverter, settings: Settings, database: Database, store: ObjectStore
) -> None:
    document_id, job_id = documents.add_document(database, settings=settings)

    make_converter(Scripted(two_pages, is_paid=True)).run(claim(database))

    document = documents.document(database, document_id)
    assert document.status is DocumentStatus.COMPLETED
    assert (document.page_count, document.pages_done, document.model) == (2, 2, "test-model-1")
    assert document.warnings == [{"code": "empty_page", "message": "Nothing here.", "page": 2}]
    assert documents.job(database, job_id).status is JobStatus.COMPLETED
    with database.reading() as session:
        pages = session.scalars(select(PageRow).order_by(PageRow.index)).all()
    assert [page.markdown for page in pages] == ["one ![](img-0.png)", "two"]
    (image,) = pages[0].images
    with store.open(image["key"]) as stream:
        assert stream.read() == b"picture"
    (call,) = documents.calls(database)
    assert (call.state, call.pages, call.price_micros) == (CallState.SETTLED, 2, 1_000)
    assert (call.base_cost_micros, call.total_cost_micros) == (2_000, 2_600)


def test_a_free_conversion_is_written_down_in_one_transaction(
    make_converter: MakeConverter,
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    documents.add_document(database, settings=settings)
    converter, lease = make_converter(Scripted(two_pages)), claim(database)
    transactions = Mock(wraps=database.writing)
    monkeypatch.setattr(database, "writing", transactions)

    converter.run(lease)

    assert transactions.call_count == 1
    (call,) = documents.calls(database)
    assert (call.state, call.pages, call.expected_pages) == (CallState.SETTLED, 2, 1)


def test_the_workspace_is_removed(
    make_converter: MakeConverter, settings: Settings, database: Database
) -> None:
    for engine in (Scripted(two_pages), raising(CorruptDocument("no"))):
        documents.add_document(database, settings=settings)
        make_converter(engine).run(claim(database))

    assert list(data_folder.workspaces(settings).iterdir()) == []


@pytest.mark.parametrize(
    ("is_paid", "states"), [(True, [CallState.REFUSED]), (False, [])], ids=["paid", "free"]
)
def test_a_permanent_error_fails_at_once_and_costs_nothing(
    make_converter: MakeConverter,
    settings: Settings,
    database: Database,
    is_paid: bool,
    states: list[CallState],
) -> None:
    document_id, job_id = documents.add_document(database, settings=settings)
    broken = raising(CorruptDocument("It is broken."), is_paid=is_paid)

    make_converter(broken).run(claim(database))

    document = documents.document(database, document_id)
    assert (document.status, document.error, document.error_code) == (
        DocumentStatus.FAILED,
        "It is broken.",
        "corrupt_document",
    )
    assert not document.engine_fault
    assert documents.job(database, job_id).attempts == 1
    assert [(call.state, call.pages) for call in documents.calls(database)] == [
        (state, 0) for state in states
    ]


@pytest.mark.parametrize(
    "error", [StorageUnavailable("The store is away."), RuntimeError("a bug")], ids=type
)
def test_a_passing_error_is_tried_again_later(
    make_converter: MakeConverter, settings: Settings, database: Database, error: Exception
) -> None:
    document_id, job_id = documents.add_document(database, settings=settings)

    make_converter(raising(error)).run(claim(database))

    job = documents.job(database, job_id)
    assert (job.status, job.attempts) == (JobStatus.PENDING, 1)
    assert job.scheduled_at is not None
    assert documents.document(database, document_id).status is DocumentStatus.PENDING


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StorageUnavailable("The store is away."), StoreReport("The store is away.")),
        (StorageMisconfigured("Set S3_REGION."), StoreReport("Set S3_REGION.")),
        (DiskFull("The disk is full."), None),  # of which the supervisor knows by itself
    ],
    ids=type,
)
def test_a_job_that_needed_the_store_in_vain_says_so(
    make_converter: MakeConverter,
    settings: Settings,
    database: Database,
    error: ConversionError,
    said: StoreReport | None,
) -> None:
    documents.add_document(database, settings=settings)

    assert make_converter(raising(error)).run(claim(database)) == said


def test_the_third_passing_error_is_the_platforms_fault(
    make_converter: MakeConverter, settings: Settings, database: Database
) -> None:
    document_id, _ = documents.add_document(database, settings=settings)
    converter = make_converter(raising(StorageUnavailable("The store is away.")))

    for _ in range(3):
        converter.run(claim(database))

    document = documents.document(database, document_id)
    assert (document.status, document.engine_fault) == (DocumentStatus.FAILED, True)


def test_a_document_that_crashes_its_parser_twice_is_poison(
    make_converter: MakeConverter, settings: Settings, database: Database
) -> None:
    document_id, job_id = documents.add_document(database, settings=settings)
    converter = make_converter(raising(ParserCrashed("The parser died (SIGSEGV).")))

    converter.run(claim(database))
    assert documents.document(database, document_id).status is DocumentStatus.PENDING
    converter.run(claim(database))

    document = documents.document(database, document_id)
    assert (document.status, document.error_code) == (DocumentStatus.FAILED, "poison_document")
    assert documents.job(database, job_id).attempts == 2


def test_a_missing_object_fails_the_document(
    make_converter: MakeConverter, database: Database
) -> None:
    document_id, _ = documents.add_document(database)

    make_converter(Scripted(two_pages)).run(claim(database))

    assert documents.document(database, document_id).error_code == "object_missing"


def test_a_result_that_comes_after_the_lease_was_lost_changes_nothing(
    make_converter: MakeConverter, settings: Settings, database: Database
) -> None:
    document_id, job_id = documents.add_document(database, settings=settings)
    lease = claim(database)

    def outlive_the_lease(*arguments: object) -> Conversion:
        with database.writing() as session:
            release.give_back(session, lease)
            results.wait_again(session, document_id)
        return two_pages(*arguments)  # type: ignore[arg-type]

    make_converter(Scripted(outlive_the_lease)).run(lease)

    assert documents.job(database, job_id).status is JobStatus.PENDING
    assert documents.document(database, document_id).status is DocumentStatus.PENDING
    with database.reading() as session:
        assert session.scalars(select(PageRow)).all() == []
        totals = ledger_sums.summary(session, "anonymous", ledger_sums.Period())
    assert totals.operations == 0


def test_an_error_that_comes_after_the_lease_was_lost_changes_nothing(
    make_converter: MakeConverter, settings: Settings, database: Database
) -> None:
    document_id, job_id = documents.add_document(database, settings=settings)
    lease = claim(database)

    def fail_late(*_: object) -> Conversion:
        with database.writing() as session:
            release.give_back(session, lease)
            results.wait_again(session, document_id)
        raise CorruptDocument("too late")

    make_converter(Scripted(fail_late)).run(lease)

    assert documents.job(database, job_id).status is JobStatus.PENDING
    assert documents.document(database, document_id).status is DocumentStatus.PENDING


@pytest.mark.parametrize(
    ("interval_seconds", "written"), [(0.0, [(3, 10), (4, 10)]), (3600.0, [(0, None), (0, None)])]
)
def test_progress_is_written_down_once_an_interval(
    make_converter: MakeConverter,
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    interval_seconds: float,
    written: list[tuple[int, int | None]],
) -> None:
    document_id, _ = documents.add_document(database, settings=settings)
    monkeypatch.setattr("ilios.conversion.converter.PROGRESS_INTERVAL_SECONDS", interval_seconds)
    seen: list[tuple[int, int | None]] = []

    def report(source: Source, options: Options, workspace: Path, progress: Progress) -> Conversion:
        for done in (3, 4):
            progress(done, 10)
            row = documents.document(database, document_id)
            seen.append((row.pages_done, row.page_count))
        return two_pages(source, options, workspace, progress)

    make_converter(Scripted(report)).run(claim(database))

    assert seen == written


def test_a_progress_note_that_meets_a_lock_costs_nothing(
    make_converter: MakeConverter,
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document_id, _ = documents.add_document(database, settings=settings)
    monkeypatch.setattr("ilios.conversion.converter.PROGRESS_INTERVAL_SECONDS", 0.0)

    def report(source: Source, options: Options, workspace: Path, progress: Progress) -> Conversion:
        with monkeypatch.context() as patch:
            patch.setattr(type(database), "writing", locked)
            progress(1, 2)
        return two_pages(source, options, workspace, progress)

    make_converter(Scripted(report)).run(claim(database))

    assert documents.document(database, document_id).status is DocumentStatus.COMPLETED


def locked(*_: object) -> NoReturn:
    raise DatabaseBusy("The database is locked.")


def test_a_result_that_cannot_be_stored_is_tried_again_not_lost(
    make_converter: MakeConverter, settings: Settings, database: Database
) -> None:
    _, job_id = documents.add_document(database, settings=settings)

    def unstorable(*_: object) -> Conversion:
        return Conversion((Page(0, "half a pair: \ud83d"),), Usage(pages=1, model="test"))

    make_converter(Scripted(unstorable)).run(claim(database))

    job = documents.job(database, job_id)
    assert (job.status, job.attempts) == (JobStatus.PENDING, 1)


def test_every_conversion_error_has_a_code_of_its_own() -> None:
    ours = [
        error
        for error in all_subclasses(ConversionError)
        if error.__module__ == conversion_errors.__name__ and "code" in vars(error)
    ]
    codes = [error.code for error in ours]

    assert len(codes) == len(set(codes))


def all_subclasses(parent: type[ConversionError]) -> list[type[ConversionError]]:
    return [one for child in parent.__subclasses__() for one in (child, *all_subclasses(child))]


@pytest.mark.parametrize("moment", ["a page", "the end"])
def test_a_result_that_would_take_the_reserve_is_not_stored(
    database: Database,
    settings: Settings,
    make_converter: MakeConverter,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Nothing of it is, and the job waits for room without an attempt less."""
    free = settings.min_free_disk_bytes + 10 * MIB
    monkeypatch.setattr(disk_space, "free_bytes", lambda _folder: free)

    def act(_source: Source, _options: Options, _workspace: Path, progress: Progress) -> Conversion:
        nonlocal free
        if moment == "a page":
            free = 0
            progress(1, 2)
        return Conversion((Page(0, "\u2603" * 2 * MIB),), Usage(pages=1, model="test-model"))

    document_id, job_id = documents.add_document(database, settings=settings)

    make_converter(Scripted(act)).run(claim(database))

    job = documents.job(database, job_id)
    assert (job.status, job.attempts) == (JobStatus.PENDING, 0)
    assert "MIN_FREE_DISK_BYTES" in (job.error or "")
    assert documents.document(database, document_id).pages_done == 0
