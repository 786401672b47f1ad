"""The memory that a parser child may take, which grows once it comes to images."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ilios.core import platform
from ilios.core.conversion_errors import DocumentTooLarge
from ilios.engines import parser_memory, parser_messages
from ilios.engines.parser_messages import Message
from ilios.engines.parser_process import ParserProcess

MIB = 1024 * 1024
BLOCK_BYTES, BLOCKS = 100_000, 640
KEPT: list[bytearray] = []  #: by a child, beyond its task


def work(task: Message) -> Iterator[Message]:
    """Take as much memory as the task says, in the child."""

    def taken() -> Iterator[Message]:
        if task["images"]:
            parser_memory.allow_images()
        memory = bytearray(task["bytes"])
        if task.get("keeps"):
            KEPT.append(memory)
        yield {"type": "taken", "bytes": len(memory), "pid": os.getpid()}

    yield from parser_messages.with_errors(taken())


@pytest.fixture
def parser() -> Iterator[ParserProcess]:
    parser = ParserProcess(work, 512 * MIB, first_limit_bytes=256 * MIB)
    yield parser
    parser.close()


def ask(parser: ParserProcess, mib: int, *, images: bool) -> Message:
    task = {"images": images, "bytes": mib * MIB}
    (answer,) = parser.run(task, deadline_seconds=60)
    return answer


def test_a_text_gets_less_memory_than_images(parser: ParserProcess) -> None:
    assert ask(parser, 100, images=False)["bytes"] == 100 * MIB

    refused = parser_messages.error_of(ask(parser, 300, images=False))
    assert isinstance(refused, DocumentTooLarge)
    assert "(256 MiB)" in refused.detail

    assert ask(parser, 300, images=True)["bytes"] == 300 * MIB
    refused = parser_messages.error_of(ask(parser, 600, images=True))
    assert isinstance(refused, DocumentTooLarge)
    assert "(512 MiB)" in refused.detail


def test_a_text_after_images_gets_no_more_than_another(parser: ParserProcess) -> None:
    assert ask(parser, 1, images=True)["bytes"] == MIB

    assert ask(parser, 100, images=False)["bytes"] == 100 * MIB
    refused = parser_messages.error_of(ask(parser, 400, images=False))
    assert isinstance(refused, DocumentTooLarge)


def test_a_child_that_stays_large_is_replaced_before_the_next_task(parser: ParserProcess) -> None:
    kept = {"images": False, "bytes": 200 * MIB, "keeps": True}

    (first,) = parser.run(kept, deadline_seconds=60)
    (second,) = parser.run(kept, deadline_seconds=60)
    small = [ask(parser, 1, images=False) for _ in range(2)]

    assert first["bytes"] == second["bytes"] == 200 * MIB  # both would not fit into one child
    assert first["pid"] != second["pid"]
    assert small[0]["pid"] == small[1]["pid"] != second["pid"]


def test_a_child_that_stays_large_after_images_is_replaced(parser: ParserProcess) -> None:
    kept = {"images": True, "bytes": parser_memory.IMAGES_KEPT_BYTES, "keeps": True}

    (first,) = parser.run(kept, deadline_seconds=60)
    small = [ask(parser, 1, images=True) for _ in range(2)]

    assert first["pid"] != small[0]["pid"] == small[1]["pid"]


def test_a_child_without_a_task_gives_back_what_it_has_freed() -> None:
    blocks = [bytes(BLOCK_BYTES) for _ in range(BLOCKS)]  # too small to be mapped one by one
    last = blocks[-1]
    taken = platform.resident_bytes()
    del blocks
    ours, theirs = multiprocessing.Pipe()

    assert not parser_memory.wait_for_task(ours, idle_seconds=0.0)

    assert platform.resident_bytes() < taken - BLOCK_BYTES * BLOCKS / 2
    assert len(last) == BLOCK_BYTES
    ours.close()
    theirs.close()


def loading(task: Message) -> Iterator[Message]:
    """Load the reader that needs most libraries, in the child; tell its threads."""
    from ilios.engines.embedded.pdf import document

    yield {"type": document.__name__, "threads": len(list(Path("/proc/self/task").iterdir()))}


def test_libraries_take_no_memory_for_each_core() -> None:
    parser = ParserProcess(loading, 512 * MIB, first_limit_bytes=160 * MIB)
    try:
        (told,) = parser.run({}, deadline_seconds=60)
    finally:
        parser.close()

    assert told["threads"] == 2  # the first, and that of the task
