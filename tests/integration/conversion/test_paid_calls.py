"""Every page is paid for once: ranges, checkpoints, doubts, and answers that come late."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from ilios.accounts import ledger_sums
from ilios.conversion import converter, recorder
from ilios.conversion.converter import Converter
from ilios.conversion.images import keep_images
from ilios.conversion.recorder import Recorder
from ilios.conversion.units_of_work import SettleCall
from ilios.core import clock, data_folder, disk_space
from ilios.core.conversion_errors import (
    ConversionError,
    CorruptDocument,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
    StorageUnavailable,
)
from ilios.core.errors import DatabaseBusy
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.db.models import CallState, Document, DocumentStatus, JobStatus, PageRow
from ilios.documents import results
from ilios.documents.stored_pages import Images
from ilios.engines.base import (
    Conversion,
    DocumentInfo,
    Keep,
    Mark,
    Options,
    Page,
    Part,
    Plan,
    Progress,
    Source,
    Usage,
)
from ilios.engines.governor import ANSWERED, Outcome, ProviderReport
from ilios.engines.page_selection import PageSelection
from ilios.engines.registry import EMBEDDED, MISTRAL
from ilios.queue.jobs import Lease, claim, promote_due
from ilios.storage.answer_spool import AnswerSpool
from ilios.storage.base import ObjectStore
from ilios.workers.dispatcher import Dispatcher
from tests.support import documents, working
from tests.support.engines import EchoEngine

pytestmark = pytest.mark.both_databases

T = TypeVar("T")

LINES_PER_PART = 3
Fault = Callable[[tuple[int, ...]], None]


class LineEngine(EchoEngine):
    """A paid engine: each line of a text is a page, at most three of them to a call."""

    name = MISTRAL
    is_paid = True

    def __init__(self) -> None:
        self.billed: list[int] = []
        self.before: list[Fault] = []  #: one for each call to come; what it raises was not billed
        self.after: list[Fault] = []  #: what it raises was billed
        self.leave_out: list[set[int]] = []

    def plan(
        self,
        source: Source,
        pages: PageSelection | None,
        workspace: Path,
        *,
        in_one_call: bool = False,
    ) -> Plan:
        lines = source.path.read_text().splitlines()
        wanted = pages.indexes(len(lines)) if pages else list(range(len(lines)))
        parts = []
        for start in range(0, len(wanted), LINES_PER_PART):
            indexes = tuple(wanted[start : start + LINES_PER_PART])
            path = workspace / f"part-{start}"
            path.write_text("\n".join(lines[index] for index in indexes))
            file = Source(path, source.media_type, source.file_name)
            parts.append(Part(file, indexes, DocumentInfo("Lines", page_count=len(lines))))
        return Plan(len(lines), tuple(parts))

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> bytes:
        indexes = part.indexes or ()
        if self.before:
            self.before.pop(0)(indexes)
        omitted = self.leave_out.pop(0) if self.leave_out else set()
        lines = part.source.path.read_text().splitlines()
        answered = {i: line for i, line in zip(indexes, lines, strict=True) if i not in omitted}
        self.billed += answered
        if self.after:
            self.after.pop(0)(indexes)
        answer = json.dumps(answered).encode()
        keep(answer)
        return answer

    def read(
        self, answer: bytes, part: Part, options: Options, workspace: Path, mark: Mark
    ) -> Conversion:
        with mark():
            lines = json.loads(answer)
        pages = tuple(Page(int(index), line) for index, line in lines.items())
        return Conversion(pages, Usage(len(pages), "test-model"), info=part.info)


def fine(_indexes: tuple[int, ...]) -> None:
    """Do nothing."""


def raising(error: Exception) -> Fault:
    def fault(_indexes: tuple[int, ...]) -> None:
        raise error

    return fault


class Bench:
    """A worker, a supervisor's dispatcher and an engine, in this process."""

    def __init__(self, settings: Settings, database: Database, store: ObjectStore) -> None:
        self.settings = settings
        self.database = database
        self.store = store
        self.dispatcher = Dispatcher(
            database, settings.ambiguous_retries, AnswerSpool(data_folder.answers(settings))
        )
        self.use(LineEngine())

    def use(self, engine: LineEngine) -> None:
        self.engine = engine
        self.converter: Converter = working.converter(
            self.settings, self.database, self.store, engine, lane=MISTRAL
        )

    def add(
        self,
        lines: int,
        pages: str | None = None,
        allow_partial: float | None = None,
        owner: str = "anonymous",
    ) -> str:
        content = "\n".join(f"line {number}" for number in range(1, lines + 1)).encode()
        document_id, _ = documents.add_document(
            self.database,
            settings=self.settings,
            content=content,
            pages=pages,
            allow_partial=allow_partial,
            owner=owner,
            lane=MISTRAL,
        )
        return document_id

    def claim(self) -> Lease | None:
        with self.database.writing() as session:
            now = clock.now()
            promote_due(session, now.replace(year=now.year + 1))
            lease = claim(session, MISTRAL, "node/worker-0", now)
            if lease is not None:
                results.begin(session, lease.job_id, now)
        return lease

    def claimed(self) -> Iterator[Lease]:
        while lease := self.claim():
            yield lease

    def run_all(self) -> None:
        for lease in self.claimed():
            self.converter.run(lease)

    def document(self, document_id: str) -> Document:
        return documents.document(self.database, document_id)

    def lines(self, document_id: str) -> list[str]:
        with self.database.reading() as session:
            rows = session.scalars(
                select(PageRow).where(PageRow.document_id == document_id).order_by(PageRow.index)
            )
            return [row.markdown for row in rows]

    def states(self) -> list[CallState]:
        return sorted(call.state for call in documents.calls(self.database))

    def totals(self) -> ledger_sums.Totals:
        with self.database.reading() as session:
            return ledger_sums.summary(session, "anonymous", ledger_sums.Period())

    def kept(self) -> list[Path]:
        return list(data_folder.answers(self.settings).iterdir())


@pytest.fixture
def bench(settings: Settings, database: Database, store: ObjectStore) -> Bench:
    return Bench(settings, database, store)


def test_a_long_document_becomes_ranges_and_is_assembled_in_order(
    bench: Bench, settings: Settings
) -> None:
    document_id = bench.add(10)

    bench.run_all()

    document = bench.document(document_id)
    assert document.status is DocumentStatus.COMPLETED
    assert (document.page_count, document.pages_done) == (10, 10)
    assert bench.lines(document_id) == [f"line {number}" for number in range(1, 11)]
    assert sorted(bench.engine.billed) == list(range(10))
    jobs = documents.jobs(bench.database)
    assert sorted((job.type, job.first_page, job.last_page) for job in jobs if job.last_page) == [
        ("range", 0, 2),
        ("range", 3, 5),
        ("range", 6, 8),
        ("range", 9, 9),
    ]
    assert not list(settings.data_folder.rglob("parts/*"))
    assert bench.kept() == []


@pytest.mark.parametrize("lines", [2, 7])
def test_what_a_file_says_of_itself_is_kept_whether_it_is_cut_or_not(
    bench: Bench, lines: int
) -> None:
    document_id = bench.add(lines, pages="1-2" if lines == 2 else None)

    bench.run_all()

    assert bench.document(document_id).info == {"title": "Lines", "page_count": lines}


def lose_in_mid_store(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one attempt end after its answer was kept and before it was stored."""

    def refuse(*_: object) -> None:
        raise DatabaseBusy("The database is locked.")

    lease = bench.claim()
    assert lease is not None
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "store", refuse)
        with pytest.raises(DatabaseBusy):
            bench.converter.run(lease)
    assert len(bench.kept()) == 1
    bench.dispatcher.give_back([lease])


@pytest.mark.parametrize("collected_by", ["the next attempt", "the worker"])
@pytest.mark.parametrize("are_pages_known", [True, False])
def test_an_answer_that_is_found_again_ends_a_document_as_any_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, collected_by: str, are_pages_known: bool
) -> None:
    class OfficeEngine(LineEngine):
        """One whose pages the answer alone tells."""

        def plan(
            self,
            source: Source,
            pages: PageSelection | None,
            workspace: Path,
            *,
            in_one_call: bool = False,
        ) -> Plan:
            plan = super().plan(source, pages, workspace, in_one_call=in_one_call)
            return Plan(None, (replace(plan.parts[0], indexes=None),))

        def convert(
            self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
        ) -> bytes:
            return super().convert(
                replace(part, indexes=(0, 1)), options, workspace, progress, keep
            )

    if not are_pages_known:
        bench.use(OfficeEngine())
    document_id = bench.add(2)
    lose_in_mid_store(bench, monkeypatch)
    if collected_by == "the worker":
        monkeypatch.setattr(converter, "UNCOLLECTED_SECONDS", -1.0)
        bench.converter.collect_leftovers()

    bench.run_all()

    document = bench.document(document_id)
    assert document.status is DocumentStatus.COMPLETED
    assert document.info == {"title": "Lines", "page_count": 2}
    assert bench.lines(document_id) == ["line 1", "line 2"]
    assert bench.engine.billed == [0, 1]
    assert bench.states() == [CallState.SETTLED]


def test_a_document_of_which_pages_are_refused_says_what_its_file_does(bench: Bench) -> None:
    document_id = bench.add(3, allow_partial=1.0)

    def refuse_page_2(indexes: tuple[int, ...]) -> None:
        if 1 in indexes:
            raise CorruptDocument("A page is broken.")

    bench.engine.before = [refuse_page_2] * 9

    bench.run_all()

    document = bench.document(document_id)
    assert document.status is DocumentStatus.COMPLETED
    assert document.info == {"title": "Lines", "page_count": 3}
    assert bench.lines(document_id) == ["line 1", "line 3"]


def test_a_selection_is_cut_and_costs_only_what_it_selects(bench: Bench) -> None:
    document_id = bench.add(20, pages="2,4,6,8,10")

    bench.run_all()

    assert bench.lines(document_id) == ["line 2", "line 4", "line 6", "line 8", "line 10"]
    assert sorted(bench.engine.billed) == [1, 3, 5, 7, 9]
    assert bench.totals().cost_micros == 5 * 1_300


def test_progress_counts_the_pages_of_finished_ranges(bench: Bench) -> None:
    document_id = bench.add(10)
    seen = []
    for lease in bench.claimed():
        bench.converter.run(lease)
        document = bench.document(document_id)
        seen.append((document.pages_done, document.page_count, document.status))

    assert [done for done, _, _ in seen] == [0, 3, 6, 9, 10]
    assert {(total, status) for _, total, status in seen[:-1]} == {(10, DocumentStatus.PROCESSING)}


def test_a_range_that_fails_is_tried_again_alone(bench: Bench) -> None:
    document_id = bench.add(9)
    bench.engine.before = [fine, raising(ProviderUnavailable("500"))]

    bench.run_all()

    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert sorted(bench.engine.billed) == list(range(9))
    assert bench.states() == [CallState.REFUSED] + [CallState.SETTLED] * 3


def test_a_range_that_cannot_be_done_fails_the_document_and_stops_the_rest(bench: Bench) -> None:
    document_id = bench.add(9)
    bench.engine.before = [raising(CorruptDocument("A page is broken."))]

    bench.run_all()

    document = bench.document(document_id)
    assert (document.status, document.error_code) == (DocumentStatus.FAILED, "corrupt_document")
    assert bench.engine.billed == []
    assert {job.status for job in documents.jobs(bench.database) if job.last_page} == {
        JobStatus.FAILED
    }


def test_throttling_and_wrong_settings_cost_no_attempt(bench: Bench) -> None:
    document_id = bench.add(1)
    errors: list[ConversionError] = [ProviderThrottled("429", 1)] * 5
    errors += [ProviderMisconfigured("401")] * 5
    bench.engine.before = [raising(error) for error in errors]
    outcomes = []
    for lease in bench.claimed():
        report = bench.converter.run(lease)
        assert isinstance(report, ProviderReport)
        outcomes.append(report.outcome)

    assert outcomes == [Outcome.THROTTLED] * 5 + [Outcome.MISCONFIGURED] * 5 + [Outcome.ANSWERED]
    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert documents.jobs(bench.database)[0].attempts == 1


def test_retry_after_is_kept_by_the_job(bench: Bench) -> None:
    bench.add(1)
    bench.engine.before = [raising(ProviderThrottled("429", 7))]
    lease = bench.claim()
    assert lease is not None
    before = clock.now()

    bench.converter.run(lease)

    job = documents.job(bench.database, lease.job_id)
    assert job.scheduled_at is not None
    assert before <= job.scheduled_at - timedelta(seconds=7) <= clock.now()


def test_an_unknown_outcome_is_repeated_twice_and_then_left_to_people(bench: Bench) -> None:
    document_id = bench.add(2)
    bench.engine.after = [raising(OutcomeUnknown("The connection broke."))] * 9

    bench.run_all()

    document = bench.document(document_id)
    assert (document.status, document.error_code) == (DocumentStatus.FAILED, "outcome_unknown")
    assert len(bench.engine.billed) == 3 * 2
    totals = bench.totals()
    assert (totals.pages, totals.cost_micros) == (0, 0)
    assert (totals.ambiguous_calls, totals.ambiguous_pages) == (3, 6)


def test_an_unknown_outcome_that_is_followed_by_an_answer_stays_on_record(bench: Bench) -> None:
    document_id = bench.add(2)
    bench.engine.after = [raising(OutcomeUnknown("The connection broke."))]

    bench.run_all()

    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    totals = bench.totals()
    assert totals.pages + totals.ambiguous_pages == len(bench.engine.billed) == 4
    assert documents.jobs(bench.database)[0].attempts == 1


def test_missing_pages_are_asked_for_again_alone(bench: Bench) -> None:
    document_id = bench.add(3)
    bench.engine.leave_out = [{0, 2}, {2}]

    bench.run_all()

    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert bench.lines(document_id) == ["line 1", "line 2", "line 3"]
    assert bench.engine.billed == [1, 0, 2]


def test_pages_that_never_come_fail_the_document_and_keep_the_others(bench: Bench) -> None:
    document_id = bench.add(3)
    bench.engine.leave_out = [{2}] * 5

    bench.run_all()

    document = bench.document(document_id)
    assert (document.status, document.error_code) == (DocumentStatus.FAILED, "pages_missing")
    assert "page 3" in (document.error or "")
    assert bench.lines(document_id) == ["line 1", "line 2"]
    assert bench.engine.billed == [0, 1]
    assert bench.kept() == []


def test_an_answer_for_which_the_disk_has_no_room_is_kept_and_stored_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 2**40
    monkeypatch.setattr(disk_space, "free_bytes", lambda _folder: free)

    def fill_up(_indexes: tuple[int, ...]) -> None:
        nonlocal free
        free = 0

    document_id = bench.add(2)
    bench.engine.after = [fill_up]
    for _ in range(2):  # the second attempt finds no room either, and calls nobody
        lease = bench.claim()
        assert lease is not None
        bench.converter.run(lease)
        assert bench.document(document_id).status is not DocumentStatus.FAILED
    assert (bench.engine.billed, bench.lines(document_id)) == ([0, 1], [])
    assert len(bench.kept()) == 1
    free = 2**40

    bench.run_all()

    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert bench.engine.billed == [0, 1]
    assert (bench.totals().pages, bench.totals().ambiguous_calls) == (2, 0)
    assert bench.kept() == []


def test_an_answer_that_only_memory_has_is_committed_whatever_is_free(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 2**40
    monkeypatch.setattr(disk_space, "free_bytes", lambda _folder: free)
    monkeypatch.setattr(converter, "keep_answer", lambda *_: None)

    def fill_up(_indexes: tuple[int, ...]) -> None:
        nonlocal free
        free = 0

    document_id = bench.add(2)
    bench.engine.after = [fill_up]

    bench.run_all()

    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert bench.engine.billed == [0, 1]


def test_an_answer_that_the_database_refuses_is_picked_up_by_the_next_attempt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = bench.add(2)
    lose_in_mid_store(bench, monkeypatch)
    assert bench.states() == [CallState.UNKNOWN]
    bench.run_all()

    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert bench.engine.billed == [0, 1]
    assert bench.states() == [CallState.SETTLED]
    assert bench.totals().ambiguous_calls == 0
    assert bench.kept() == []


@pytest.mark.parametrize("failures", [1, 2])
def test_an_answer_whose_images_cannot_be_stored_yet_is_not_paid_for_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    document_id = bench.add(2)
    left = [StorageUnavailable("The store is away.")] * failures

    def away_at_first(*arguments: Any) -> Images:
        if left:
            raise left.pop()
        return keep_images(*arguments)

    monkeypatch.setattr(converter, "keep_images", away_at_first)
    bench.run_all()

    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert bench.engine.billed == [0, 1]
    assert bench.states() == [CallState.SETTLED]
    assert bench.kept() == []


def test_a_unit_that_is_run_again_is_counted_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = bench.add(2)
    write, count = GroupCommit.write, Recorder.count
    counted: list[int] = []

    def twice(group_commit: GroupCommit, unit: Callable[[Session], T], **how: Any) -> T:
        """Write as a unit whose neighbour in the transaction fails."""
        with contextlib.suppress(RuntimeError), bench.database.writing() as session:
            unit(session)
            raise RuntimeError("a neighbour failed")
        return write(group_commit, unit, **how)

    def counting(recorder: Recorder, engine: LineEngine, settled: SettleCall) -> None:
        counted.append(settled.used.pages)
        count(recorder, engine, settled)

    monkeypatch.setattr(GroupCommit, "write", twice)
    monkeypatch.setattr(Recorder, "count", counting)
    bench.run_all()

    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert counted == [2]
    assert bench.totals().pages == 2
    assert bench.states() == [CallState.SETTLED]


def test_an_answer_that_no_later_attempt_used_is_collected(
    bench: Bench, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = bench.add(2)
    lease = bench.claim()
    assert lease is not None

    def refuse(*_: object) -> None:
        raise DatabaseBusy("The database is locked.")

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "store", refuse)
        with pytest.raises(DatabaseBusy):
            bench.converter.run(lease)

    monkeypatch.setattr(converter, "UNCOLLECTED_SECONDS", -1.0)
    bench.converter.collect_leftovers()

    assert bench.lines(document_id) == ["line 1", "line 2"]
    assert bench.states() == [CallState.SETTLED]
    assert bench.kept() == []


def test_a_late_answer_of_a_stale_worker_is_recorded_and_its_pages_are_used(bench: Bench) -> None:
    document_id = bench.add(2)
    stale = bench.claim()
    assert stale is not None

    def lose_the_lease(_indexes: tuple[int, ...]) -> None:
        bench.dispatcher.release_lost([stale])

    bench.engine.after = [lose_the_lease]
    bench.converter.run(stale)

    assert bench.document(document_id).status is DocumentStatus.PENDING
    assert bench.states() == [CallState.SETTLED]
    bench.run_all()
    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert bench.engine.billed == [0, 1]


def test_pages_that_are_there_stay_when_a_late_answer_brings_them_again(bench: Bench) -> None:
    document_id = bench.add(2)
    stale = bench.claim()
    assert stale is not None

    def be_overtaken(_indexes: tuple[int, ...]) -> None:
        bench.dispatcher.release_lost([stale])
        bench.run_all()

    bench.engine.after = [be_overtaken]
    bench.converter.run(stale)

    assert bench.document(document_id).status is DocumentStatus.COMPLETED
    assert len(bench.lines(document_id)) == 2
    assert bench.totals().pages == len(bench.engine.billed) == 4


def test_a_worker_killed_in_mid_call_costs_a_doubt_and_no_attempt(bench: Bench) -> None:
    document_id = bench.add(2)
    lost: list[JobStatus] = []

    def die(_indexes: tuple[int, ...]) -> None:
        raise KeyboardInterrupt  # like SIGKILL: nothing of the worker goes on

    bench.engine.after = [die] * 9
    for lease in bench.claimed():
        with pytest.raises(KeyboardInterrupt):
            bench.converter.run(lease)
        bench.dispatcher.release_lost([lease])
        lost.append(documents.job(bench.database, lease.job_id).status)

    assert lost == [JobStatus.PENDING, JobStatus.PENDING, JobStatus.FAILED]
    document = bench.document(document_id)
    assert (document.status, document.error_code) == (DocumentStatus.FAILED, "outcome_unknown")
    assert bench.totals().ambiguous_pages == len(bench.engine.billed) == 6


def test_an_unknown_model_is_billed_at_the_fallback_and_warned_about_once(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    class NewModel(LineEngine):
        def read(
            self, answer: bytes, part: Part, options: Options, workspace: Path, mark: Mark
        ) -> Conversion:
            known = super().read(answer, part, options, workspace, mark)
            return Conversion(known.pages, Usage(known.usage.pages, "mistral-ocr-9"))

    bench.use(NewModel())
    bench.add(6)
    bench.run_all()

    assert bench.totals().cost_micros == 6 * 5_200
    assert {call.model for call in documents.calls(bench.database)} == {"mistral-ocr-9"}
    assert capsys.readouterr().out.count("price.unknown_model") == 1


def test_models_without_end_are_warned_about_so_often(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = itertools.count()

    class Model(LineEngine):
        def read(
            self, answer: bytes, part: Part, options: Options, workspace: Path, mark: Mark
        ) -> Conversion:
            known = super().read(answer, part, options, workspace, mark)
            return Conversion(known.pages, Usage(known.usage.pages, f"model-{next(numbers)}"))

    monkeypatch.setattr(recorder, "MODELS_WARNED_OF_MAX", 2)
    bench.use(Model())
    for _ in range(3):
        bench.add(1)
    bench.run_all()

    assert capsys.readouterr().out.count("price.unknown_model") == 2


def test_a_dearer_model_than_was_asked_for_costs_no_more_and_is_warned_about_once(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    class DearerModel(LineEngine):
        def read(
            self, answer: bytes, part: Part, options: Options, workspace: Path, mark: Mark
        ) -> Conversion:
            known = super().read(answer, part, options, workspace, mark)
            pages = known.usage.pages
            return Conversion(
                known.pages, Usage(pages, "mistral-ocr-4-1", asked_model="test-model")
            )

    bench.use(DearerModel())
    bench.add(6)
    bench.run_all()

    assert bench.totals().cost_micros == 6 * 1_300
    assert {call.model for call in documents.calls(bench.database)} == {"mistral-ocr-4-1"}
    assert capsys.readouterr().out.count("price.dearer_model") == 1


def test_an_answer_says_that_the_provider_works(bench: Bench) -> None:
    bench.add(1)
    lease = bench.claim()
    assert lease is not None

    assert bench.converter.run(lease) == ANSWERED


def test_what_waits_for_another_engine_is_moved_when_the_settings_change(
    bench: Bench, settings: Settings
) -> None:
    bench.add(1)
    documents.add_document(bench.database, mime_type="text/html", lane=EMBEDDED)
    documents.add_document(bench.database, mime_type="application/pdf", lane=EMBEDDED)

    bench.dispatcher.assign_lanes(settings)
    assert {job.lane for job in documents.jobs(bench.database)} == {EMBEDDED}
    mistral = settings.model_copy(update={"ocr_engine": MISTRAL})
    bench.dispatcher.assign_lanes(mistral)

    assert sorted(job.lane for job in documents.jobs(bench.database)) == [
        EMBEDDED,
        MISTRAL,
        MISTRAL,
    ]
