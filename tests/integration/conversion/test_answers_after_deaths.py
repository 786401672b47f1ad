"""A paid answer is used whatever happens to the process that got it, or that reads it."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import update

from ilios.accounts import ledger
from ilios.conversion import converter
from ilios.core import data_folder
from ilios.core.conversion_errors import DocumentTooLarge, ParserCrashed
from ilios.core.settings import Settings
from ilios.core.telemetry import metrics
from ilios.db.database import Database
from ilios.db.models import CallState, DocumentStatus, Job, JobStatus
from ilios.engines.base import Conversion, Mark, Options, Part, Usage
from ilios.queue.jobs import MAX_ATTEMPTS
from ilios.storage.answer_spool import AnswerSpool
from ilios.storage.base import ObjectStore
from ilios.workers.dispatcher import Dispatcher
from tests.integration.conversion.test_paid_calls import Bench, LineEngine
from tests.support import documents

pytestmark = pytest.mark.both_databases

DIED = KeyboardInterrupt  #: like SIGKILL: nothing of the worker goes on


class DyingEngine(LineEngine):
    """Dies `deaths` times while it reads an answer of one page; others die beside it, and wait."""

    def __init__(self, deaths: int) -> None:
        super().__init__()
        self.deaths = deaths
        self._left: list[AbstractContextManager[None]] = []  #: marks that nobody removes

    def read(
        self, answer: bytes, part: Part, options: Options, workspace: Path, mark: Mark
    ) -> Conversion:
        if not self.deaths:
            return super().read(answer, part, options, workspace, mark)
        if len(json.loads(answer)) == 1:
            self.deaths -= 1
            self._left.append(mark())
            self._left[-1].__enter__()
        raise DIED


class BreakingEngine(LineEngine):
    """Cannot read answers."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error
        self.readable = 0  #: pages of answers that it can read

    def read(
        self, answer: bytes, part: Part, options: Options, workspace: Path, mark: Mark
    ) -> Conversion:
        if len(json.loads(answer)) == self.readable:
            return super().read(answer, part, options, workspace, mark)
        raise self.error


@pytest.fixture
def bench(settings: Settings, database: Database, store: ObjectStore) -> Bench:
    return Bench(settings, database, store)


def run_until_dead(bench: Bench, jobs: int = 1) -> None:
    """Have a worker die of the next jobs, and its supervisor release them."""
    leases = [bench.claim() for _ in range(jobs)]
    for lease in reversed(leases):
        assert lease is not None
        with pytest.raises(DIED):
            bench.converter.run(lease)
    bench.dispatcher.release_lost([lease for lease in leases if lease])


def test_an_answer_whose_reader_died_once_is_read_by_the_next_attempt(bench: Bench) -> None:
    bench.use(DyingEngine(deaths=1))
    document_id = bench.add(1)

    run_until_dead(bench)
    bench.run_all()

    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert bench.engine.billed == [0]
    assert bench.states() == [CallState.SETTLED]
    assert bench.kept() == []


def test_a_document_whose_answer_takes_down_two_workers_is_poison_and_its_neighbour_is_not(
    bench: Bench,
) -> None:
    engine = DyingEngine(deaths=2)
    bench.use(engine)
    poison, innocent = bench.add(1), bench.add(2)

    for _ in range(2):
        run_until_dead(bench, jobs=2)
    assert engine.deaths == 0
    bench.run_all()

    failed = bench.document(poison)
    assert (failed.status, failed.error_code) == (DocumentStatus.FAILED, "poison_document")
    assert bench.document(innocent).status is DocumentStatus.COMPLETED
    assert sorted(bench.engine.billed) == [0, 0, 1]
    assert bench.totals().ambiguous_pages == 1
    assert bench.kept() == []


def test_the_last_attempt_and_a_doubt_too_many_do_not_fail_a_job_whose_answer_is_there(
    bench: Bench,
) -> None:
    bench.dispatcher = Dispatcher(
        bench.database, 0, AnswerSpool(data_folder.answers(bench.settings))
    )
    bench.use(DyingEngine(deaths=1))
    document_id = bench.add(1)
    with bench.database.writing() as session:
        session.execute(update(Job).values(attempts=MAX_ATTEMPTS - 1))

    run_until_dead(bench)
    assert [job.status for job in documents.jobs(bench.database)] == [JobStatus.PENDING]
    bench.run_all()

    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert bench.engine.billed == [0]
    assert bench.totals().ambiguous_calls == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ParserCrashed("It crashed."), "poison_document"),
        (DocumentTooLarge("Its first page is too large."), "document_too_large"),
        (ValueError("an odd answer"), "engine_failed"),
    ],
)
def test_an_answer_that_nobody_can_read_is_paid_once_and_keeps_no_other_from_being_recorded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    bench.use(BreakingEngine(error))
    document_id = bench.add(1)
    bench.run_all()
    assert bench.document(document_id).error_code == code
    assert bench.engine.billed == [0]
    other = bench.add(2)
    bench.use(DyingEngine(deaths=1))
    with pytest.raises(DIED):
        bench.converter.run(bench.claim())  # type: ignore[arg-type]

    reading = BreakingEngine(error)
    reading.readable = 2
    bench.use(reading)
    monkeypatch.setattr(converter, "UNCOLLECTED_SECONDS", -1.0)
    bench.converter.collect_leftovers()

    assert bench.lines(other) == ["line 1", "line 2"]
    assert len(bench.kept()) == (1 if code == "engine_failed" else 0)


def test_what_a_provider_counts_beyond_what_it_was_sent_is_written_down_and_not_charged(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    class Counting(LineEngine):
        def read(
            self, answer: bytes, part: Part, options: Options, workspace: Path, mark: Mark
        ) -> Conversion:
            known = super().read(answer, part, options, workspace, mark)
            return Conversion(known.pages, Usage(2, "test-model", claimed_pages=1_000_000))

    bench.use(Counting())
    before = metrics.PAGES_OVERCOUNTED._value.get()
    bench.add(2)
    bench.run_all()

    (call,) = documents.calls(bench.database)
    assert (call.pages, call.claimed_pages, call.total_cost_micros) == (2, 1_000_000, 2 * 1_300)
    assert metrics.PAGES_OVERCOUNTED._value.get() - before == 999_998
    assert "call.overcounted" in capsys.readouterr().out
    with bench.database.reading() as session:
        assert ledger.overcounted(session, call.created_at) == (1, 999_998)
