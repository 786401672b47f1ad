"""Work in a thread of its own, which takes what was done to the thread with it when it ends."""

from __future__ import annotations

from _thread import start_new_thread
from collections.abc import Callable
from typing import TypeVar

from ilios.core.wakeup import Wakeup

T = TypeVar("T")


def run(work: Callable[[], T]) -> T:
    """Do the work in a new thread, whose niceness ends with it; return or raise what it does.

    Neither threading's nor concurrent.futures's threads, which take several times as long.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    has_ended = Wakeup()

    def do() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  # the caller's thread raises it
            errors.append(error)
        finally:
            has_ended.set()

    start_new_thread(do, ())
    has_ended.wait()
    if errors:
        raise errors[0]
    return results[0]
