"""The start of the two halves, when the system gives no process for the second."""

from __future__ import annotations

import os
import signal
from multiprocessing.process import BaseProcess

import psutil
import pytest

from ilios import launch
from ilios.core import forks
from tests.support.waiting import wait_for_ends


def _wait(_parent: int) -> None:
    signal.pause()


def test_the_first_half_is_ended_when_the_second_cannot_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[BaseProcess] = []

    def start(name: str, _target: forks.Target) -> BaseProcess:
        if started:
            raise BlockingIOError("no process left")
        started.append(forks.start(_wait, name, (os.getpid(),), leads_group=True))
        return started[0]

    monkeypatch.setattr(launch, "_start", start)

    with pytest.raises(BlockingIOError):
        launch._start_halves()

    wait_for_ends([psutil.Process(started[0].pid)], timeout_s=20)
    started[0].join()
    assert started[0].exitcode == -signal.SIGTERM
