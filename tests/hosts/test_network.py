"""Hosts themselves: who hears whom, and what is left of them when a run is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from tests.hosts.network import NAMESPACES, Host, Network
from tests.support.forking import REPOSITORY
from tests.support.waiting import has_ended, wait_until

END_TIMEOUT_S = 30.0
ANSWER_TIMEOUT_S = 1.0
PORT = 8080
RUN = """
import sys, time
from pathlib import Path
from tests.hosts.network import Network
with Network(Path(sys.argv[1])) as network:
    print(network.host("one").start("sleep", "600").pid, flush=True)
    time.sleep(600)
"""


def test_nothing_is_left_of_a_run_that_was_killed(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, tmp_path], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    with run:
        assert run.stdout is not None
        sleeper = psutil.Process(int(run.stdout.readline()))
        assert _names(run.pid) == {f"ilios{run.pid}n1-one", f"ilios{run.pid}n1-switch"}
        run.kill()

    wait_until(lambda: not _names(run.pid), END_TIMEOUT_S)
    assert has_ended(sleeper)
    assert f"ilios{run.pid}n1" not in psutil.net_if_addrs()


@pytest.mark.parametrize(("hears", "speaks"), [(False, False), (False, True), (True, False)])
def test_a_host_that_is_cut_off_answers_nobody_and_does_again_afterwards(
    tmp_path: Path, hears: bool, speaks: bool
) -> None:
    with Network(tmp_path) as network:
        host = network.host("one")
        host.start(sys.executable, "-m", "http.server", str(PORT))
        wait_until(lambda: _answers(host), END_TIMEOUT_S)

        host.cut(hears=hears, speaks=speaks)

        assert not _answers(host)
        host.mend()
        assert _answers(host)
        host.pause()
        assert not _answers(host)
        host.resume()
        assert _answers(host)


def test_a_host_may_be_cut_off_from_one_other_alone(tmp_path: Path) -> None:
    with Network(tmp_path) as network:
        host, other = network.host("one"), network.host("two")
        host.start(sys.executable, "-m", "http.server", str(PORT))
        wait_until(lambda: _answers(host), END_TIMEOUT_S)

        host.cut(peer=other)

        assert _answers(host)
        assert _reach(other, host) != 0
        host.mend()
        assert _reach(other, host) == 0


def test_two_networks_of_one_process_are_apart(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    with Network(folders[0]) as first, Network(folders[1]) as second:
        host, other = first.host("one"), second.host("one")
        host.start(sys.executable, "-m", "http.server", str(PORT))
        wait_until(lambda: _answers(host), END_TIMEOUT_S)

        assert host.address != other.address
        assert _reach(other, host) != 0


def _answers(host: Host) -> bool:
    try:
        return requests.get(f"http://{host.address}:{PORT}", timeout=ANSWER_TIMEOUT_S).ok
    except requests.RequestException:
        return False


def _reach(host: Host, other: Host) -> int:
    """Return the exit code of a connection from one host to another."""
    connect = f"import socket; socket.create_connection(('{other.address}', {PORT}), 1)"
    return host.start(sys.executable, "-c", connect).wait()


def _names(pid: int) -> set[str]:
    return {one.name for one in NAMESPACES.glob(f"ilios{pid}n*")}
