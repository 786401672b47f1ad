"""Children that share what their parent has imported."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from ilios.core import forks, platform

pytestmark = pytest.mark.skipif(not platform.CAN_FORK, reason="needs Linux")
TIMEOUT_S = 30.0


def test_a_child_has_no_descriptors_but_those_that_it_is_given() -> None:
    ours, theirs = multiprocessing.Pipe()
    others, ends = socket.socketpair()
    number = ends.fileno()

    child = forks.start(tell, "child", (theirs, number), kept=(theirs.fileno(),))
    theirs.close()
    ends.close()

    assert ours.recv() == (os.devnull, -1)
    others.settimeout(TIMEOUT_S)
    assert others.recv(1) == b""  # nobody has the other end any more
    ours.send(None)
    child.join(TIMEOUT_S)
    assert child.exitcode == 0
    ours.close()
    others.close()


def test_a_child_of_a_process_that_is_woken_by_signals_is_not() -> None:
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno())
    ours, theirs = multiprocessing.Pipe()
    try:
        child = forks.start(tell, "child", (theirs, 0), kept=(theirs.fileno(), writer.fileno()))
        *_, wakeup = ours.recv()
        ours.send(None)
        child.join(TIMEOUT_S)
    finally:
        signal.set_wakeup_fd(before)

    assert wakeup == -1
    for end in (ours, theirs, reader, writer):
        end.close()


def tell(pipe: Connection, number: int) -> None:
    """Send where a descriptor leads and what signals wake; end when something comes."""
    pipe.send((str(Path(f"/proc/self/fd/{number}").readlink()), signal.set_wakeup_fd(-1)))
    pipe.recv()
