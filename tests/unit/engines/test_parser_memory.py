"""The memory that a parser child may take, which grows once it comes to images."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ilios.core.conversion_errors import DocumentTooLarge
from ilios.engines import parser_memory, parser_process
from ilios.engines.parser_process import Message, ParserProcess

MIB = 1024 * 1024


def work(task: Message) -> Iterator[Message]:
    """Take as much memory as the task says, in the child."""

    def taken() -> Iterator[Message]:
        if task["images"]:
            parser_memory.allow_images()
        yield {"type": "taken", "bytes": len(bytearray(task["bytes"]))}

    yield from parser_process.with_errors(taken())


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

    refused = parser_process.error_of(ask(parser, 300, images=False))
    assert isinstance(refused, DocumentTooLarge)
    assert "(256 MiB)" in refused.detail

    assert ask(parser, 300, images=True)["bytes"] == 300 * MIB
    refused = parser_process.error_of(ask(parser, 600, images=True))
    assert isinstance(refused, DocumentTooLarge)
    assert "(512 MiB)" in refused.detail
