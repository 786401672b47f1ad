"""What a run keeps of each document: of a million of them it must not be much.

Workers and documents are made up, and parts are empty, so that only the run itself counts.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from ilios.local.bulk import results as results_module
from ilios.local.bulk import run as run_module
from ilios.local.bulk.messages import Item, Order, Unread
from ilios.local.bulk.results import Results
from ilios.local.bulk.run import Run
from ilios.local.bulk.targets import Target, open_target, prepared
from tests.support.instant_crew import InstantCrew

BYTES_OF_A_DOCUMENT = 250
MANY = 12_000
SAME_EACH = 4  #: of so many documents one is the same as the one before it


class Names:
    """As many documents as one likes."""

    def __init__(self, count: int) -> None:
        self._count = count

    def items(self) -> Iterator[Item | Unread]:
        for number in range(self._count):
            place = f"/documents/{number:07d}.pdf"
            yield Item(place, place[-11:], place, "1-1", 1)


class Growth:
    """Looks at how much memory is in use more than before, once all documents are done."""

    def __init__(self) -> None:
        self.bytes_each = 0.0
        self._done = 0
        self._before = tracemalloc.get_traced_memory()[0]

    def skip(self) -> None:
        self._count()

    def complete(self, pages: int) -> None:
        self._count()

    def fail(self, shown: str, reason: str, *, is_written: bool) -> None:
        raise AssertionError(reason)

    def tick(self) -> None:
        pass

    def _count(self) -> None:
        self._done += 1
        if self._done == MANY:
            self.bytes_each = (tracemalloc.get_traced_memory()[0] - self._before) / MANY


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Count memory, with parts so small that what is kept until their end is little."""
    monkeypatch.setattr(results_module, "PART_ITEMS", 50)
    monkeypatch.setattr(run_module, "PART_ITEMS", 50)
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("traced")
def test_a_document_takes_few_bytes_of_a_run_and_of_the_next_one(tmp_path: Path) -> None:
    for _ in range(2):
        growth = Growth()
        with closing(open_target(str(tmp_path / "target"))) as target:
            _run(target, growth)

        assert 0 < growth.bytes_each < BYTES_OF_A_DOCUMENT


def _run(target: Target, growth: Growth) -> None:
    with prepared(target, Order(), retry_failed=False):
        results = Results(target, "jsonl")
        results.recover()
        crew = cast("Any", InstantCrew(target, _content))
        Run(Names(MANY), results, crew, growth).go(1)


def _content(item: Item) -> str:
    number = int(item.name[:-4])
    return f"{number - (number % SAME_EACH == SAME_EACH - 1)}"
