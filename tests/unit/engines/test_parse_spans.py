"""Tasks in parser children as spans: who records them, and what the child is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from ilios.core.conversion_errors import ParserCrashed
from ilios.core.telemetry import logs, spans
from ilios.core.telemetry.spans import EndedSpan
from ilios.engines.parser_messages import Message
from ilios.engines.parser_pool import ParserPool
from tests.support.recording import CAME, TRACE, asked, recording

LIMIT_BYTES = 512 * 1024**2
DEADLINE_S = 60


def work(task: Message) -> Iterator[Message]:
    """Say in the child what its log lines would have, or die."""
    if task["do"] == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    yield {"type": "told", "bound": logs._BOUND_FIELDS.get(), "task": sorted(task)}


@pytest.fixture
def pool() -> Iterator[ParserPool]:
    pool = ParserPool(work, LIMIT_BYTES)
    yield pool
    pool.close()


@pytest.fixture
def ended() -> Iterator[list[EndedSpan]]:
    with recording() as found:
        yield found


def told(pool: ParserPool, do: str = "tell") -> Message:
    with asked():
        (answer,) = pool.run({"do": do}, DEADLINE_S)
    return answer


def test_a_task_is_a_span_and_its_log_lines_have_its_trace(
    pool: ParserPool, ended: list[EndedSpan]
) -> None:
    answer = told(pool)

    (parse,) = ended
    assert (parse.name, parse.parent) == ("parse", CAME)
    assert parse.attributes == {"code.function.name": f"{__name__}.work"}
    assert answer["bound"] == {"request_id": "request", "trace_id": TRACE}
    assert answer["task"] == ["do"]


def test_the_next_task_without_spans_is_told_nothing(
    pool: ParserPool, ended: list[EndedSpan]
) -> None:
    told(pool)
    spans.record_with(None)

    assert told(pool)["bound"] == {}
    assert len(ended) == 1


def test_a_task_whose_child_dies_is_a_span_that_has_failed(
    pool: ParserPool, ended: list[EndedSpan]
) -> None:
    with pytest.raises(ParserCrashed):
        told(pool, "die")

    (parse,) = ended
    assert parse.attributes["error.type"] == ParserCrashed.code
