"""Waiting for a condition instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import psutil

FIRST_POLL_SECONDS = 0.005
LAST_POLL_SECONDS = 0.1  #: what waits for long is not to take the processor from what it waits for


def wait_until(predicate: Callable[[], object], timeout_s: float) -> None:
    """Return when the predicate holds. Raises TimeoutError with its source line otherwise."""
    deadline = time.monotonic() + timeout_s
    pause = FIRST_POLL_SECONDS
    while not predicate():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so within {timeout_s} s")
        time.sleep(pause)
        pause = min(pause * 1.3, LAST_POLL_SECONDS)


def wait_for_ends(processes: Sequence[psutil.Process], timeout_s: float) -> None:
    """Return when all have ended. Raises TimeoutError otherwise.

    Whether the parent has taken note does not matter: of an orphan that is PID 1, which may take
    seconds for it.
    """
    wait_until(lambda: all(has_ended(process) for process in processes), timeout_s)


def has_ended(process: psutil.Process) -> bool:
    """Return whether it has, also if its parent has not taken note."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
