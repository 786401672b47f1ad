"""Whether a pipe can be read."""

from __future__ import annotations

import multiprocessing
import threading

import pytest

from ilios.core.pipes import is_readable


def test_a_pipe_is_readable_when_something_was_sent() -> None:
    ours, theirs = multiprocessing.Pipe()
    assert not is_readable(ours)

    theirs.send("word")

    assert is_readable(ours)
    assert ours.recv() == "word"
    assert not is_readable(ours, 0.001)


def test_it_is_waited_for() -> None:
    ours, theirs = multiprocessing.Pipe()
    threading.Timer(0.01, theirs.send, ["word"]).start()

    assert is_readable(ours, 10.0)


def test_the_end_can_be_read_too() -> None:
    ours, theirs = multiprocessing.Pipe()
    theirs.close()

    assert is_readable(ours)


def test_a_pipe_that_we_have_closed_raises() -> None:
    ours, _theirs = multiprocessing.Pipe()
    ours.close()

    with pytest.raises(OSError, match="closed"):
        is_readable(ours)
