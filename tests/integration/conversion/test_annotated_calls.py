"""Fields by a schema: paid at the annotated price, once, and kept whatever came."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from ilios.accounts import quotas
from ilios.accounts.quotas import Amount
from ilios.conversion import converter
from ilios.conversion.recorder import Recorder
from ilios.core import clock, data_folder
from ilios.core.conversion_errors import BudgetSpent, CostAboveLimit
from ilios.core.errors import DatabaseBusy
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import CallState, Document, DocumentStatus
from ilios.documents import removal
from ilios.engines import page_details
from ilios.engines.base import Options
from ilios.engines.mistral import engine as mistral_engine
from ilios.engines.mistral.engine import MistralEngine
from ilios.workers.dispatcher import Dispatcher
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import jpeg, pdf
from tests.support import annotating, batching
from tests.support.annotating import (
    ANNOTATED_MICROS,
    IMAGE_SCHEMA,
    PLAIN_MICROS,
    SCHEMA,
    MistralWorker,
    asking,
)
from tests.support.batching import LaneWorker
from tests.support.issuing import issue

pytestmark = pytest.mark.both_databases

THREE_PAGES = pdf("Page 1", "Page 2", "Page 3")
WITH_IMAGES = pdf("Figures", "More of them", image=jpeg())
FITTING = {"total": 0.0}


@pytest.fixture(scope="module")
def server() -> Iterator[MistralServer]:
    with MistralServer() as server:
        yield server


@pytest.fixture
def provider(server: MistralServer) -> MistralServer:
    server.reset()
    return server


@pytest.fixture
def paying(settings: Settings, provider: MistralServer) -> Settings:
    return batching.pointing_at(settings, provider, split_pages=2)


@pytest.fixture(scope="module")
def opened(server: MistralServer) -> Iterator[MistralEngine]:
    """Share an engine, and so its parser children, among the tests of the module."""
    pointed = batching.pointing_at(Settings(), server, split_pages=2)
    engine = MistralEngine(pointed, "instance0of0these0tests0")
    yield engine
    engine.close()


@pytest.fixture
def worker(paying: Settings, database: Database, opened: MistralEngine) -> MistralWorker:
    return MistralWorker(paying, database, opened)


@pytest.fixture
def lane_worker(paying: Settings, database: Database, opened: MistralEngine) -> LaneWorker:
    return LaneWorker(paying, database, opened)


@pytest.fixture
def submit(paying: Settings, database: Database) -> Callable[..., str]:
    def submit(content: bytes, options: Options, **changes: Any) -> str:
        changes = {"in_batch_lane": False, **changes}
        (document_id,) = batching.submit(paying, database, [content], options, **changes)
        return document_id

    return submit


@pytest.fixture
def assert_exact(database: Database, provider: MistralServer) -> Callable[[], None]:
    """Assert that the ledger is the provider's bill, to the micro-dollar."""

    def check() -> None:
        calls = batching.calls(database)
        assert annotating.settled_micros(calls) == annotating.billed_micros(provider.journal())
        assert CallState.OPEN not in {call.state for call in calls}

    return check


def document(database: Database, document_id: str) -> Document:
    (found,) = batching.documents(database, [document_id])
    return found


def extracted(database: Database, document_id: str) -> Any:
    row = annotating.extraction(database, document_id)
    assert row is not None
    assert row.answer is not None
    return json.loads(row.answer)


def warnings_of(database: Database, document_id: str) -> list[tuple[str, int | None]]:
    noted = document(database, document_id).warnings
    return [(warning["code"], warning["page"]) for warning in noted]


@pytest.mark.parametrize("in_batch_lane", [False, True])
@pytest.mark.parametrize(
    ("options", "page_micros"),
    [
        (Options(), PLAIN_MICROS),
        (asking(), ANNOTATED_MICROS),
        (asking(None, IMAGE_SCHEMA), ANNOTATED_MICROS),
        (asking(SCHEMA, IMAGE_SCHEMA, "In euros."), ANNOTATED_MICROS),
    ],
)
def test_each_page_costs_the_price_of_what_is_asked(
    submit: Callable[..., str], worker: MistralWorker, lane_worker: LaneWorker,
    database: Database, assert_exact: Callable[[], None],
    options: Options, page_micros: int, in_batch_lane: bool,
) -> None:  # fmt: skip
    document_id = submit(THREE_PAGES, options, in_batch_lane=in_batch_lane)

    if in_batch_lane:
        lane_worker.work()
    else:
        worker.work()

    assert document(database, document_id).status is DocumentStatus.COMPLETED
    calls = batching.calls(database)
    assert sum(call.pages for call in calls) == 3
    assert {call.price_micros for call in calls} == {page_micros // (1 + in_batch_lane)}
    assert {call.is_annotated for call in calls} == {options.is_annotated}
    assert len(calls) == (1 if options.goes_in_one_call else 2)
    assert_exact()
    if options.goes_in_one_call:
        assert extracted(database, document_id) == FITTING
    assert warnings_of(database, document_id) == []


def test_images_have_annotations_that_are_kept_with_their_page(
    submit: Callable[..., str], worker: MistralWorker, database: Database
) -> None:
    document_id = submit(WITH_IMAGES, asking(None, IMAGE_SCHEMA))

    worker.work()

    for row in batching.pages(database, document_id):
        (told,) = page_details.decode(row.details).images.values()
        assert json.loads(told.annotation or "") == {"caption": ""}
    assert warnings_of(database, document_id) == []


def test_what_was_asked_before_answers_the_same_schema_alone(
    submit: Callable[..., str], worker: MistralWorker, database: Database,
    assert_exact: Callable[[], None],
) -> None:  # fmt: skip
    first = submit(THREE_PAGES, asking())
    worker.work()
    other = json.dumps({"type": "object", "properties": {"number": {"type": "string"}}})

    same = submit(THREE_PAGES, asking())
    others = [
        submit(THREE_PAGES, options)
        for options in (Options(), asking(other), asking(instructions="In euros."))
    ]

    assert document(database, same).result_of == first
    assert annotating.extraction(database, same) is None  # it shows that of the first
    assert [document(database, one).result_of for one in others] == [None] * 3
    worker.work()
    assert_exact()


@pytest.mark.parametrize(
    ("annotations", "words"),
    [("unfitting", "does not fit"), ("broken", "is missing, cut or no JSON")],
)
@pytest.mark.parametrize("in_batch_lane", [False, True])
def test_what_does_not_fit_is_paid_for_and_kept_with_a_warning(
    submit: Callable[..., str], worker: MistralWorker, lane_worker: LaneWorker,
    database: Database, provider: MistralServer, assert_exact: Callable[[], None],
    annotations: str, words: str, in_batch_lane: bool,
) -> None:  # fmt: skip
    provider.control(annotations=annotations)
    document_id = submit(WITH_IMAGES, asking(SCHEMA, IMAGE_SCHEMA), in_batch_lane=in_batch_lane)

    if in_batch_lane:
        lane_worker.work()
    else:
        worker.work()

    completed = document(database, document_id)
    assert completed.status is DocumentStatus.COMPLETED
    assert [(one["code"], one["page"]) for one in completed.warnings] == [
        ("schema_mismatch", None),
        ("schema_mismatch", 1),
        ("schema_mismatch", 2),
    ]
    assert all(words in one["message"] for one in completed.warnings)
    row = annotating.extraction(database, document_id)
    assert row is not None
    assert row.answer
    assert_exact()


def test_no_extraction_at_all_is_told_and_not_asked_for_again(
    submit: Callable[..., str], worker: MistralWorker, database: Database,
    provider: MistralServer, assert_exact: Callable[[], None],
) -> None:  # fmt: skip
    provider.control(faults=[{"on": "ocr", "kind": "odd", "body": {"document_annotation": None}}])
    document_id = submit(THREE_PAGES, asking())

    worker.work()

    assert warnings_of(database, document_id) == [("schema_mismatch", None)]
    row = annotating.extraction(database, document_id)
    assert row is not None
    assert row.answer == ""
    assert_exact()


def test_missing_pages_are_asked_for_again_at_the_plain_price_and_the_extraction_stays(
    submit: Callable[..., str], worker: MistralWorker, database: Database,
    provider: MistralServer, assert_exact: Callable[[], None],
) -> None:  # fmt: skip
    provider.control(faults=[{"on": "ocr", "kind": "too_few_pages", "times": 1}])
    document_id = submit(THREE_PAGES, asking())

    worker.work()

    assert document(database, document_id).status is DocumentStatus.COMPLETED
    assert [call.annotated for call in provider.journal().calls] == [True, False]
    assert sorted((call.pages, call.price_micros) for call in batching.calls(database)) == [
        (1, PLAIN_MICROS),
        (2, ANNOTATED_MICROS),
    ]
    assert extracted(database, document_id) == FITTING
    assert warnings_of(database, document_id) == []
    assert_exact()


def test_annotations_of_images_are_asked_for_with_missing_pages_too(
    submit: Callable[..., str], worker: MistralWorker, database: Database,
    provider: MistralServer, assert_exact: Callable[[], None],
) -> None:  # fmt: skip
    provider.control(faults=[{"on": "ocr", "kind": "too_few_pages", "times": 1}])
    document_id = submit(WITH_IMAGES, asking(SCHEMA, IMAGE_SCHEMA))

    worker.work()

    assert [call.annotated for call in provider.journal().calls] == [True, True]
    assert len(batching.pages(database, document_id)) == 2
    assert warnings_of(database, document_id) == []
    assert_exact()


@pytest.mark.parametrize("is_deleted", [False, True])
def test_an_answer_from_before_a_crash_costs_what_its_call_was_to_cost(
    submit: Callable[..., str], worker: MistralWorker, paying: Settings, database: Database,
    assert_exact: Callable[[], None], monkeypatch: pytest.MonkeyPatch, is_deleted: bool,
) -> None:  # fmt: skip
    document_id = submit(THREE_PAGES, asking())
    lease = worker.claim()
    assert lease is not None

    def refuse(*_: object) -> None:
        raise DatabaseBusy("The database is locked.")

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "store", refuse)
        with pytest.raises(DatabaseBusy):
            worker.converter.run(lease)
    Dispatcher(database, paying.ambiguous_retries).give_back([lease])
    if is_deleted:
        with database.writing() as session:
            removal.tombstone(session, document_id, document_id, clock.now())
    monkeypatch.setattr(converter, "UNCOLLECTED_SECONDS", -1.0)
    worker.converter.collect_leftovers()

    (call,) = batching.calls(database)
    assert (call.state, call.pages, call.price_micros) == (CallState.SETTLED, 3, ANNOTATED_MICROS)
    assert list(data_folder.answers(paying).iterdir()) == []
    assert_exact()
    if is_deleted:
        assert annotating.extraction(database, document_id) is None
    else:
        assert extracted(database, document_id) == FITTING


@pytest.mark.parametrize("in_batch_lane", [False, True])
def test_a_document_beyond_one_call_fails_unpaid(
    submit: Callable[..., str], worker: MistralWorker, lane_worker: LaneWorker,
    database: Database, provider: MistralServer, monkeypatch: pytest.MonkeyPatch,
    in_batch_lane: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr(mistral_engine, "DOCUMENT_MAX_PAGES", 2)
    document_id = submit(THREE_PAGES, asking(), in_batch_lane=in_batch_lane)

    if in_batch_lane:
        lane_worker.work()
    else:
        worker.work()

    failed = document(database, document_id)
    assert (failed.status, failed.error_code) == (
        DocumentStatus.FAILED,
        "schema_document_too_long",
    )
    assert "3 pages" in (failed.error or "")
    assert not failed.engine_fault
    assert batching.calls(database) == []
    assert [call for call in provider.journal().calls if call.kind in ("ocr", "batch")] == []


def test_a_document_that_may_lack_pages_is_not_halved_when_it_has_a_schema(
    submit: Callable[..., str], worker: MistralWorker, database: Database,
    provider: MistralServer,
) -> None:  # fmt: skip
    provider.control(faults=[{"on": "ocr", "error": "document_parser_invalid_file"}])
    document_id = submit(THREE_PAGES, asking(allow_partial=0.5))

    worker.work()

    assert document(database, document_id).error_code == "corrupt_document"
    assert len(provider.journal().calls) == 1


def test_the_highest_cost_of_a_document_is_at_the_annotated_price(
    submit: Callable[..., str], worker: MistralWorker, database: Database
) -> None:
    limit = 3 * PLAIN_MICROS
    plain = submit(THREE_PAGES, Options(max_cost_micros=limit))
    annotated = submit(THREE_PAGES, asking(max_cost_micros=limit))

    worker.work()

    assert document(database, plain).status is DocumentStatus.COMPLETED
    assert document(database, annotated).error_code == "cost_above_limit"
    with pytest.raises(CostAboveLimit, match=r"\$0\.005"):
        submit(pdf("Another"), asking(max_cost_micros=PLAIN_MICROS))


@pytest.mark.parametrize("in_batch_lane", [False, True])
@pytest.mark.parametrize("pages", [2, 3])
def test_a_budget_covers_annotated_pages_to_the_micro_dollar(
    submit: Callable[..., str], worker: MistralWorker, lane_worker: LaneWorker,
    database: Database, provider: MistralServer, pages: int, in_batch_lane: bool,
) -> None:  # fmt: skip
    page_micros = ANNOTATED_MICROS // (1 + in_batch_lane)
    owner = issue(database, budget_micros_month=pages * page_micros).key.owner
    document_id = submit(THREE_PAGES, asking(), owner=owner, in_batch_lane=in_batch_lane)

    if in_batch_lane:
        lane_worker.work()
    else:
        worker.work()

    with database.reading() as session:
        spent = quotas.used(session, owner, date(2000, 1, 1), date(2100, 1, 1))
        assert quotas.reserved(session, owner) == quotas.NOTHING
    if pages == 3:
        assert document(database, document_id).status is DocumentStatus.COMPLETED
        assert spent == Amount(3, 3 * page_micros)
        with pytest.raises(BudgetSpent):
            submit(pdf("Another"), asking(), owner=owner)
    else:
        assert document(database, document_id).error_code == "budget_spent"
        assert spent == quotas.NOTHING
        assert not any(call.pages_billed for call in provider.journal().calls)


def test_what_a_schema_leads_to_costs_a_warning_and_no_document(
    submit: Callable[..., str], worker: MistralWorker, database: Database,
    assert_exact: Callable[[], None],
) -> None:  # fmt: skip
    document_id = submit(THREE_PAGES, asking('{"$ref":"#"}'))

    worker.work()

    (warning,) = document(database, document_id).warnings
    assert (warning["code"], "lead in a circle" in warning["message"]) == (
        "schema_not_checked",
        True,
    )
    assert_exact()


@pytest.mark.parametrize("in_batch_lane", [False, True])
def test_answers_that_were_not_compared_in_time_are_not_said_to_differ(
    submit: Callable[..., str], worker: MistralWorker, lane_worker: LaneWorker,
    opened: MistralEngine, database: Database, assert_exact: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch, in_batch_lane: bool,
) -> None:  # fmt: skip
    document_id = submit(
        WITH_IMAGES, asking(SCHEMA, IMAGE_SCHEMA), owner="slow", in_batch_lane=in_batch_lane
    )
    monkeypatch.setattr(opened._schema_checks, "_wait_seconds", 0.0)

    with opened._schema_checks._places.held("slow"):  # of which the owner has one at a time
        if in_batch_lane:
            lane_worker.work()
        else:
            worker.work()

    completed = document(database, document_id)
    assert completed.status is DocumentStatus.COMPLETED
    assert [(one["code"], one["page"]) for one in completed.warnings] == [
        ("schema_not_checked", None),
        ("schema_not_checked", 1),
        ("schema_not_checked", 2),
    ]
    assert all("compared before" in one["message"] for one in completed.warnings)
    assert extracted(database, document_id) == FITTING
    assert_exact()
