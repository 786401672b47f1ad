"""When the processes of a siege begin: all at once, when all of them have started.

Their start is no attack, and takes the processor for seconds, on some machines for many.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing.synchronize import Barrier
from typing import TypeVar

START_TIMEOUT_S = 120.0
PAUSE_S = 2.0  #: after the last one has started: the service is idle when the siege begins
SPAWN = multiprocessing.get_context("spawn")

T = TypeVar("T")


@contextmanager
def pools(*sizes: int) -> Iterator[tuple[float, list[ProcessPoolExecutor]]]:
    """Provide pools whose processes have started, and the moment from which on they are to act.

    The moment is one of time.monotonic(), which processes share. Raises BrokenBarrierError when a
    process has not started within START_TIMEOUT_S.
    """
    all_started = SPAWN.Barrier(sum(sizes) + 1)
    with ExitStack() as stack:
        made = [
            stack.enter_context(
                ProcessPoolExecutor(size, SPAWN, initializer=_say_started, initargs=(all_started,))
            )
            for size in sizes
        ]
        for size, pool in zip(sizes, made, strict=True):
            for _ in range(size):  # none is idle before all have started: each starts a process
                pool.submit(os.getpid)
        all_started.wait(START_TIMEOUT_S)
        yield time.monotonic() + PAUSE_S, made


def _say_started(all_started: Barrier) -> None:
    all_started.wait(START_TIMEOUT_S)


def acting_from(moment: float, act: Callable[..., T], *arguments: object) -> T:
    """Act from a moment of time.monotonic() on."""
    time.sleep(max(0.0, moment - time.monotonic()))
    return act(*arguments)
