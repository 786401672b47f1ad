"""Where a document's processor time goes: `python -m bench.profile [--before CHECKOUT]`.

Runs the service with py-spy beside it while documents of 100 KiB go through Mistral's stand-in and
a bucket, then writes the table of docs/figures.md: milliseconds of processor time of each document
by process and step. The last column, what was done about a line, is kept from the table before, and
so is the column of before unless another checkout is measured for it.

py-spy tells which functions run, the kernel how much processor time each process has had.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench import provider
from bench.marked_text import replace
from bench.object_store import bucket
from bench.processes import cpu_seconds, kinds
from bench.service import REPOSITORY, Service, running_from
from bench.stacks import Line, sort_samples
from tests.mistral_server.process import MistralServer

FIGURES = REPOSITORY / "docs/figures.md"
PY_SPY = REPOSITORY / ".venv-bench/bin/py-spy"
SAMPLES_PER_SECOND = 200
DOCUMENT_KIB = 100
LINES = 24  #: of the table
HEAD = (
    "| Process | Step | Before, ms | Now, ms | Mostly in | What was done |\n"
    "|---|---|---|---|---|---|\n"
)

Key = tuple[str, str]  #: kind of process, step


@dataclass
class Profile:
    """What was seen of one checkout."""

    cpu: dict[str, float] = field(default_factory=dict)  #: seconds by kind of process
    lines: dict[Key, Line] = field(default_factory=dict)
    documents: int = 0

    def add(self, other: Profile) -> None:
        for kind, seconds in other.cpu.items():
            self.cpu[kind] = self.cpu.get(kind, 0.0) + seconds
        self.documents += other.documents
        for key, line in other.lines.items():
            mine = self.lines.setdefault(key, Line())
            mine.samples += line.samples
            mine.functions += line.functions

    def milliseconds(self) -> dict[Key, float]:
        """Return the processor time of each line for one document."""
        samples: Counter[str] = Counter()
        for (kind, _), line in self.lines.items():
            samples[kind] += line.samples
        return {
            (kind, step): 1000 * self.cpu[kind] / self.documents * line.samples / samples[kind]
            for (kind, step), line in self.lines.items()
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, help="another checkout, with a .venv of its own")
    parser.add_argument("--into", type=Path, default=FIGURES)
    options = parser.parse_args()
    provider.prepare(options.documents, DOCUMENT_KIB)
    checkouts = [c for c in (options.before, REPOSITORY) if c]
    profiles = {checkout: Profile() for checkout in checkouts}
    for number in range(options.rounds):
        for checkout in checkouts if number % 2 == 0 else checkouts[::-1]:
            profiles[checkout].add(measure(checkout, options.documents))
    text = options.into.read_text()
    before = profiles[options.before].milliseconds() if options.before else None
    options.into.write_text(replace(text, "profile", table(profiles[REPOSITORY], before, text)))
    for checkout, profile in profiles.items():
        spent = ", ".join(
            f"{kind} {1000 * seconds / profile.documents:.1f}"
            for kind, seconds in profile.cpu.items()
        )
        print(f"{checkout}: ms of processor time for each document: {spent}")


def measure(checkout: Path, documents: int) -> Profile:
    """Run a checkout's service over so many documents, watched by py-spy."""
    with MistralServer() as stand_in, bucket() as store, tempfile.TemporaryDirectory() as folder:
        settings = {**store, **provider.settings_of(stand_in), "WORKER_CONCURRENCY": "8"}
        with running_from(checkout.resolve(), settings) as service:
            provider.warm_up(service)
            root = psutil.Process(service.process.pid)
            raw = Path(folder) / "raw"
            with watched(service, raw):
                before = cpu_seconds(root)
                work = [(service, number) for number in range(documents)]
                provider.everywhere(work, provider.CLIENTS, provider.submit)
                provider.last_completion(service, documents + provider.WARM)
                after, seen = cpu_seconds(root), kinds(root)
            cpu = {kind: seconds - before.get(kind, 0.0) for kind, seconds in after.items()}
            with raw.open() as lines:
                return Profile(cpu, sort_samples(lines, seen), documents)


@contextmanager
def watched(service: Service, raw: Path) -> Iterator[None]:
    """Have py-spy take samples of the whole tree during the block."""
    command = [str(PY_SPY), "record", "--subprocesses", "--format", "raw", "--duration", "86400"]
    command += ["--rate", str(SAMPLES_PER_SECOND), "--pid", str(service.process.pid)]
    with subprocess.Popen(
        [*command, "--output", str(raw)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as spy:
        yield
        spy.send_signal(signal.SIGINT)  # it writes what it has, and ends
        _, said = spy.communicate()
    if not raw.exists():
        raise RuntimeError(f"py-spy has written nothing: {said.decode()}")


def table(now: Profile, before: dict[Key, float] | None, text: str) -> str:
    """Return the rows, the heaviest of before first; `text` has those that are replaced."""
    former = dict(rows(text))
    was = before or {key: ms for key, (ms, _) in former.items() if ms is not None}
    is_now = now.milliseconds()
    heaviest = sorted({*was, *is_now}, key=lambda key: -max(was.get(key, 0), is_now.get(key, 0)))
    if was:
        heaviest.sort(key=lambda key: -was.get(key, 0))
    out = HEAD
    for key in heaviest[:LINES]:
        functions = now.lines[key].functions.most_common(2) if key in now.lines else []
        done = former.get(key, (None, ""))[1]
        out += (
            f"| {key[0]} | {key[1]} | {_number(was.get(key))} | {_number(is_now.get(key, 0.0))} | "
            f"{', '.join(f'`{name}`' for name, _ in functions)} | {done} |\n"
        )
    total = _number(sum(was.values()) if was else None), _number(sum(is_now.values()))
    return out + f"| all | | {total[0]} | {total[1]} | | |\n"


def rows(text: str) -> Iterator[tuple[Key, tuple[float | None, str]]]:
    """Yield the lines of a table written before: milliseconds of before, and what was done."""
    pattern = re.compile(r"\| (\w+) \| (\w+) \| ([\d.]+|–) \| [\d.]+ \| [^|]* \| ?(.*?) ?\|$", re.M)
    for kind, step, before, done in pattern.findall(text):
        yield (kind, step), (None if before == "–" else float(before), done)


def _number(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:.2f}"


if __name__ == "__main__":
    main()
