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

from ilios import catalog, data_folder, heartbeat, ids, ledger
from ilios.database import Database
from ilios.engines import MISTRAL
from ilios.models import Document, DocumentStatus
from ilios.settings import Settings
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support import documents
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]
CONCURRENCY = 3  #: calls at once of each of the two workers


@pytest.fixture(scope="module")
def process() -> Iterator[MistralServer]:
    with MistralServer() as server:
        yield server


@pytest.fixture
def provider(process: MistralServer) -> MistralServer:
    process.control(faults=[], latency_ms=0, keys=[API_KEY], same_file_id=False)
    process.control(file_visible_after_ms=0, vanished_file=404)
    process.reset()
    return process


@dataclass
class Place:
    """A data folder, and the supervisor with its workers that all tests of the module use."""

    settings: Settings
    database: Database
    supervisor: SupervisorProcess

    def start(self) -> None:
        """Start the supervisor anew; the one before has ended."""
        self.supervisor = _supervisor(self.settings)


@dataclass(frozen=True, slots=True)
class Running:
    """The supervisor at work for a test, which is an owner of its own."""

    place: Place
    owner: str

    @property
    def settings(self) -> Settings:
        return self.place.settings

    @property
    def database(self) -> Database:
        return self.place.database

    def submit(self, *contents: bytes) -> list[str]:
        return [submit(self.database, self.settings, one, self.owner) for one in contents]

    def end(self, ids: list[str]) -> list[Document]:
        """These documents, when they have ended."""
        wait_until(lambda: all(has_ended(self.database, one) for one in ids), timeout_s=60)
        return [documents.document(self.database, one) for one in ids]

    def convert(self, *contents: bytes) -> list[Document]:
        """Have documents converted until they have ended; in order of submission."""
        return self.end(self.submit(*contents))

    def totals(self) -> ledger.Totals:
        return totals(self.database, self.owner)


def _supervisor(settings: Settings) -> SupervisorProcess:
    supervisor = SupervisorProcess(settings, "real", hurried=True)
    supervisor.wait_until_ready()
    return supervisor


@pytest.fixture(scope="module")
def place(
    process: MistralServer, migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), log_format="console")
    data_folder.prepare(settings)
    shutil.copy(migrated_file, settings.database_path)
    changes = {**mistral(process), "worker_concurrency": CONCURRENCY, "split_pages": 10}
    changed = settings.model_copy(update=changes)
    place = Place(changed, Database(settings.database_path), _supervisor(changed))
    yield place
    place.supervisor.close()
    place.database.close()


@pytest.fixture
def running(place: Place, provider: MistralServer) -> Running:
    """The supervisor, well again after what the test before did to it."""
    if place.supervisor.process.poll() is not None:
        place.start()
    place.supervisor.wait_until_ready()
    return Running(place, owner=ids.new_id())


def start(start_supervisor: Start, provider: MistralServer, **changes: object) -> SupervisorProcess:
    return start_supervisor("real", hurried=True, **{**mistral(provider), **changes})


def mistral(provider: MistralServer) -> dict[str, object]:
    """Settings that lead to the stand-in."""
    return {
        "ocr_engine": MISTRAL,
        "mistral_api_key": SecretStr(API_KEY),
        "mistral_server_url": provider.url,
        "call_deadline_seconds": 2,
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
    """Documents that differ."""
    return [
        pdf(*(f"Document {number}, page {page}" for page in range(1, pages + 1)))
        for number in range(1, count + 1)
    ]


def totals(database: Database, owner: str = "anonymous") -> ledger.Totals:
    with database.reading() as session:
        return ledger.summary(session, owner, ledger.Period())


def provider_state(settings: Settings) -> str:
    beat = heartbeat.read(data_folder.supervisor_state(settings))
    return beat.provider if beat else ""


def assert_bill_is_right(provider: MistralServer, sums: ledger.Totals) -> None:
    """Never less in the ledger than was billed; what is in doubt stands beside it."""
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
    wait_until(lambda: not list(data_folder.answers(running.settings).iterdir()), timeout_s=5)


def test_429_burns_no_attempt(provider: MistralServer, running: Running) -> None:
    rule = {"on": "ocr", "status": 429, "first": 5, "retry_after": "0.1"}
    provider.control(faults=[rule])

    (row,) = running.convert(*some(1))

    assert row.status is DocumentStatus.COMPLETED
    with running.database.reading() as session:
        assert catalog.attempts(session, row.id) == 1
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
    provider: MistralServer, running: Running
) -> None:
    provider.control(keys=["another"])
    submitted = running.submit(*some(1))

    wait_until(lambda: provider_state(running.settings).startswith("misconfigured: "), timeout_s=20)
    assert "401" in provider_state(running.settings)
    (waiting,) = (documents.document(running.database, one) for one in submitted)
    assert waiting.status is DocumentStatus.PENDING

    provider.control(keys=[API_KEY])
    assert [row.status for row in running.end(submitted)] == [DocumentStatus.COMPLETED]
    wait_until(lambda: provider_state(running.settings) == "ok", timeout_s=20)


def test_without_a_key_documents_wait_and_others_are_converted(
    provider: MistralServer, start_supervisor: Start, settings: Settings, database: Database
) -> None:
    waiting = submit(database, settings, some(1)[0])
    page, _ = documents.add_document(
        database, settings=settings, content=b"<h1>Hello</h1>", mime_type="text/html"
    )
    start(start_supervisor, provider, mistral_api_key=None, worker_count=1)

    wait_until(lambda: has_ended(database, page), timeout_s=20)
    assert documents.document(database, page).status is DocumentStatus.COMPLETED
    assert documents.document(database, waiting).status is DocumentStatus.PENDING
    assert "MISTRAL_API_KEY" in provider_state(settings)
    assert "ocr" not in provider.stats().calls


def test_an_outage_stops_dispatch_and_ends_by_itself(
    provider: MistralServer, running: Running
) -> None:
    provider.control(faults=[{"on": "ocr", "status": 503}])
    submitted = running.submit(*some(30))
    wait_until(lambda: "paused" in provider_state(running.settings), timeout_s=20)

    provider.control(faults=[])

    states = [row.status for row in running.end(submitted)]
    assert states.count(DocumentStatus.COMPLETED) >= 20
    assert provider.stats().billed_pages == running.totals().pages


def test_calls_in_flight_never_exceed_what_is_configured(
    provider: MistralServer, running: Running
) -> None:
    provider.control(latency_ms=100)

    ended = running.convert(*some(40))

    assert {row.status for row in ended} == {DocumentStatus.COMPLETED}
    assert CONCURRENCY < provider.stats().peak_in_flight <= 2 * CONCURRENCY


def test_a_long_document_is_converted_in_ranges_in_order(
    provider: MistralServer, running: Running
) -> None:
    rule = {"on": "ocr", "kind": "reset_before", "every": 5, "times": 3}
    provider.control(latency_ms=50, faults=[rule])

    (row,) = running.convert(*some(1, pages=205))

    assert (row.status, row.page_count) == (DocumentStatus.COMPLETED, 205)
    with running.database.reading() as session:
        pages = catalog.pages(session, row.id, list(range(205)))
    assert [page.markdown.split()[-1] for page in pages] == [str(n) for n in range(1, 206)]
    assert running.totals().pages == provider.stats().billed_pages == 205


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
    provider: MistralServer, running: Running
) -> None:
    provider.control(latency_ms=700)
    submitted = running.submit(*some(12))
    for _ in range(2):  # a third time, and some would be left to people
        before = provider.stats().calls.get("ocr", 0)
        wait_until(lambda: provider.stats().calls.get("ocr", 0) > before + 1, timeout_s=20)  # noqa: B023
        os.kill(running.place.supervisor.workers[0].pid, signal.SIGKILL)

    assert {row.status for row in running.end(submitted)} == {DocumentStatus.COMPLETED}
    assert running.totals().pages == 12
    assert_bill_is_right(provider, running.totals())


def test_a_power_cut_in_mid_call_is_visible_and_costs_nobody_a_document(
    provider: MistralServer, running: Running
) -> None:
    provider.control(latency_ms=500)
    submitted = running.submit(*some(2 * CONCURRENCY))
    wait_until(lambda: provider.stats().in_flight == len(submitted), timeout_s=20)
    running.place.supervisor.kill_tree()

    running.place.start()
    running.end(submitted)

    sums = running.totals()
    assert (sums.pages, sums.ambiguous_calls, sums.ambiguous_pages) == (6, 6, 6)
    assert_bill_is_right(provider, sums)


def test_files_of_dead_processes_are_swept(
    provider: MistralServer, start_supervisor: Start, settings: Settings, database: Database
) -> None:
    provider.control(latency_ms=20_000)
    submit(database, settings, pdf("A heavy page", padding_bytes=6 * 1024 * 1024))
    supervisor = start(start_supervisor, provider, call_deadline_seconds=1, worker_count=1)
    wait_until(lambda: provider.stats().in_flight == 1, timeout_s=20)
    supervisor.kill_tree()
    assert provider.stats().files == 1

    provider.control(latency_ms=0)
    start(start_supervisor, provider, call_deadline_seconds=1, worker_count=1, tidy=True)

    wait_until(lambda: provider.stats().files == 0, timeout_s=30)
