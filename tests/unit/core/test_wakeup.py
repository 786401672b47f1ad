"""A thread that waits is woken once."""

from __future__ import annotations

import threading

from ilios.core.wakeup import Wakeup


def test_a_thread_waits_until_it_is_set() -> None:
    wakeup = Wakeup()
    threading.Timer(0.01, wakeup.set).start()

    assert wakeup.wait()


def test_what_was_set_before_is_not_waited_for_and_counts_once() -> None:
    wakeup = Wakeup()
    wakeup.set()

    assert wakeup.wait(0)
    assert not wakeup.wait(0)


def test_a_wait_ends_with_its_timeout() -> None:
    assert not Wakeup().wait(0.001)
