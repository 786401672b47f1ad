"""`ilios convert` where a stream is closed, a stop comes early, or a result has no place."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.test_convert import ENDED, ENVIRONMENT, INTERRUPTED, convert
from tests.support.forking import REPOSITORY
from tests.support.waiting import wait_until


@pytest.mark.parametrize("closed", ["input", "output"])
def test_a_stream_that_is_closed_is_one_line(tmp_path: Path, closed: str) -> None:
    number = {"input": 0, "output": 1}[closed]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {number}>&-', "sh", sys.executable, "-m", "ilios", "convert", "-"],
        env={**ENVIRONMENT, "PYTHONPATH": str(REPOSITORY)}, cwd=tmp_path, stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (1, f"Error: standard {closed}: It is closed.\n")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, ENDED)]
)
def test_a_stop_ends_the_reading_of_standard_input(tmp_path: Path, number: int, code: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ilios", "convert", "-"], stdin=subprocess.PIPE,
        cwd=tmp_path, stderr=subprocess.PIPE,
        env={**ENVIRONMENT, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    with process:
        wait_until(lambda: any(tmp_path.glob("ilios-*/stdin")), 60)
        process.send_signal(number)
        assert process.wait(60) == code
        assert process.stderr is not None
        assert process.stderr.read() == b""

    assert not any(tmp_path.iterdir())


def test_a_result_that_has_no_place_is_one_line_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "sub/c.csv"):
        (tmp_path / "docs" / name).write_text("a,b\n1,2\n")
    (tmp_path / "out" / "a.md").mkdir(parents=True)
    (tmp_path / "out" / "sub").touch()

    done = convert("docs", "-o", "out", folder=tmp_path)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "ilios: docs/a.csv: Is a directory: out/a.md.",
        "ilios: docs/sub/c.csv: File exists: out/sub.",
    ]
    assert (tmp_path / "out" / "b.md").read_text().startswith("| a | b |")
