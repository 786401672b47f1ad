"""A run over workers that die: in this process, where a test says which document ends one.

What stands for Ray is here; its own deaths are in tests/bulk.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from ilios.core.errors import StartupError
from ilios.local.bulk import run as run_module
from ilios.local.bulk.messages import Died, Ended, Item, Order, Unread
from ilios.local.bulk.results import Results
from ilios.local.bulk.run import Run
from ilios.local.bulk.sources import Source, file_item, open_source
from ilios.local.bulk.targets import open_target, prepared
from ilios.local.bulk.worker import Worker

KILLER = "killer"  #: in the name of a document that ends whatever converts it


class Crew:
    """Workers that do their calls when somebody waits for them, one after the other."""

    def __init__(self, target: Path, *, dies_at_start: bool = False) -> None:
        self._target = target
        self._dies_at_start = dies_at_start
        self._workers: dict[int, Worker] = {}
        self._calls: deque[tuple[int, int, str, tuple[Any, ...]]] = deque()
        self._number = 0
        self.started = self.looked = 0

    def start(self) -> int:
        self.started += 1
        self._workers[self.started] = Worker(str(self._target), Order())
        return self.started

    def call(self, worker: int, method: str, *arguments: Any) -> int:
        self._number += 1
        self._calls.append((worker, self._number, method, arguments))
        return self._number

    def ended(self, timeout_seconds: float) -> Iterator[Ended]:
        worker, call, method, arguments = self._calls.popleft()
        self.looked += len(arguments[0]) if method == "look" else 0
        if self._dies_at_start or self._is_killed(worker, method, arguments):
            yield Ended(worker, call, Died("It was killed."))
        else:
            yield Ended(worker, call, self.answer(self._workers[worker], method, arguments))

    def answer(self, worker: Worker, method: str, arguments: tuple[Any, ...]) -> Any:
        return getattr(worker, method)(*arguments)

    def lose(self, worker: int) -> None:
        self._calls = deque(call for call in self._calls if call[0] != worker)
        self._workers.pop(worker).close()

    def close(self) -> None:
        for worker in tuple(self._workers):
            self.lose(worker)

    def _is_killed(self, worker: int, method: str, arguments: tuple[Any, ...]) -> bool:
        """Convert what comes before the document that ends it; return whether there is one."""
        if method != "convert":
            return False
        batch, dropped, part = arguments
        for place, seen in enumerate(batch):
            if KILLER in seen.item.name:
                self._workers[worker].convert(batch[:place], dropped, part)
                return True
        return False


class Report:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.completed = self.skipped = 0
        self.failures: dict[str, str] = {}

    def skip(self) -> None:
        self.skipped += 1

    def complete(self, pages: int) -> None:
        self.completed += 1

    def fail(self, shown: str, reason: str, *, is_written: bool) -> None:
        self.failures[shown] = reason

    def tick(self) -> None:
        pass


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02d}.txt").write_text(f"Document {number}.")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


@contextmanager
def running(source: Path | Source, target: Path, crew: Crew, report: Report) -> Iterator[Run]:
    opened = open_target(str(target))
    with closing(opened), closing(crew), prepared(opened, Order(), retry_failed=False):
        results = Results(opened, "jsonl")
        results.recover()
        found = open_source(str(source)) if isinstance(source, Path) else source
        yield Run(found, results, cast("Any", crew), report)


def records(target: Path) -> dict[str, dict[str, Any]]:
    """Return what the target has by source; each may be there once."""
    lines = [line for path in target.glob("*.jsonl") for line in path.read_text().splitlines()]
    found = [json.loads(line) for line in lines]
    assert set(Counter(one["source"] for one in found).values()) <= {1}
    return {one["source"]: one for one in found}


def test_every_document_is_there_once_and_a_second_run_reads_none(
    source: Path, target: Path
) -> None:
    report = Report()
    with running(source, target, Crew(target), report) as run:
        run.go(2)
    assert report.completed == len(records(target)) == 40

    again = Report()
    with running(source, target, Crew(target), again) as run:
        run.go(2)
    assert (again.completed, again.skipped) == (0, 40)
    assert len(records(target)) == 40


def test_a_document_that_ends_its_process_costs_itself_alone(source: Path, target: Path) -> None:
    (source / f"07-{KILLER}.txt").write_text("Not me.")
    report, crew = Report(), Crew(target)

    with running(source, target, crew, report) as run:
        run.go(2)

    found = records(target)
    assert found[f"07-{KILLER}.txt"]["errorCode"] == "worker_lost"
    assert [one["status"] for one in found.values()].count("completed") == 40
    assert report.completed == 40
    assert list(report.failures) == [f"07-{KILLER}.txt"]
    assert crew.started == 2 + run_module.DEATHS_MAX


def test_documents_of_the_same_bytes_are_converted_once(source: Path, target: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (source / name).write_text("Document 3.")
    report = Report()

    with running(source, target, Crew(target), report) as run:
        run.go(2)

    assert (report.completed, report.skipped) == (40, 2)
    assert len(records(target)) == 40


def test_documents_that_are_all_like_others_are_read_once(source: Path, target: Path) -> None:
    crews = [Crew(target) for _ in range(3)]
    for place, crew in enumerate(crews):
        if place == 1:
            for path in tuple(source.iterdir()):
                path.with_stem(f"{path.stem}-again").write_bytes(path.read_bytes())
        with running(source, target, crew, report := Report()) as run:
            run.go(2)

    assert [crew.looked for crew in crews] == [40, 40, 0]
    assert (report.completed, report.skipped) == (0, 80)


def test_what_has_its_version_from_a_worker_is_read_once(source: Path, target: Path) -> None:
    """Of objects that a list names, the run knows no version."""

    class Unversioned:
        def items(self) -> Iterator[Item | Unread]:
            for item in open_source(str(source)).items():
                yield replace(item, version="") if isinstance(item, Item) else item

    class Asks(Crew):
        def answer(self, worker: Worker, method: str, arguments: tuple[Any, ...]) -> Any:
            if method == "look" and not arguments[0][0].version:
                return [file_item(Path(item.place), item.shown) for item in arguments[0]]
            return super().answer(worker, method, arguments)

    crews = [Asks(target) for _ in range(2)]
    for crew in crews:
        with running(Unversioned(), target, crew, report := Report()) as run:
            run.go(2)

    assert [crew.looked for crew in crews] == [80, 40]
    assert (report.completed, report.skipped) == (0, 40)


def test_workers_that_cannot_start_end_the_run(source: Path, target: Path) -> None:
    report = Report()
    with (
        running(source, target, Crew(target, dies_at_start=True), report) as run,
        pytest.raises(StartupError, match="It was killed"),
    ):
        run.go(2)


def test_a_run_that_is_stopped_keeps_what_is_written(source: Path, target: Path) -> None:
    class Stops(Report):
        def tick(self) -> None:
            if self.completed > 10:
                raise KeyboardInterrupt

    report = Stops()
    with (
        running(source, target, Crew(target), report) as run,
        pytest.raises(KeyboardInterrupt),
    ):
        run.go(2)
    kept = len(records(target))
    assert kept == report.completed < 40

    again = Report()
    with running(source, target, Crew(target), again) as run:
        run.go(2)
    assert again.completed == 40 - kept
    assert len(records(target)) == 40
