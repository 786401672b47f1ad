"""`ilios bulk` as a user runs it, with a real Ray from an environment of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil
import pytest

from tests.support.api_server import free_port
from tests.support.externals import unavailable
from tests.support.forking import REPOSITORY
from tests.support.waiting import wait_for_ends, wait_until

PYTHON: Final = REPOSITORY / ".venv-bulk" / "bin" / "python"
OFF: Final = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # keeps a cluster on the loopback
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_REPORT_URL": "",
}
READY_S: Final = 300.0
RUN_S: Final = 600.0  #: far more than a run takes here, with the start of Ray
SUMMARY: Final = re.compile(r"([\d,]+) converted")


@dataclass(frozen=True)
class Ended:
    """A run that has ended: its exit code, and what it said."""

    code: int
    errors: str

    @property
    def converted(self) -> int:
        """How many documents it says that it has converted."""
        return int(SUMMARY.findall(self.errors)[-1].replace(",", ""))


class Running:
    """A run: a process, and those of Ray below it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._children: dict[int, psutil.Process] = {}

    def children(self) -> list[psutil.Process]:
        """Return all processes that have been seen below it."""
        for one in psutil.Process(self.process.pid).children(recursive=True):
            self._children.setdefault(one.pid, one)
        return list(self._children.values())

    def workers(self) -> list[psutil.Process]:
        """Return the processes of Ray that convert."""
        return [one for one in self.children() if _title(one).startswith("ray::Worker")]

    def ended(self) -> Ended:
        _, errors = self.process.communicate(timeout=RUN_S)
        return Ended(self.process.returncode, errors)


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `ilios bulk` with arguments and variables; it ends with the test."""
    if not PYTHON.exists():
        unavailable("no Ray: `make bulk-test` installs it")
    (tmp_path / "home").mkdir()
    started: list[Running] = []
    with ExitStack() as ends:

        def start(*arguments: str | Path, **variables: str) -> Running:
            kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
            environment = {**kept, "HOME": str(tmp_path / "home"), "PYTHONPATH": str(REPOSITORY)}
            process = subprocess.Popen(
                [PYTHON, "-m", "ilios", "bulk", *map(str, arguments)],
                env={**environment, "PYTHONDONTWRITEBYTECODE": "1", **variables},
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            ends.enter_context(process)
            ends.callback(process.kill)
            started.append(Running(process))
            return started[-1]

        yield start


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """Run a cluster of one machine on the loopback; return its address."""
    if not PYTHON.exists():
        unavailable("no Ray: `make bulk-test` installs it")
    port = free_port()
    options = (
        "--head", "--block", "--num-cpus=2", "--include-dashboard=false",
        "--node-ip-address=127.0.0.1", f"--port={port}", "--object-store-memory=134217728",
    )  # fmt: skip
    log = tmp_path / "cluster.log"
    with (
        # Ray makes sockets below it, whose names must be short.
        TemporaryDirectory(prefix="ilios-", dir="/tmp") as folder,
        log.open("wb") as output,
        subprocess.Popen(
            [PYTHON.with_name("ray"), "start", *options, f"--temp-dir={folder}"],
            env={"PATH": os.environ["PATH"], "HOME": folder, "PYTHONPATH": str(REPOSITORY), **OFF},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            wait_until(lambda: "runtime started" in log.read_text(), READY_S)
            yield f"127.0.0.1:{port}"
        finally:
            children = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            wait_for_ends(children, READY_S)


def records(target: Path) -> list[dict[str, Any]]:
    """Return what all parts in lines of JSON have."""
    return [
        json.loads(line)
        for path in sorted(target.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


def lines_under_way(target: Path) -> int:
    """Return how many whole lines there are of parts that do not count yet."""
    staged = target / "_ilios" / "staged"
    return sum(path.read_bytes().count(b"\n") for path in staged.glob("*.jsonl"))


def rows(target: Path) -> list[dict[str, Any]]:
    """Return what all parts in Parquet have, read by the Python that has pyarrow."""
    program = (
        "import json, sys; from pyarrow import parquet; "
        "print(json.dumps(parquet.read_table(sys.argv[1]).to_pylist()))"
    )
    done = subprocess.run(
        [PYTHON, "-c", program, target], capture_output=True, text=True, check=True
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def command_of(process: psutil.Process) -> list[str]:
    """Return the command line of a process; nothing of one that has ended."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _title(process: psutil.Process) -> str:
    return " ".join(command_of(process))
