"""The server as a process: it starts, says where it is, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.mistral_server.process import REPOSITORY, MistralServer
from tests.support.waiting import wait_until

STARTER = """
import subprocess, sys
command = [sys.executable, "-m", "tests.mistral_server", "--latency-ms", "5"]
child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
print(child.stdout.readline(), flush=True)
sys.stdin.read()
"""


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/__stats", timeout=30).ok
    except requests.ConnectionError:
        return False


def test_it_ends_with_the_process_that_started_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with starter:
        assert starter.stdout is not None
        url = starter.stdout.readline().strip()
        assert answers(url)
        assert list(tmp_path.iterdir())
        starter.kill()

    wait_until(lambda: not answers(url), timeout_s=20)
    wait_until(lambda: not list(tmp_path.iterdir()), timeout_s=20)


def test_it_ends_when_it_is_told_to_and_deletes_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with MistralServer(lenient=True) as server:
        assert answers(server.url)

    assert server.process.returncode == 0
    assert list(tmp_path.iterdir()) == []
