"""Whether pipes can be read."""

from __future__ import annotations

import multiprocessing
import threading

import pytest

from ilios.core.pipes import is_readable, wait


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


def test_of_many_those_are_found_that_can_be_read() -> None:
    (silent, _kept), (spoken, speaker), (ended, other) = (multiprocessing.Pipe() for _ in range(3))
    speaker.send("word")
    other.close()

    found = wait([silent, spoken, ended.fileno()], 10.0)

    assert found == {spoken, ended.fileno()}


def test_nothing_is_found_within_the_time() -> None:
    silent, _kept = multiprocessing.Pipe()

    assert wait([silent], 0.001) == set()
    assert wait([silent], -1.0) == set()
