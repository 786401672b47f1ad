"""Children that have nothing of their parent's memory."""

from __future__ import annotations

import os
import socket
import sys
from multiprocessing.connection import Connection

import psutil
import pytest

from ilios.core import interpreters
from tests.support import imported_niceness

TIMEOUT_S = 30.0


def test_a_child_runs_the_target_in_an_interpreter_of_its_own() -> None:
    ends = socket.socketpair()  # a descriptor that it does not get

    child, pipe = interpreters.start(tell, ends[0].fileno())

    assert pipe.recv() == (child.pid, [])
    assert child.wait(TIMEOUT_S) == 0
    pipe.close()
    for end in ends:
        end.close()


def test_no_other_process_is_left() -> None:
    before = psutil.Process().children()

    child, pipe = interpreters.start(tell, 0)

    child.wait(TIMEOUT_S)
    assert psutil.Process().children() == before
    pipe.close()


def test_the_end_of_a_child_is_the_end_of_its_pipe() -> None:
    child, pipe = interpreters.start(os_exit, 7)

    with pytest.raises(EOFError):
        pipe.recv()

    assert child.wait(TIMEOUT_S) == 7
    pipe.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness")
def test_what_a_child_imports_gives_way_and_what_it_does_then_does_not() -> None:
    child, pipe = interpreters.start(imported_niceness.tell, import_niceness=3)
    ours = os.getpriority(os.PRIO_PROCESS, 0)

    assert pipe.recv() == (min(19, ours + 3), ours)
    assert child.wait(TIMEOUT_S) == 0
    pipe.close()


def tell(pipe: Connection, descriptor: int) -> None:
    """Say who runs, and the descriptor if it is open here."""
    pipe.send((os.getpid(), [descriptor] if descriptor and _is_open(descriptor) else []))


def os_exit(_pipe: Connection, code: int) -> None:
    os._exit(code)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
