"""A week of use, with workers killed in it: quotas and costs are exact all the while."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from ilios.accounts import ledger_sums, quotas
from ilios.accounts.key_admin import Issued
from ilios.accounts.quotas import Amount
from ilios.api import app
from ilios.api.services import EXTENSION
from ilios.core.settings import Settings
from ilios.db.models import Document, DocumentStatus
from ilios.db.sqlite_database import SqliteDatabase
from ilios.engines.registry import MISTRAL
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support.api_callers import Caller
from tests.support.issuing import ShiftedClock, issue
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

FIRST_DAY = datetime(2026, 11, 27, 8, tzinfo=UTC)
PAGE_MICROS = 5200  #: of the default model, with the margin of 30 %
PAGES_A_DAY = 12
BUDGET_PAGES = 40  #: a month: of four days in November the last one meets it
LENGTHS = (3, 2, 4)  #: pages of what is sent each morning
LATENCY_MS = 300
HELD_MS = 60_000  #: on a day with a kill, until one is in flight
KILLED_ON = {1: "worker", 3: "worker", 5: "tree"}


class Week:
    """A service whose clock the test moves, and one key of it."""

    def __init__(self, settings: Settings, provider: MistralServer, clock: ShiftedClock) -> None:
        self.settings = settings
        self.provider = provider
        self.clock = clock
        self.database = SqliteDatabase(settings.database_path)
        self.key: Issued = issue(
            self.database,
            pages_per_day=PAGES_A_DAY,
            budget_micros_month=BUDGET_PAGES * PAGE_MICROS,
        )
        self.app = app.build(settings)
        self.caller = Caller(self.app.test_client(), self.key.secret)
        self.sent = 0
        self.start()

    def start(self) -> None:
        self.supervisor = SupervisorProcess(
            self.settings, "real", hurried=True, clock=self.clock.path
        )
        self.supervisor.wait_until_ready()

    def close(self) -> None:
        self.supervisor.close()
        self.app.extensions[EXTENSION].close()
        self.database.close()

    def send(self, pages: int) -> int:
        """Submit a document that nobody has sent before; returns the status of the answer."""
        self.sent += 1
        content = pdf(*(f"Document {self.sent}, page {page}" for page in range(pages)))
        form = {"file": (io.BytesIO(content), f"{self.sent}.pdf")}
        return self.caller.post("/api/documents/submit", form).status_code

    def kill(self, what: str) -> None:
        """Send SIGKILL while a call is in flight."""
        wait_until(lambda: self.provider.stats().in_flight, timeout_s=30)
        if what == "tree":
            self.supervisor.kill_tree()
        else:
            for worker in self.supervisor.workers:
                os.kill(worker.pid, signal.SIGKILL)
        self.provider.control(latency_ms=LATENCY_MS)
        if what == "tree":
            self.start()

    def wait(self) -> None:
        wait_until(lambda: self._open() == 0, timeout_s=90)

    def used(self, day: datetime) -> Amount:
        return self._used(*quotas.day_of(day))

    def used_in_month(self, day: datetime) -> Amount:
        return self._used(*quotas.month_of(day))

    def totals(self) -> ledger_sums.Totals:
        with self.database.reading() as session:
            return ledger_sums.summary(session, self.key.key.owner, ledger_sums.Period())

    def converted_pages(self) -> int:
        with self.database.reading() as session:
            pages = func.coalesce(func.sum(Document.page_count), 0)
            completed = Document.status == DocumentStatus.COMPLETED
            return session.scalars(select(pages).where(completed)).one() or 0

    def reserved(self) -> Amount:
        with self.database.reading() as session:
            return quotas.reserved(session, self.key.key.owner)

    def _open(self) -> int:
        ended = (DocumentStatus.COMPLETED, DocumentStatus.FAILED)
        with self.database.reading() as session:
            still_open = select(func.count()).where(Document.status.not_in(ended))
            return session.scalars(still_open).one()

    def _used(self, *days: object) -> Amount:
        with self.database.reading() as session:
            return quotas.used(session, self.key.key.owner, *days)  # type: ignore[arg-type]


@pytest.fixture
def week(
    settings: Settings,
    mistral_server: MistralServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Week]:
    mistral_server.control(latency_ms=LATENCY_MS)
    changed = {
        "ocr_engine": MISTRAL,
        "mistral_api_key": SecretStr(API_KEY),
        "mistral_server_url": mistral_server.url,
    }
    clock = ShiftedClock(monkeypatch, tmp_path / "clock", FIRST_DAY)
    week = Week(settings.model_copy(update=changed), mistral_server, clock)
    yield week
    week.close()


def test_a_week_is_counted_to_the_page_and_the_micro_dollar(week: Week) -> None:
    refusals = []
    for number in range(7):
        day = FIRST_DAY + timedelta(days=number)
        week.clock.set(day)
        if number in KILLED_ON:
            week.provider.control(latency_ms=HELD_MS)
        morning = [week.send(pages) for pages in LENGTHS]
        if number in KILLED_ON:
            week.kill(KILLED_ON[number])
        week.wait()
        while (refusal := week.send(1)) == 202:
            week.wait()
        refusals.append(refusal)

        assert set(morning) <= {202, 402}
        left = BUDGET_PAGES - (week.used_in_month(day).pages - week.used(day).pages)
        assert week.used(day).pages == min(PAGES_A_DAY, left)
        assert week.used_in_month(day).cost_micros == week.used_in_month(day).pages * PAGE_MICROS
        assert week.reserved() == quotas.NOTHING

    assert refusals == [429, 429, 429, 402, 429, 429, 429]
    assert week.used_in_month(FIRST_DAY) == Amount(BUDGET_PAGES, BUDGET_PAGES * PAGE_MICROS)
    totals = week.totals()
    assert totals.pages == week.converted_pages() == BUDGET_PAGES + 3 * PAGES_A_DAY
    assert totals.cost_micros == totals.pages * PAGE_MICROS
    billed = week.provider.stats().billed_pages
    assert totals.pages <= billed <= totals.pages + totals.ambiguous_pages
    assert totals.ambiguous_calls
