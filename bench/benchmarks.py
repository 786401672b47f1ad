"""Every figure of README and docs, from empty data: `make bench`, or `make bench FORM=short`.

Writes docs/benchmarks.md and its plots. What cannot be measured here is named on the page, and by
the exit status. The long form takes the best part of an hour on two cores, the short one some
minutes; the short one is to see that everything runs.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench import beside_peers, machine, provider, reads
from bench.benchmarks_page import Against, Benchmarks
from bench.service import REPOSITORY

DOCUMENT_KIB = 100
CONCURRENCY = 8  #: calls of each of two workers: as many as the peers' jobs
CONVERT_CLIENTS = 32
COMMAND_SECONDS = 3600  #: longer than any
LOG_LINE = '{"timestamp":'  #: the beginning of a line of the service's log


MEASURED_HERE = {"benchmarks", "machine", "reads"}
#: Has a table of its own; show in tens of minutes each that nothing grows: docs/figures.md.
ON_DEMAND = {"profile", "parsers", "soak", "queue_rate", "queue_size", "queue_costs"}
#: Measures nothing: models of what others have measured; docs/scaling.md has one.
MODELS = {"scaling", "simulate"}
#: Programs that are run more than once, or not without arguments.
VARIANTS = {
    "provider": (
        "queue",
        "queue --concurrency 8",
        "queue --latency-ms 0",
        "convert --clients 32",
        "convert --clients 8",
    ),
    "replication": ("throughput", "outage --documents 5000 --interval 10"),
}
SHORT_COMMANDS = (
    "submit --documents 100",
    "pickup --documents 10",
    "upload --mib 64",
    "claim_time --jobs 2000 --claims 50",
    "logs --times 100",
    "keys --keys 100 --calls 100",
    "status_page --documents 1000 --looks 20",
    "pages --pages 500 --times 3",
    "searchable_pdf --pages 50",
    "provider queue --documents 60",
)


@dataclass(frozen=True)
class Form:
    """How much is measured."""

    name: str
    rounds: int
    documents: int
    read_seconds: float
    jobs: int
    conversions: int
    latencies_ms: tuple[int, ...]
    commands: tuple[str, ...]


def every_command() -> Iterator[str]:
    """Yield what runs each program of this folder that measures something."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        name = path.stem
        others = MEASURED_HERE | ON_DEMAND | MODELS
        if "def main() -> None:" in path.read_text() and name not in others:
            yield from (f"{name} {arguments}".strip() for arguments in VARIANTS.get(name, ("",)))


LONG = Form("the long form", 3, 300, 4.0, 2000, 50, (0, 200, 1000), tuple(every_command()))
SHORT = Form(
    "the short form, whose figures mean little", 1, 60, 1.0, 200, 5, (0, 200), SHORT_COMMANDS
)

Figure = TypeVar("Figure")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--into", type=Path, default=REPOSITORY / "docs")
    options = parser.parse_args()
    form = SHORT if options.short else LONG
    run = Run(form)
    run.everything()
    write(run.found, options.into)
    for name, reason in run.found.missing.items():
        print(f"not measured: {name}: {reason}", file=sys.stderr)
    sys.exit(1 if run.found.missing else 0)


def write(found: Benchmarks, folder: Path) -> None:
    """Replace the page and its plots."""
    plots = folder / "benchmarks"
    shutil.rmtree(plots, ignore_errors=True)
    plots.mkdir(parents=True)
    for name, drawing in found.plots():
        (plots / f"{name}.svg").write_text(drawing)
    (folder / "benchmarks.md").write_text(found.page())


class Run:
    """One run of all measurements."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._started = time.monotonic()
        self.found = Benchmarks(machine.describe(), form.name)

    def everything(self) -> None:
        self.found.limits = self._try("machine", machine.limits) or {}
        self._reads()
        provider.prepare(self._form.documents, DOCUMENT_KIB)
        self._loads("queue", self._form.latencies_ms, provider.CLIENTS)
        self._loads("convert", self._form.latencies_ms[:2], CONVERT_CLIENTS)
        self._peers()
        self._conversions()
        for command in self._form.commands:
            printed = self._try(command, functools.partial(_printed, command))
            if printed:
                self.found.printed[f"python -m bench.{command}"] = printed

    def _reads(self) -> None:
        measure = functools.partial(reads.measure, self._form.rounds, self._form.read_seconds)
        self.found.reads = rates = self._try("reads", measure) or {}
        for name in rates:
            if name.startswith("bare"):
                continue
            clients = reads.CLIENTS.get(name, reads.STATUS_CLIENTS)
            beside = "bare Flask view" + ("" if clients == 8 else f", {clients} clients")
            what = f"`{name}`, {clients} clients"
            self.found.bounded.append(
                Against(what, rates[name], "a bare Flask view", rates[beside])
            )

    def _loads(self, scenario: str, latencies_ms: tuple[int, ...], clients: int) -> None:
        """Measure folder and bucket in turn, every latency in each round."""
        results: dict[tuple[int, bool], list[provider.Result]] = {}
        for _ in range(self._form.rounds):
            for latency_ms, bucket in itertools.product(latencies_ms, (False, True)):
                measure = functools.partial(
                    provider.measure, scenario, self._form.documents, latency_ms, CONCURRENCY,
                    clients, bucket=bucket,
                )  # fmt: skip
                result = self._try(f"{scenario}, {latency_ms} ms, {_store(bucket)}", measure)
                if result:
                    results.setdefault((latency_ms, bucket), []).append(result)
        for (latency_ms, bucket), runs in results.items():
            name = f"{scenario}, {clients} clients, {latency_ms} ms a call, {_store(bucket)}"
            self.found.cpu_ms[name] = [run.cpu_ms for run in runs]
            rates = [run.rate for run in runs]
            if latency_ms:
                limit = f"{2 * CONCURRENCY} calls at once"
                self.found.bounded.append(Against(name, rates, limit, [runs[0].ideal]))
            elif commits := self.found.limits.get(machine.COMMITS_NAME):
                self.found.bounded.append(Against(name, rates, "raw SQLite commits", [commits]))
            if scenario == "queue" and not bucket:
                self.found.queues.setdefault(_load(latency_ms), {})["Ilios"] = statistics.median(
                    rates
                )

    def _peers(self) -> None:
        for latency_ms in (None, 0, 200):
            for name in beside_peers.QUEUES:
                jobs = self._form.jobs if latency_ms is None else self._form.documents
                measure = functools.partial(
                    beside_peers.queue, name, jobs, latency_ms, DOCUMENT_KIB
                )
                seconds = self._try(f"{name}, {_load(latency_ms)}", measure)
                if seconds:
                    rate = seconds["jobs"] / seconds["total_s"]
                    self.found.queues.setdefault(_load(latency_ms), {})[name] = rate

    def _conversions(self) -> None:
        ours = functools.partial(beside_peers.embedded, self._form.conversions)
        mine = self._try("embedded engine", ours)
        theirs = self._try("markitdown", beside_peers.markitdown)
        if mine and theirs:
            self.found.conversions = [
                Against(f"`{kind}`", [mine[kind]], "markitdown", [theirs[kind]], " ms")
                for kind in mine
            ]

    def _try(self, name: str, measure: Callable[[], Figure]) -> Figure | None:
        """Measure; one that fails is named on the page, and the others go on."""
        minutes = (time.monotonic() - self._started) / 60
        print(f"[{minutes:5.1f} min] {name}", file=sys.stderr, flush=True)
        try:
            return measure()
        except subprocess.CalledProcessError as error:
            self.found.missing[name] = f"exit status {error.returncode}"
            return None
        except Exception as error:  # noqa: BLE001  # any: the page says what is missing
            self.found.missing[name] = f"{type(error).__name__}: {str(error)[:200]}"
            return None


def _printed(command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *f"bench.{command}".split()],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        timeout=COMMAND_SECONDS,
        check=True,
    )
    return "".join(line for line in done.stdout.splitlines(True) if not line.startswith(LOG_LINE))


def _store(bucket: bool) -> str:
    return "a bucket" if bucket else "a folder"


def _load(latency_ms: int | None) -> str:
    return "jobs of nothing" if latency_ms is None else f"one call of {latency_ms} ms"


if __name__ == "__main__":
    main()
