"""Spans of tasks in parser children, recorded by their parents.

A child opens files from outside: it records and sends nothing, and gets ids for its log lines
alone.
"""

from __future__ import annotations

from ilios.core.telemetry import spans, tracing
from ilios.core.telemetry.spans import Span
from ilios.engines.parser_messages import LOGGED_WITH, Message
from ilios.engines.parser_process import Work


def of(work: Work) -> Span:
    """Return the span of a task for a `with`; the wait for its child to start is a part of it."""
    if not spans.are_recorded():
        return spans.UNRECORDED
    return spans.apart("parse", attributes={"code.function.name": _name(work)})


def under(span: Span, task: Message) -> Message:
    """Return a task whose log lines in the child have the ids of the present work."""
    if not span.is_recorded:
        return task
    origin = tracing.current()
    ids = {"request_id": origin.request_id, "trace_id": origin.trace_id}
    return {**task, LOGGED_WITH: ids}


def _name(work: Work) -> str:
    return f"{work.__module__}.{getattr(work, '__qualname__', '')}"
