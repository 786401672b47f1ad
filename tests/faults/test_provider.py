"""A provider that misbehaves: every document ends for the right reason, and the bill is right."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ilios.accounts import ledger_sums
from ilios.core import data_folder, ids
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus
from ilios.db.sqlite_database import SqliteDatabase
from ilios.documents import page_rows
from ilios.engines.registry import MISTRAL
from ilios.operations import heartbeat
from ilios.operations.heartbeat import BlockReason
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support import documents
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]
HELD_MS = 600_000  #: until the test lets the calls go
CALL_DEADLINE_S = 8  #: far longer than a call takes, however busy the machine is
PATIENT = {"call_deadline_seconds": 600}  #: where calls are held


@pytest.fixture
def provider(mistral_server: MistralServer) -> MistralServer:
    return mistral_server


@dataclass(frozen=True, slots=True)
class Running:
    """A supervisor with its workers, for all tests that leave it alive; an owner for each test."""

    settings: Settings
    database: Database
    owner: str

    def convert(self, *contents: bytes) -> list[Document]:
        """Have documents converted until they have ended; in order of submission."""
        ids = [submit(self.database, self.settings, one, self.owner) for one in contents]
        wait_until(lambda: all(has_ended(self.database, one) for one in ids), timeout_s=60)
        return [documents.document(self.database, one) for one in ids]

    def totals(self) -> ledger_sums.Totals:
        return totals(self.database, self.owner)


@pytest.fixture(scope="module")
def place(
    mistral_process: MistralServer, migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Settings, Database]]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), log_format="console")
    data_folder.prepare(settings)
    shutil.copy(migrated_file, settings.database_path)
    changed = settings.model_copy(update=mistral(mistral_process))
    supervisor = SupervisorProcess(changed, "real", hurried=True)
    database = SqliteDatabase(settings.database_path)
    supervisor.wait_until_ready()
    yield settings, database
    supervisor.close()
    database.close()


@pytest.fixture
def running(place: tuple[Settings, Database], provider: MistralServer) -> Running:
    return Running(*place, owner=ids.new_id())


@pytest.fixture
def convert(
    provider: MistralServer, start_supervisor: Start, settings: Settings, database: Database
) -> Callable[..., list[Document]]:
    """Have documents converted by workers with settings of their own, once `held` calls wait."""

    def convert(*contents: bytes, held: int = 0, **changes: object) -> list[Document]:
        ids = [submit(database, settings, content) for content in contents]
        start(start_supervisor, provider, **changes)
        if held:
            wait_until(lambda: provider.stats().in_flight >= held, timeout_s=60)
            provider.control(latency_ms=0)
        wait_until(lambda: all(has_ended(database, one) for one in ids), timeout_s=60)
        return [documents.document(database, one) for one in ids]

    return convert


def start(start_supervisor: Start, provider: MistralServer, **changes: object) -> SupervisorProcess:
    return start_supervisor("real", hurried=True, **{**mistral(provider), **changes})


def mistral(provider: MistralServer) -> dict[str, object]:
    """Return settings that lead to the stand-in."""
    return {
        "ocr_engine": MISTRAL,
        "mistral_api_key": SecretStr(API_KEY),
        "mistral_server_url": provider.url,
        "call_deadline_seconds": CALL_DEADLINE_S,
    }


def submit(database: Database, settings: Settings, content: bytes, owner: str = "anonymous") -> str:
    document_id, _ = documents.add_document(
        database,
        settings=settings,
        content=content,
        mime_type="application/pdf",
        lane=MISTRAL,
        owner=owner,
    )
    return document_id


def has_ended(database: Database, document_id: str) -> bool:
    status = documents.document(database, document_id).status
    return status in (DocumentStatus.COMPLETED, DocumentStatus.FAILED)


def some(count: int, pages: int = 1) -> list[bytes]:
    """Return documents that differ."""
    return [
        pdf(*(f"Document {number}, page {page}" for page in range(1, pages + 1)))
        for number in range(1, count + 1)
    ]


def totals(database: Database, owner: str = "anonymous") -> ledger_sums.Totals:
    with database.reading() as session:
        return ledger_sums.summary(session, owner, ledger_sums.Period())


def provider_state(settings: Settings) -> str:
    beat = heartbeat.read(data_folder.supervisor_state(settings))
    return beat.provider if beat else ""


def worker_pids(settings: Settings) -> list[int | None]:
    beat = heartbeat.read(data_folder.supervisor_state(settings))
    return [worker.pid for worker in beat.workers] if beat else []


def assert_bill_is_right(provider: MistralServer, sums: ledger_sums.Totals) -> None:
    """Check that what was billed is in the ledger, or stands beside it as in doubt."""
    billed = provider.stats().billed_pages
    assert sums.pages <= billed <= sums.pages + sums.ambiguous_pages


HARMLESS: dict[str, dict[str, Any]] = {
    "500": {"status": 500, "first": 2},
    "502": {"status": 502, "first": 2},
    "503": {"status": 503, "first": 2},
    "429": {"status": 429, "first": 2, "retry_after": "1"},
    "reset before the work": {"kind": "reset_before", "first": 1},
    "reset after the work": {"kind": "reset_after", "first": 1},
    "truncated JSON": {"kind": "truncate", "first": 1},
    "a cut body": {"kind": "cut", "first": 1},
    "JSON of another shape": {"kind": "wrong_json", "first": 1},
    "a hanging call": {"kind": "hang", "first": 1, "billed": True},
    "a trickle": {"kind": "trickle", "first": 1, "interval_ms": 100},
    "no pages": {"kind": "no_pages", "first": 1},
    "too few pages": {"kind": "too_few_pages", "times": 4},
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_passes_loses_no_document_and_no_page_is_billed_unseen(
    provider: MistralServer, running: Running, name: str
) -> None:
    provider.control(faults=[{"on": "ocr", **HARMLESS[name]}])

    ended = running.convert(*some(4, pages=2))

    assert [(row.status, row.page_count) for row in ended] == [(DocumentStatus.COMPLETED, 2)] * 4
    assert_bill_is_right(provider, running.totals())
    assert running.totals().pages >= 8
    assert provider.stats().files == 0
    # Removed right after the commit that the status shows.
    wait_until(lambda: not list(data_folder.answers(running.settings).iterdir()), timeout_s=20)


ODD: dict[str, dict[str, Any]] = {
    "a count of a million": {"body": {"usage_info": {"pages_processed": 1_000_000}}},
    "no count": {"body": {"usage_info": None}},
    "indexes as text": {"page": {"index": "first"}},
    "controls": {"page": {"markdown": "a\0b\x1b"}},
    "opening brackets": {"page": {"markdown": "![" * 60_000}},
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_is_used_and_paid_for_once(
    provider: MistralServer, running: Running, name: str
) -> None:
    provider.control(faults=[{"on": "ocr", "kind": "odd", **ODD[name]}])
    before = worker_pids(running.settings)

    ended = running.convert(*some(4, pages=2))

    assert [(row.status, row.page_count) for row in ended] == [(DocumentStatus.COMPLETED, 2)] * 4
    sums = running.totals()
    assert sums.pages == provider.stats().billed_pages == 8
    assert (provider.stats().calls["ocr"], sums.ambiguous_calls) == (4, 0)
    assert worker_pids(running.settings) == before


def test_429_burns_no_attempt(provider: MistralServer, running: Running) -> None:
    rule = {"on": "ocr", "status": 429, "first": 5, "retry_after": "0.1"}
    provider.control(faults=[rule])

    (row,) = running.convert(*some(1))

    assert row.status is DocumentStatus.COMPLETED
    own = [job for job in documents.jobs(running.database) if job.document_id == row.id]
    assert [job.attempts for job in own] == [1]
    assert running.totals().ambiguous_calls == 0


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"error": "document_parser_invalid_file"}, "corrupt_document"),
        ({"error": "document_parser_too_many_pages"}, "document_too_large"),
        ({"status": 422}, "refused_by_provider"),
        ({"status": 500}, "provider_unavailable"),
        ({"kind": "reset_after"}, "outcome_unknown"),
        ({"kind": "no_pages"}, "pages_missing"),
    ],
    ids=lambda value: str(value),
)
def test_what_does_not_pass_fails_the_document_with_its_reason(
    provider: MistralServer, running: Running, rule: dict[str, Any], code: str
) -> None:
    provider.control(faults=[{"on": "ocr", **rule}])

    (row,) = running.convert(*some(1))

    assert (row.status, row.error_code) == (DocumentStatus.FAILED, code)
    assert row.error
    assert running.totals().cost_micros == 0
    assert_bill_is_right(provider, running.totals())


def test_a_wrong_key_makes_documents_wait_until_it_is_repaired(
    provider: MistralServer, start_supervisor: Start, settings: Settings, database: Database
) -> None:
    provider.control(keys=["another"])
    document_id = submit(database, settings, some(1)[0])
    supervisor = start(start_supervisor, provider)

    wait_until(lambda: provider_state(settings).startswith("misconfigured: "), timeout_s=30)
    supervisor.wait_until_blocked(BlockReason.PROVIDER_MISCONFIGURED)
    assert "401" in provider_state(settings)
    wait_until(  # now and then its job is the probe that looks whether the key was repaired
        lambda: documents.document(database, document_id).status is DocumentStatus.PENDING, 20
    )

    provider.control(keys=[API_KEY])
    wait_until(lambda: has_ended(database, document_id), timeout_s=30)
    assert documents.document(database, document_id).status is DocumentStatus.COMPLETED
    wait_until(lambda: not provider_state(settings).startswith("misconfigured"), timeout_s=20)
    supervisor.wait_until_blocked(None)


def test_without_a_key_documents_wait_and_others_are_converted(
    provider: MistralServer, start_supervisor: Start, settings: Settings, database: Database
) -> None:
    waiting = submit(database, settings, some(1)[0])
    page, _ = documents.add_document(
        database, settings=settings, content=b"<h1>Hello</h1>", mime_type="text/html"
    )
    supervisor = start(start_supervisor, provider, mistral_api_key=None)
    supervisor.wait_until_blocked(BlockReason.PROVIDER_MISCONFIGURED)

    wait_until(lambda: has_ended(database, page), timeout_s=20)
    assert documents.document(database, page).status is DocumentStatus.COMPLETED
    assert documents.document(database, waiting).status is DocumentStatus.PENDING
    assert "MISTRAL_API_KEY" in provider_state(settings)
    assert "ocr" not in provider.stats().calls


def test_an_outage_stops_dispatch_and_ends_by_itself(
    provider: MistralServer, start_supervisor: Start, settings: Settings, database: Database
) -> None:
    provider.control(faults=[{"on": "ocr", "status": 503}])
    ids = [submit(database, settings, content) for content in some(30)]
    supervisor = start(start_supervisor, provider)
    wait_until(lambda: "paused" in provider_state(settings), timeout_s=20)
    supervisor.wait_until_blocked(BlockReason.PROVIDER_UNAVAILABLE)

    provider.control(faults=[])
    wait_until(lambda: all(has_ended(database, one) for one in ids), timeout_s=40)

    states = [documents.document(database, one).status for one in ids]
    assert states.count(DocumentStatus.COMPLETED) >= 20
    assert provider.stats().billed_pages == totals(database).pages


def test_calls_in_flight_never_exceed_what_is_configured(
    provider: MistralServer, convert: Callable[..., list[Document]]
) -> None:
    provider.control(latency_ms=HELD_MS)

    ended = convert(*some(60), held=8, worker_concurrency=4, **PATIENT)

    assert {row.status for row in ended} == {DocumentStatus.COMPLETED}
    assert provider.stats().peak_in_flight == 8  # of two workers


def test_a_long_document_is_converted_in_ranges_in_order(
    provider: MistralServer, convert: Callable[..., list[Document]], database: Database
) -> None:
    rule = {"on": "ocr", "kind": "reset_before", "every": 5, "times": 3}
    provider.control(latency_ms=50, faults=[rule])

    (row,) = convert(*some(1, pages=205), split_pages=10)

    assert (row.status, row.page_count) == (DocumentStatus.COMPLETED, 205)
    with database.reading() as session:
        pages: list[page_rows.PageColumns] = []
        while len(pages) < 205:
            rest = list(range(len(pages), 205))
            pages += page_rows.pages(session, row.id, rest, "text")
    assert [page.markdown.split()[-1] for page in pages] == [str(n) for n in range(1, 206)]
    assert totals(database).pages == provider.stats().billed_pages == 205


FILES: dict[str, dict[str, Any]] = {
    "the same id for the same bytes": {"same_file_id": True},
    "late visibility": {"file_visible_after_ms": 300},
    "3310 for a vanished file": {"same_file_id": True, "vanished_file": 3310},
}


@pytest.mark.parametrize("name", FILES)
def test_uploaded_files_with_quirks(provider: MistralServer, running: Running, name: str) -> None:
    provider.control(latency_ms=50, **FILES[name])
    heavy = pdf("A heavy page", padding_bytes=6 * 1024 * 1024)

    ended = running.convert(*[heavy] * 4)

    assert {(row.status, row.error) for row in ended} == {(DocumentStatus.COMPLETED, None)}
    assert running.totals().pages == provider.stats().billed_pages == 4
    assert provider.stats().files == 0


def test_a_killed_worker_pays_again_only_for_what_was_in_flight(
    provider: MistralServer, start_supervisor: Start, settings: Settings, database: Database
) -> None:
    provider.control(latency_ms=HELD_MS)
    ids = [submit(database, settings, content) for content in some(12)]
    supervisor = start(start_supervisor, provider, worker_concurrency=3, **PATIENT)
    for calls in (6, 9):  # three of two workers each, then three of the one that takes over
        wait_until(lambda: provider.stats().calls.get("ocr", 0) >= calls, timeout_s=60)  # noqa: B023
        os.kill(supervisor.workers[0].pid, signal.SIGKILL)
    provider.control(latency_ms=0)

    wait_until(lambda: all(has_ended(database, one) for one in ids), timeout_s=60)

    rows = [documents.document(database, one) for one in ids]
    assert {row.status for row in rows} == {DocumentStatus.COMPLETED}
    assert totals(database).pages == 12
    assert_bill_is_right(provider, totals(database))


def test_a_power_cut_in_mid_call_is_visible_and_costs_nobody_a_document(
    provider: MistralServer, start_supervisor: Start, settings: Settings, database: Database
) -> None:
    provider.control(latency_ms=HELD_MS)
    ids = [submit(database, settings, content) for content in some(8)]
    supervisor = start(start_supervisor, provider, **PATIENT)
    wait_until(lambda: provider.stats().in_flight >= 8, timeout_s=60)
    supervisor.kill_tree()

    provider.control(latency_ms=0)
    start(start_supervisor, provider)
    wait_until(lambda: all(has_ended(database, one) for one in ids), timeout_s=60)

    sums = totals(database)
    assert (sums.pages, sums.ambiguous_calls, sums.ambiguous_pages) == (8, 8, 8)
    assert_bill_is_right(provider, totals(database))


def test_files_of_dead_processes_are_swept(
    provider: MistralServer, start_supervisor: Start, settings: Settings, database: Database
) -> None:
    provider.control(latency_ms=HELD_MS)
    submit(database, settings, pdf("A heavy page", padding_bytes=6 * 1024 * 1024))
    supervisor = start(start_supervisor, provider, **PATIENT)
    wait_until(lambda: provider.stats().in_flight == 1, timeout_s=60)
    supervisor.kill_tree()
    assert provider.stats().files == 1

    provider.control(latency_ms=0)
    start(start_supervisor, provider, call_deadline_seconds=1, tidy=True)

    wait_until(lambda: provider.stats().files == 0, timeout_s=30)
