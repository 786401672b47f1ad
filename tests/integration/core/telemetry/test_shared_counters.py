"""Counts of several processes, with real processes that are killed, forked and out of space."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ilios.core.telemetry import shared_counters
from tests.support.forking import REPOSITORY

COUNT = """
import os, sys
from pathlib import Path
from ilios.core.telemetry import metrics, shared_counters
shared_counters.share(Path(sys.argv[1]))
"""
ONCE = COUNT + "metrics.RETRIES.labels('worker_lost').inc()\n"
AND_STAY = "print('counted', flush=True); sys.stdin.read()\n"
FORK = """
if child := os.fork():
    os.waitpid(child, 0)
else:
    metrics.RETRIES.labels('worker_lost').inc()
    os._exit(0)
"""
FILL = (
    "for n in range(5_000): metrics.RETRIES.labels('label' * 20 + str(n)).inc()\nprint('alive')\n"
)
LEAVE = "shared_counters.close()\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "metrics"


@pytest.fixture
def run(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run a script with a folder to share; it has counted when this returns."""
    started: list[subprocess.Popen[str]] = []

    def run(script: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [*prefix, sys.executable, "-c", script, folder],
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


Run = Callable[..., subprocess.Popen[str]]


def start(run: Run, script: str = ONCE) -> subprocess.Popen[str]:
    process = run(script + AND_STAY)
    assert process.stdout is not None
    assert process.stdout.readline() == "counted\n"
    return process


@pytest.fixture
def retries(folder: Path) -> Iterator[Callable[[], float]]:
    """Return a function that sums up what all processes have counted."""
    shared_counters.share(folder)

    def retries() -> float:
        collector = shared_counters.collector()
        assert collector is not None
        return sum(
            sample.value
            for family in collector.collect()  # type: ignore[no-untyped-call]
            for sample in family.samples
            if sample.name == "ilios_retries_total"
        )

    yield retries
    shared_counters.close()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.db"))


def test_a_count_outlives_its_process_and_its_successor_goes_on_in_the_same_file(
    run: Run, folder: Path, retries: Callable[[], float]
) -> None:
    assert retries() == 0
    start(run)
    for deaths in range(1, 4):
        victim = start(run)
        before = files(folder)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        assert retries() == 1 + deaths

    start(run)

    assert retries() == 5
    assert files(folder) == before


def test_a_process_that_was_forked_counts_in_files_of_its_own(
    run: Run, folder: Path, retries: Callable[[], float]
) -> None:
    assert retries() == 0

    start(run, ONCE + FORK)

    assert retries() == 2
    assert len(files(folder)) == 2


def test_the_first_process_starts_at_zero_and_the_last_one_removes_the_folder(
    run: Run, folder: Path, retries: Callable[[], float]
) -> None:
    shared_counters.close()
    first = start(run)
    first.kill()
    first.wait()
    run(ONCE + LEAVE).wait()
    assert not folder.exists()
    killed = start(run)
    killed.kill()
    killed.wait()
    assert files(folder)

    shared_counters.share(folder)

    assert retries() == 0


def test_a_folder_of_another_user_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "theirs").symlink_to(tmp_path)

    shared_counters.share(tmp_path / "theirs", tmp_path / "ours")

    assert shared_counters.collector() is not None
    assert (tmp_path / "ours" / "slot-0").exists()
    shared_counters.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root and a mount namespace")
@pytest.mark.parametrize("size", ["8k", "100k", "200k"])
def test_a_full_disk_costs_counts_but_no_process(run: Run, folder: Path, size: str) -> None:
    folder.mkdir()
    script = f'mount -t tmpfs -o size={size} none "$0" && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", script, str(folder))

    process = run(COUNT + FILL, prefix)

    assert process.communicate()[0].endswith("alive\n")
    assert process.returncode == 0


def test_a_parser_child_does_not_load_the_counters() -> None:
    script = (
        "import sys, ilios.engines.parser_process, ilios.engines.pdf_cutting\n"
        "import ilios.engines.embedded.ocr.recognized_text\n"
        "sys.exit('prometheus_client' in sys.modules)"
    )

    assert (
        subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=False).returncode == 0
    )
