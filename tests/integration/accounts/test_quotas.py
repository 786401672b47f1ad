"""Quotas: exact to the page and the micro-dollar, at submit and before each call."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from ilios.accounts import ledger, quotas
from ilios.accounts.quotas import Amount
from ilios.conversion.converter import Converter
from ilios.core import clock, ids
from ilios.core.conversion_errors import BudgetSpent, CostAboveLimit, DailyPagesSpent
from ilios.core.prices import Charge
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus
from ilios.documents.admission import Order
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.engines.base import Engine, Options
from ilios.engines.page_selection import PageSelection
from ilios.engines.registry import EMBEDDED, MISTRAL
from ilios.queue.notify import Notifier
from ilios.storage.base import ObjectStore
from ilios.workers.dispatcher import Dispatcher, FreeSlot, Offer
from tests.integration.conversion.test_paid_calls import LineEngine
from tests.support import documents, working
from tests.support.api_working import TextEngine
from tests.support.issuing import MovableClock, issue

pytestmark = pytest.mark.both_databases

PAGE_MICROS = 1300  #: of tests.support.working
MISTRAL_MICROS = 5200  #: of the default model, with the margin

Receive = Callable[..., Received]


class PricedEngine(LineEngine):
    """Asks for the model that answers it."""

    def model(self, options: Options) -> str:
        return "test-model"


@pytest.fixture
def paid(
    settings: Settings, database: Database, store: ObjectStore, notifier: Notifier
) -> Submissions:
    """Return what takes documents in for Mistral."""
    changed = {"mistral_api_key": SecretStr("key"), "ocr_engine": MISTRAL}
    return Submissions(settings.model_copy(update=changed), database, store, notifier)


def order(owner: str, **options: Any) -> Order:
    return Order(owner=owner, options=Options(**options))


def lines(count: int, name: str = "line") -> bytes:
    return "\n".join(f"{name} {number}" for number in range(count)).encode()


def held(database: Database, owner: str) -> Amount:
    with database.reading() as session:
        return quotas.reserved(session, owner)


def spent(database: Database, owner: str) -> Amount:
    with database.reading() as session:
        return quotas.used(session, owner, date(2000, 1, 1), date(2100, 1, 1))


def work(database: Database, converter: Converter, lane: str) -> None:
    dispatcher = Dispatcher(database, 2)
    while claimed := dispatcher.claim(Offer([FreeSlot(lane, "test/0")])):
        for _, lease in claimed:
            converter.run(lease)


def pending(database: Database, settings: Settings, owner: str, count: int) -> str:
    """Return a document of so many lines for the paid engine, as a key with quotas sends it."""
    document_id, _ = documents.add_document(
        database, settings=settings, owner=owner, content=lines(count, ids.new_id()), lane=MISTRAL
    )
    with database.writing() as session:
        session.execute(
            update(Document)
            .where(Document.id == document_id)
            .values(reserved_pages=1, reserved_micros=PAGE_MICROS)
        )
    return document_id


@pytest.fixture
def paying(settings: Settings, database: Database, store: ObjectStore) -> Converter:
    return working.converter(settings, database, store, PricedEngine(), lane=MISTRAL)


def test_the_last_page_of_the_budget_is_taken_and_no_other(
    paid: Submissions, database: Database, receive: Receive
) -> None:
    owner = issue(database, budget_micros_month=2 * MISTRAL_MICROS).key.owner
    paid.submit(receive(b"one"), order(owner))
    paid.submit(receive(b"two"), order(owner))

    with pytest.raises(BudgetSpent, match=r"\$0\.0104 a month, \$0\.00 of it spent") as caught:
        paid.submit(receive(b"three"), order(owner))

    assert "The month ends at" in caught.value.detail
    assert held(database, owner) == Amount(2, 2 * MISTRAL_MICROS)
    assert len(documents.documents(database)) == 2


def test_the_pages_of_a_day_are_refused_until_midnight(
    submissions: Submissions, database: Database, receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving = MovableClock(monkeypatch)
    owner = issue(database, pages_per_day=3).key.owner
    submissions.submit(receive(b"a"), order(owner, pages=PageSelection.parse("1-3")))

    with pytest.raises(DailyPagesSpent, match="3 a day, 0 of them used") as caught:
        submissions.submit(receive(b"b"), order(owner))

    moving.advance(seconds=caught.value.retry_after_seconds)
    assert moving.now == datetime(2026, 11, 26, tzinfo=UTC)


def test_a_batch_is_taken_whole_or_not_at_all(
    submissions: Submissions,
    database: Database,
    receive: Receive,
    stored_files: Callable[[], list[Any]],
) -> None:
    owner = issue(database, pages_per_day=2).key.owner

    with pytest.raises(DailyPagesSpent):
        submissions.submit_batch([receive(b"1"), receive(b"2"), receive(b"3")], order(owner))

    assert documents.documents(database) == []
    assert held(database, owner) == quotas.NOTHING
    assert [path for path in stored_files() if "objects" in path.parts] == []


def test_the_same_bytes_again_need_no_room(
    submissions: Submissions, database: Database, receive: Receive
) -> None:
    owner = issue(database, pages_per_day=1).key.owner
    first = submissions.submit(receive(b"same"), order(owner))

    second = submissions.submit(receive(b"same"), order(owner))

    assert second.result_of == first.id
    assert held(database, owner).pages == 1


def test_two_submits_at_once_cannot_both_take_the_last_page(
    submissions: Submissions, database: Database, receive: Receive
) -> None:
    owner = issue(database, pages_per_day=5).key.owner

    def submit(number: int) -> bool:
        try:
            submissions.submit(receive(f"document {number}".encode()), order(owner))
        except DailyPagesSpent:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        taken = sum(pool.map(submit, range(40)))

    assert taken == 5


def test_owners_without_a_quota_reserve_nothing(
    submissions: Submissions, database: Database, receive: Receive
) -> None:
    for owner in ("anonymous", issue(database).key.owner):
        document_id = submissions.submit(receive(b"x"), order(owner)).id
        with database.reading() as session:
            assert session.get_one(Document, document_id).reserved_pages == 0


def test_a_document_beyond_the_budget_fails_once_it_is_counted_and_costs_nothing(
    settings: Settings, database: Database, paying: Converter
) -> None:
    owner = issue(database, budget_micros_month=10 * PAGE_MICROS).key.owner
    fits = pending(database, settings, owner, 7)
    too_long = pending(database, settings, owner, 4)
    short = pending(database, settings, owner, 3)

    work(database, paying, MISTRAL)

    ended = {one: documents.document(database, one) for one in (fits, too_long, short)}
    assert ended[fits].status is DocumentStatus.COMPLETED
    assert (ended[too_long].status, ended[too_long].error_code) == (
        DocumentStatus.FAILED, "budget_spent",
    )  # fmt: skip
    assert "The month ends at" in (ended[too_long].error or "")
    assert ended[short].status is DocumentStatus.COMPLETED
    assert spent(database, owner) == Amount(10, 10 * PAGE_MICROS)
    assert held(database, owner) == quotas.NOTHING


def test_what_a_call_settles_moves_from_reserved_to_used(
    settings: Settings, database: Database, paying: Converter
) -> None:
    owner = issue(database, pages_per_day=100).key.owner
    pending(database, settings, owner, 8)  # three ranges
    dispatcher = Dispatcher(database, 2)
    seen = []
    while claimed := dispatcher.claim(Offer([FreeSlot(MISTRAL, "test/0")])):
        for _, lease in claimed:
            paying.run(lease)
        seen.append((held(database, owner).pages, spent(database, owner).pages))

    assert seen == [(8, 0), (5, 3), (2, 6), (0, 8)]


@pytest.mark.parametrize(("quota", "status"), [(5, "completed"), (4, "failed")])
def test_the_embedded_engine_keeps_nothing_that_is_beyond_the_day(
    settings: Settings, database: Database, store: ObjectStore, submissions: Submissions,
    receive: Receive, quota: int, status: str,
) -> None:  # fmt: skip
    class FreeEngine(TextEngine):
        is_paid = False

    owner = issue(database, pages_per_day=quota).key.owner
    document = submissions.submit(receive(lines(5)), order(owner))

    engine: Engine = FreeEngine(settings)
    work(database, working.converter(settings, database, store, engine), EMBEDDED)

    ended = documents.document(database, document.id)
    assert ended.status.value == status
    assert spent(database, owner).pages == (5 if status == "completed" else 0)
    assert ended.error_code == (None if status == "completed" else "daily_pages_spent")


def test_a_new_month_is_a_new_budget(
    settings: Settings, database: Database, paying: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving = MovableClock(monkeypatch)
    owner = issue(database, budget_micros_month=3 * PAGE_MICROS).key.owner
    pending(database, settings, owner, 3)
    work(database, paying, MISTRAL)
    with database.writing() as session, pytest.raises(BudgetSpent):
        quotas.admit(session, owner, lambda: Amount(1, 1), clock.now())

    moving.set(datetime(2026, 12, 1, tzinfo=UTC))

    with database.writing() as session:
        assert quotas.admit(session, owner, lambda: Amount(1, 3 * PAGE_MICROS), clock.now())


def test_a_cost_above_the_limit_is_refused_at_submit_where_it_can_be_known(
    paid: Submissions, database: Database, receive: Receive
) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(64)
    paid.submit(receive(png, "a.png"), order("a", max_cost_micros=MISTRAL_MICROS))

    with pytest.raises(CostAboveLimit, match=r"\$0\.0052 or more \(1 page\).*\$0\.0051"):
        paid.submit(receive(png + b"1", "b.png"), order("a", max_cost_micros=5100))

    assert len(documents.documents(database)) == 1


def test_a_cost_limit_makes_no_duplicate_another_document(
    paid: Submissions, database: Database, receive: Receive
) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(64)
    first = paid.submit(receive(png, "a.png"), order("a"))

    second = paid.submit(receive(png, "b.png"), order("a", max_cost_micros=1))

    assert second.result_of == first.id


def test_a_cost_above_the_limit_fails_the_document_once_it_is_counted(
    settings: Settings, database: Database, paying: Converter
) -> None:
    document_id = pending(database, settings, "a", 4)
    with database.writing() as session:
        changed = {"options": {"max_cost_micros": 4 * PAGE_MICROS - 1}}
        session.execute(update(Document).where(Document.id == document_id).values(**changed))

    work(database, paying, MISTRAL)

    ended = documents.document(database, document_id)
    assert (ended.status, ended.error_code) == (DocumentStatus.FAILED, "cost_above_limit")
    assert documents.calls(database) == []


def test_no_document_joins_one_that_its_own_cost_limit_may_end(
    paid: Submissions, database: Database, receive: Receive
) -> None:
    careful = paid.submit(receive(b"same"), order("a"))
    with database.writing() as session:
        changed = {"options": {"max_cost_micros": 1}}
        session.execute(update(Document).where(Document.id == careful.id).values(**changed))

    careless = paid.submit(receive(b"same"), order("a"))
    third = paid.submit(receive(b"same"), order("a"))

    assert careless.result_of is None
    assert third.result_of == careless.id


def test_sums_by_day_are_those_of_the_ledger(database: Database) -> None:
    now = clock.now()
    document_id, job_id = documents.add_document(database, owner="a")
    document = documents.document(database, document_id)
    with database.writing() as session:
        for pages in (1, 2, 3):
            intent = ledger.Intent(job_id, "e", "m", None)
            call_id = ledger.open_call(session, document, intent, now)
            for _ in range(2):  # an answer that is met twice counts once
                used = ledger.Used(pages, "m", 1, Charge(1, 0, pages, pages))
                ledger.settle(session, call_id, used, now)

    assert spent(database, "a") == Amount(6, 6)
