"""The one parser that may take much memory: documents take turns, across processes."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from ilios.core.conversion_errors import EngineFailed, OutOfMemory
from ilios.engines import parser_messages
from ilios.engines.large_parser import LargeParser
from ilios.engines.parser_messages import Message
from tests.support.waiting import wait_until

MIB = 1024 * 1024


def work(task: Message) -> Iterator[Message]:
    """Take as much memory as the task says, in the child."""

    def taken() -> Iterator[Message]:
        yield {"type": "taken", "bytes": len(bytearray(task["bytes"]))}

    yield from parser_messages.with_errors(taken())


@pytest.fixture
def parser(tmp_path: Path) -> LargeParser:
    return LargeParser(work, 512 * MIB, 256 * MIB, tmp_path / "run" / "lock")


def run(parser: LargeParser, mib: int, seconds: float = 60.0) -> list[Message]:
    return list(parser.run({"bytes": mib * MIB}, time.monotonic() + seconds, "task"))


def test_a_task_gets_the_memory_of_the_large_parser_and_no_more(parser: LargeParser) -> None:
    (taken,) = run(parser, 150)
    (refused,) = run(parser, 300)

    assert taken["bytes"] == 150 * MIB
    assert isinstance(parser_messages.error_of(refused), OutOfMemory)


def test_who_waits_until_its_time_is_up_fails_for_now(parser: LargeParser, tmp_path: Path) -> None:
    run(parser, 1)
    with (tmp_path / "run" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(EngineFailed, match="much memory"):
            run(parser, 1, seconds=0.0)

    assert run(parser, 1)


def test_a_task_that_is_left_early_gives_its_turn_back(parser: LargeParser) -> None:
    with closing(parser.run({"bytes": 1}, time.monotonic() + 60, "task")) as answers:
        next(answers)

    assert run(parser, 1, seconds=20)


def test_a_task_that_waits_can_be_stopped(parser: LargeParser, tmp_path: Path) -> None:
    run(parser, 1)
    with (tmp_path / "run" / "lock").open() as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        task = pool.submit(run, parser, 1)

        wait_until(lambda: _stopped(parser, task), timeout_s=20)

        with pytest.raises(EngineFailed):
            task.result()


def _stopped(parser: LargeParser, task: Future[list[Message]]) -> bool:
    """Stop the task, which may not have begun yet; return whether it has ended."""
    parser.stop("task")
    return task.done()
