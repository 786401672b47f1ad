"""A worker between its jobs."""

from __future__ import annotations

import multiprocessing
import threading
from typing import Any, cast

import pytest

from ilios.db.models import JobType
from ilios.queue.jobs import Lease
from ilios.workers import messages, worker
from ilios.workers.messages import Alive, Ended, Ready, Stop
from ilios.workers.places import Places
from ilios.workers.worker import Worker

TIMEOUT_S = 20


class Converter:
    """Ends every job at once."""

    def run(self, _: Lease) -> None:
        return None


class Upkeep:
    """Has no database."""

    def index_entered(self) -> None:
        return None


def test_a_worker_gives_free_memory_back_once_after_its_last_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_back = threading.Semaphore(0)
    monkeypatch.setattr(worker, "ALIVE_SECONDS", 0.02)
    monkeypatch.setattr(worker, "give_back_memory", given_back.release)
    ours, theirs = multiprocessing.Pipe()
    noted, begun = multiprocessing.Pipe(duplex=False)
    nothing = cast("Any", None)
    subject = Worker(
        theirs,
        begun,
        cast("Any", Converter()),
        {},
        {"embedded": Places(1, 1)},
        nothing,
        nothing,
        cast("Any", Upkeep()),
    )
    running = threading.Thread(target=subject.run)
    running.start()
    try:
        assert isinstance(ours.recv(), Ready)
        assert isinstance(ours.recv(), Alive)
        assert isinstance(ours.recv(), Alive)
        assert not given_back.acquire(blocking=False)  # it has not worked yet

        messages.send(ours, Lease("a" * 24, "token", JobType.CONVERT))
        while not isinstance(ours.recv(), Ended):
            pass
        assert list(messages.jobs_begun(noted)) == ["a" * 24]
        assert given_back.acquire(timeout=TIMEOUT_S)
        assert isinstance(ours.recv(), Alive)
        assert isinstance(ours.recv(), Alive)
        assert not given_back.acquire(blocking=False)
    finally:
        messages.send(ours, Stop())
        running.join(TIMEOUT_S)
    assert not running.is_alive()
