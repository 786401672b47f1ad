"""What a run of `ilios bulk` keeps of a list of a million names: `python -m bench.bulk_list`.

The list, its files (which folders of links multiply) and the target are real. In place of Ray stand
workers that have converted before they were asked, so that what is told is the run alone, each in a
process of its own: one that converts all, one that goes on where it ended, and so reads none.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from bench.service import MIB, REPOSITORY
from ilios.local.bulk.messages import Order
from ilios.local.bulk.results import Results
from ilios.local.bulk.run import Run
from ilios.local.bulk.sources import open_source
from ilios.local.bulk.targets import open_target, prepared
from tests.support.instant_crew import InstantCrew

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
        crew = cast("Any", InstantCrew(target))
        Run(open_source(str(names)), results, crew, report).go(WORKERS)
    seconds = time.perf_counter() - begun
    print(
        f"{report.completed:,} converted, {report.skipped:,} known: {seconds:.0f} s, "
        f"{_peak_mib() - before:.0f} MiB more than at the start, at most",
        flush=True,
    )


class Report:
    """Counts."""

    def __init__(self) -> None:
        self.completed = self.pages = self.skipped = 0

    def skip(self) -> None:
        self.skipped += 1

    def complete(self, pages: int) -> None:
        self.completed += 1
        self.pages += pages

    def fail(self, shown: str, reason: str, *, is_written: bool) -> None:
        raise AssertionError(shown, reason, is_written)

    def tick(self) -> None:
        pass


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB


if __name__ == "__main__":
    main()
