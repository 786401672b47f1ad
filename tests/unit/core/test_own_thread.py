from __future__ import annotations

import threading

import pytest

from ilios.core import own_thread


def test_work_is_done_in_a_thread_of_its_own() -> None:
    assert own_thread.run(threading.get_ident) != threading.get_ident()


def test_what_it_returns_is_returned() -> None:
    assert own_thread.run(lambda: None) is None
    assert own_thread.run(lambda: 5) == 5


@pytest.mark.parametrize("error", [ValueError("wrong"), SystemExit(3), KeyboardInterrupt()])
def test_what_it_raises_is_raised(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        own_thread.run(fail)

    assert raised.value is error
