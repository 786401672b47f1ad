"""The parser child: what a hostile file does to it, it does to nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from ilios.core import interpreters
from ilios.core.conversion_errors import DeadlineExceeded, EngineFailed, ParserCrashed
from ilios.engines import parser_messages, parser_process
from ilios.engines.parser_messages import MESSAGE_MAX_BYTES, Message, error_of
from ilios.engines.parser_pool import GUEST_PARSERS, PARSERS, ParserPool
from ilios.engines.parser_process import ParserProcess, Readiness
from tests.support.forking import REPOSITORY
from tests.support.waiting import wait_for_ends, wait_until

MIB = 1024 * 1024
LIMIT = 512 * MIB


def work(task: Message) -> Iterator[Message]:
    """Do, in the child, what the task says."""
    match task["do"]:
        case "echo":
            yield {"type": task.get("as", "echo"), "said": task["say"], "pid": os.getpid()}
        case "die":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            time.sleep(600)
        case "eat":
            yield {"type": "ate", "bytes": len(bytearray(task["bytes"]))}
        case "exit":
            os._exit(3)
        case "shout":
            yield {"type": "shout", "said": "x" * task["bytes"]}
        case "mumble":
            yield {"type": ["no", "message"]}
        case "flood":
            for number in range(task["count"]):
                yield {"type": "number", "number": number}


def linger(task: Message) -> Iterator[Message]:
    """Say in the child that it has a thread of its own, then wait until a file is there."""
    with ThreadPoolExecutor(2) as threads:
        threads.submit(os.getpid).result()
        yield {"type": "lingering", "pid": os.getpid()}
        wait_until(Path(task["until"]).exists, timeout_s=60)


@pytest.fixture
def parser() -> Iterator[ParserProcess]:
    parser = ParserProcess(work, LIMIT)
    yield parser
    parser.close()


def echo(parser: ParserProcess, say: str = "hi") -> Message:
    (answer,) = parser.run({"do": "echo", "say": say}, deadline_seconds=20)
    return answer


def test_a_child_serves_one_task_after_the_other(parser: ParserProcess) -> None:
    first, second = echo(parser, "Grüße"), echo(parser)

    assert first["said"] == "Grüße"
    assert first["pid"] == second["pid"] != os.getpid()


def test_what_a_work_says_at_its_end_is_passed_on(parser: ParserProcess) -> None:
    task = {"do": "echo", "as": parser_messages.END}
    said = [list(parser.run({**task, "say": say}, 20)) for say in ("one", "two")]

    assert [[answer["said"] for answer in answers] for answers in said] == [["one"], ["two"]]


def test_a_crash_is_named_and_the_next_task_gets_a_new_child(parser: ParserProcess) -> None:
    before = echo(parser)

    with pytest.raises(ParserCrashed, match="SIGSEGV"):
        list(parser.run({"do": "die"}, deadline_seconds=20))

    assert echo(parser)["pid"] != before["pid"]


def test_a_child_that_is_killed_before_its_first_task_arrives_is_a_crash_too(
    parser: ParserProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel kills a child at any moment, the largest first."""
    start = interpreters.start

    def killed_at_once(*args: Any, **options: Any) -> Any:
        child, pipe = start(*args, **options)
        child.kill()
        child.wait()
        return child, pipe

    with monkeypatch.context() as patch:
        patch.setattr(interpreters, "start", killed_at_once)
        with pytest.raises(ParserCrashed, match="SIGKILL"):
            echo(parser)

    assert echo(parser)["said"] == "hi"


def test_an_exit_is_a_crash_too(parser: ParserProcess) -> None:
    with pytest.raises(ParserCrashed, match="exit code 3"):
        list(parser.run({"do": "exit"}, deadline_seconds=20))


def test_a_child_that_takes_too_long_is_killed(parser: ParserProcess) -> None:
    child = psutil.Process(echo(parser)["pid"])

    with pytest.raises(DeadlineExceeded):
        list(parser.run({"do": "hang"}, deadline_seconds=0.2))

    assert not child.is_running()
    assert echo(parser)["said"] == "hi"


def test_a_spawn_that_fails_once_is_forgotten(
    parser: ParserProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more_processes(*_arguments: object, **_options: object) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("subprocess.Popen.__init__", no_more_processes)
        with pytest.raises(BlockingIOError):
            echo(parser)

    assert echo(parser)["said"] == "hi"


def test_memory_is_bounded(parser: ParserProcess) -> None:
    assert next(parser.run({"do": "eat", "bytes": 64 * MIB}, deadline_seconds=20))

    with pytest.raises(ParserCrashed):
        list(parser.run({"do": "eat", "bytes": 2 * LIMIT}, deadline_seconds=20))


def test_a_reader_that_stops_in_the_middle_leaves_nothing_behind(parser: ParserProcess) -> None:
    answers = parser.run({"do": "flood", "count": 100_000}, deadline_seconds=20)
    assert next(answers)["number"] == 0
    answers.close()

    assert echo(parser)["said"] == "hi"


def nicenesses(process: psutil.Process) -> tuple[int, set[int]]:
    """Return the niceness of a process's first thread and of the others, beyond ours."""
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    of = {}
    for thread in process.threads():
        with suppress(ProcessLookupError):  # it has ended meanwhile
            of[thread.id] = os.getpriority(os.PRIO_PROCESS, thread.id) - ours
    return of.pop(process.pid), {*of.values()}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a niceness for each thread")
def test_a_long_task_gives_way_with_all_its_threads_and_the_next_one_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setattr(parser_process, "LATER_NICENESS", ())
    with closing(ParserProcess(linger, LIMIT)) as parser:
        lingering = parser.run({"until": str(first)}, deadline_seconds=60)
        child = psutil.Process(next(lingering)["pid"])
        assert len(child.threads()) > 2
        # The thread that imported may still be about to end.
        wait_until(lambda: nicenesses(child) == (0, {0}), timeout_s=20)
        monkeypatch.setattr(parser_process, "LATER_NICENESS", ((0.0, 10), (0.001, 15)))
        monkeypatch.setattr(parser, "_look_at", 0.0)
        with ThreadPoolExecutor(1) as reader:
            rest = reader.submit(list, lingering)
            wait_until(lambda: nicenesses(child) == (0, {15}), timeout_s=20)
            first.touch()
            assert rest.result() == []

        monkeypatch.setattr(parser_process, "LATER_NICENESS", ())
        lingering = parser.run({"until": str(second)}, deadline_seconds=60)
        assert next(lingering)["pid"] == child.pid
        # Threads of the first one may still be about to end.
        wait_until(lambda: nicenesses(child) == (0, {0}), timeout_s=20)
        second.touch()
        assert list(lingering) == []


@pytest.mark.parametrize("task", [{"do": "die"}, {"do": "hang"}, {"do": "echo", "say": "hi"}])
def test_after_a_task_children_are_ready_for_the_next_and_for_a_guest(task: Message) -> None:
    def children() -> set[int]:
        return {child.pid for child in psutil.Process().children()} - before

    before: set[int] = set()
    before = children()
    with closing(ParserPool(work, LIMIT, awaits_guests=True)) as pool:
        with suppress(ParserCrashed, DeadlineExceeded):
            list(pool.run(task, deadline_seconds=2))

        ready = children()
        assert len(ready) == PARSERS + GUEST_PARSERS
        for _ in range(2):
            (answer,) = pool.run({"do": "echo", "say": "hi"}, deadline_seconds=20)
            assert answer["pid"] in ready
        assert children() == ready


def test_a_pool_starts_a_second_child_when_the_first_is_busy_and_stops_the_right_one(
    tmp_path: Path,
) -> None:
    with closing(ParserPool(linger, LIMIT)) as pool:
        tasks = {
            name: pool.run({"until": str(tmp_path / name)}, 60, name) for name in ("one", "another")
        }
        for task in tasks.values():
            assert next(task)["type"] == "lingering"
        with pytest.raises(EngineFailed):
            next(pool.run({"until": str(tmp_path)}, deadline_seconds=0.1))

        pool.stop("one")
        (tmp_path / "another").touch()

        with pytest.raises(ParserCrashed):
            list(tasks["one"])
        assert list(tasks["another"]) == []


def test_a_pool_uses_one_child_for_tasks_that_come_one_by_one() -> None:
    with closing(ParserPool(work, LIMIT)) as pool:
        answers = [list(pool.run({"do": "echo", "say": "hi"}, 20)) for _ in range(3)]
    assert len({answer["pid"] for (answer,) in answers}) == 1


def test_a_task_goes_to_a_child_that_is_ready_while_another_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who has his child killed shall not keep the next one waiting."""
    halt = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP);"

    with closing(ParserPool(work, LIMIT, awaits_guests=True)) as pool:
        (first,) = pool.run({"do": "echo", "say": "hi"}, deadline_seconds=20)
        _, guest = parsers = pool._parsers
        wait_until(lambda: guest.readiness() is Readiness.READY, timeout_s=20)
        with monkeypatch.context() as patch:
            patch.setattr(interpreters, "PROGRAM", f"{halt} {interpreters.PROGRAM}")
            with pytest.raises(ParserCrashed):
                list(pool.run({"do": "die"}, deadline_seconds=20))

        (answer,) = pool.run({"do": "echo", "say": "hi"}, deadline_seconds=20)

        assert [one.readiness() for one in parsers] == [Readiness.STARTING, Readiness.READY]
        assert answer["pid"] != first["pid"]


def test_an_idle_child_leaves_and_the_next_task_does_not_notice() -> None:
    parser = ParserProcess(work, LIMIT, idle_seconds=0.1)
    child = psutil.Process(echo(parser)["pid"])

    wait_until(lambda: child.status() == psutil.STATUS_ZOMBIE, timeout_s=20)

    assert echo(parser)["pid"] != child.pid
    parser.close()


def test_a_task_that_crosses_a_leaving_child_on_its_way_is_done_all_the_same() -> None:
    parser = ParserProcess(work, LIMIT, idle_seconds=0.0)

    said = [echo(parser, str(number))["said"] for number in range(10)]

    assert said == [str(number) for number in range(10)]
    parser.close()


PARENT = """
import sys, time
from tests.faults.test_parser import LIMIT, ParserProcess, echo, work
if __name__ == "__main__":
    pid = echo(ParserProcess(work, LIMIT))["pid"]
    print(pid, file=sys.stderr, flush=True)
    time.sleep(600)
"""


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py"],
        env={"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert parent.stderr is not None
    child = psutil.Process(int(parent.stderr.readline()))

    parent.kill()
    parent.communicate()

    wait_for_ends([child], timeout_s=20)


def test_a_child_that_sends_a_message_beyond_the_bound_is_killed_unread(
    parser: ParserProcess,
) -> None:
    before = echo(parser)["pid"]

    with pytest.raises(ParserCrashed, match="a message without end"):
        list(parser.run({"do": "shout", "bytes": MESSAGE_MAX_BYTES}, deadline_seconds=20))

    assert echo(parser)["pid"] != before
    assert not psutil.pid_exists(before)


def test_a_child_that_sends_no_message_is_killed(parser: ParserProcess) -> None:
    before = echo(parser)["pid"]

    with pytest.raises(ParserCrashed, match="no answer"):
        list(parser.run({"do": "mumble"}, deadline_seconds=20))

    assert echo(parser)["pid"] != before


@pytest.mark.parametrize(
    "told",
    [
        {"class": "ProviderThrottled", "detail": "Wait."},
        {"class": "EngineFailed", "detail": "Again."},
        {"class": "logging", "detail": "x"},
        {"class": ["DocumentTooLarge"], "detail": "x"},
        {"class": "DocumentTooLarge", "detail": 7},
        {},
    ],
)
def test_a_child_ends_with_errors_of_documents_only(told: Message) -> None:
    with pytest.raises(ParserCrashed, match="no answer"):
        error_of({"type": "error", **told})
