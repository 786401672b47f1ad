"""Threads that run what the poller begins: as many as are needed, and none is lost to an error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

import pytest

from ilios.core.thread_pool import ThreadPool
from tests.support.waiting import wait_until

THREADS = 3
PATIENCE_SECONDS = 10.0


@pytest.fixture
def ran() -> SimpleQueue[str]:
    """Return the names of the threads that have run something."""
    return SimpleQueue()


@pytest.fixture
def name_thread(ran: SimpleQueue[str]) -> Callable[[], None]:
    return lambda: ran.put(threading.current_thread().name)


def idle(pool: ThreadPool) -> int:
    return len(pool._idle)


def test_one_thread_is_enough_for_work_that_comes_when_it_is_done(
    ran: SimpleQueue[str], name_thread: Callable[[], None]
) -> None:
    pool = ThreadPool("test", THREADS)
    for _ in range(THREADS):
        pool.run(name_thread)
        assert ran.get(timeout=PATIENCE_SECONDS) == "test_0"
        wait_until(lambda: idle(pool) == 1, PATIENCE_SECONDS)


def test_there_are_as_many_threads_as_work_at_once_but_no_more_than_the_pool_has(
    ran: SimpleQueue[str], name_thread: Callable[[], None]
) -> None:
    pool, go_on = ThreadPool("test", THREADS), threading.Event()

    def work() -> None:
        go_on.wait(PATIENCE_SECONDS)
        name_thread()

    for _ in range(2 * THREADS):
        pool.run(work)
    go_on.set()
    names = {ran.get(timeout=PATIENCE_SECONDS) for _ in range(2 * THREADS)}
    assert names <= {"test_0", "test_1", "test_2"}


def test_an_error_is_told_and_its_thread_goes_on(
    ran: SimpleQueue[str], name_thread: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: SimpleQueue[type[BaseException]] = SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", lambda crash: told.put(crash.exc_type))
    pool = ThreadPool("test", 1)
    pool.run(lambda: 1 // 0)
    pool.run(name_thread)
    assert told.get(timeout=PATIENCE_SECONDS) is ZeroDivisionError
    assert ran.get(timeout=PATIENCE_SECONDS) == "test_0"
