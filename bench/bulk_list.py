"""What a run of `ilios bulk` keeps of a list of a million names: `python -m bench.bulk_list`.

The list, its files (which folders of links multiply) and the target are real. In place of Ray stand
workers that have converted before they were asked, so that what is told is the run alone, each in a
process of its own: one that converts all, one that goes on where it ended, and so reads none.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from bench.service import MIB, REPOSITORY
from ilios.local.bulk.messages import Converted, Ended, Item, Order, Seen, Written
from ilios.local.bulk.parts import path_of
from ilios.local.bulk.results import Results
from ilios.local.bulk.run import Run
from ilios.local.bulk.sources import open_source
from ilios.local.bulk.targets import Target, open_target, prepared

FILES = 1000  #: in one folder, which links make many of
WORKERS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # of one run
    options = parser.parse_args()
    if options.folder is not None:
        _run(options.folder / "list.txt", options.folder / "target")
        return
    with tempfile.TemporaryDirectory() as name:
        _write_list(Path(name), options.documents)
        for _ in range(2):
            command = [sys.executable, "-m", "bench.bulk_list", "--folder", name]
            subprocess.run(command, cwd=REPOSITORY, check=True)


def _write_list(folder: Path, documents: int) -> None:
    (folder / "files").mkdir()
    for number in range(FILES):
        (folder / "files" / f"{number:04d}.pdf").touch()
    with (folder / "list.txt").open("w") as lines:
        for place in range(-(-documents // FILES)):
            link = folder / f"{place:06d}"
            link.symlink_to("files")
            for number in range(min(FILES, documents - place * FILES)):
                lines.write(f"{link}/{number:04d}.pdf\n")


def _run(names: Path, where: Path) -> None:
    before = _peak_mib()
    begun = time.perf_counter()
    report = Report()
    with closing(open_target(str(where))) as target, prepared(target, Order(), retry_failed=False):
        results = Results(target, "jsonl")
        results.recover()
        Run(open_source(str(names)), results, cast("Any", Crew(target)), report).go(WORKERS)
    seconds = time.perf_counter() - begun
    print(
        f"{report.completed:,} converted, {report.skipped:,} known: {seconds:.0f} s, "
        f"{_peak_mib() - before:.0f} MiB more than at the start, at most",
        flush=True,
    )


class Report:
    """Counts."""

    def __init__(self) -> None:
        self.completed = self.skipped = 0

    def skip(self) -> None:
        self.skipped += 1

    def complete(self, pages: int) -> None:
        self.completed += 1

    def fail(self, shown: str, reason: str, *, is_written: bool) -> None:
        raise AssertionError(f"{shown}: {reason}")

    def tick(self) -> None:
        pass


class Crew:
    """Workers that have converted before they were asked."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._answers: deque[Ended] = deque()
        self._workers = self._calls = 0

    def start(self) -> int:
        self._workers += 1
        return self._workers

    def call(self, worker: int, method: str, *arguments: Any) -> int:
        self._calls += 1
        answer: Any = None
        if method == "look":
            answer = [_seen(item) for item in arguments[0]]
        elif method == "convert":
            path_of(self._target.staged, arguments[2]).touch()
            answer = Converted(tuple(Written(seen, 1) for seen in arguments[0]), 1)
        self._answers.append(Ended(worker, self._calls, answer))
        return self._calls

    def ended(self, timeout_seconds: float) -> Iterator[Ended]:
        yield self._answers.popleft()

    def lose(self, worker: int) -> None:
        pass


def _seen(item: Item) -> Seen:
    digest = hashlib.sha256(item.place.encode())
    return Seen(item, digest.hexdigest()[:24], digest.hexdigest(), 1, "application/pdf")


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB


if __name__ == "__main__":
    main()
