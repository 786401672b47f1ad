"""Whether answers fit a client's schema: told by a parser child, which may take too long or die.

An expression or a reference in a schema can take for ever, and keeps the interpreter to itself.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

from ilios.core.conversion_errors import (
    ConversionError,
    DeadlineExceeded,
    OutOfMemory,
    ParserCrashed,
)
from ilios.core.owner_places import OwnerPlaces
from ilios.core.telemetry import logs
from ilios.engines import unicode
from ilios.engines.extraction import Check, Fit
from ilios.engines.parser_messages import Message, error_of, no_answer
from ilios.engines.parser_pool import GUEST_PARSERS, PARSERS, ParserPool

log = logs.get(__name__)

CHECK_MAX_SECONDS: Final = 10.0  #: of processor time, for the answers of a task
CALL_MAX_SECONDS: Final = 60.0  #: for all answers of a call, the start of a child included
WAIT_MAX_SECONDS: Final = 300.0  #: of a call for a place, which others hold for CALL_MAX_SECONDS
CRASHES_MAX: Final = 2  #: of children in a call; the first one's task is tried again
TASK_MAX_CHARACTERS: Final = 1024 * 1024  #: of the answers of one task, besides the last of them


class SchemaChecks:
    """Checks answers, for the threads of a process: one call of an owner at a time."""

    def __init__(self, memory_limit_bytes: int, wait_seconds: float = WAIT_MAX_SECONDS) -> None:
        self._parsers = ParserPool(answer, memory_limit_bytes)
        self._places = OwnerPlaces(PARSERS, GUEST_PARSERS)
        self._wait_seconds = wait_seconds

    def check(self, owner: str, schema: str, answers: Sequence[str]) -> list[Check]:
        """Return what is known of each answer of a call, and why nothing is known of others."""
        checks: list[Check] = []
        if not answers:
            return checks
        try:
            with self._places.held(owner, self._wait_seconds):
                cause = self._compare(schema, answers, checks)
        except TimeoutError:
            cause = Fit.BUSY
        if cause is None:
            return checks
        left = len(answers) - len(checks)
        log.warning("schema.not_checked", reason=cause, answers=left)
        return checks + [Check(cause)] * left

    def close(self) -> None:
        self._parsers.close()

    def _compare(self, schema: str, answers: Sequence[str], checks: list[Check]) -> Fit | None:
        """Append a check of each answer; return why not of all of them, None if none is left."""
        until = time.monotonic() + CALL_MAX_SECONDS
        crashes = 0
        while left := answers[len(checks) :]:
            task = {"schema": schema, "answers": list(_task(left)), "seconds": CHECK_MAX_SECONDS}
            try:
                for check in self._run(task, until - time.monotonic()):
                    checks.append(check)  # noqa: PERF402  # those before an error too
            except ConversionError as error:
                cause = _cause(error)
                crashes += cause is Fit.CRASHED
                if cause is not Fit.CRASHED or crashes == CRASHES_MAX:
                    return cause
        return None

    def _run(self, task: Message, seconds: float) -> Iterator[Check]:
        """Yield a check of each answer of a task, whatever the child says."""
        if seconds <= 0:
            raise DeadlineExceeded("No time is left for the answers of this call.")
        try:
            with closing(self._parsers.run(task, seconds)) as messages:
                for _, message in zip(task["answers"], messages, strict=True):
                    yield _check(message)
        except ValueError:
            raise no_answer() from None


def answer(task: Message) -> Iterator[Message]:
    """Check answers, in the child, which dies when that takes too much processor time.

    A handler of a signal would not be called: an expression keeps the interpreter to itself.
    """
    from ilios.engines import json_schemas

    json_schemas.misfit({}, None)  # loads the library
    signal.setitimer(signal.ITIMER_PROF, task["seconds"])
    try:
        yield from _checks(task)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _checks(task: Message) -> Iterator[Message]:
    from ilios.engines import json_schemas

    schema = json_schemas.parsed(task["schema"])
    for text in task["answers"]:
        try:
            value = json_schemas.parsed(text)
        except ValueError:
            yield {"type": Fit.NO_JSON}
            continue
        try:
            path = json_schemas.misfit(schema, value)
        except MemoryError:
            yield {"type": Fit.LARGE}
        except RecursionError:
            yield {"type": Fit.ENDLESS}
        except Exception:  # noqa: BLE001  # by whatever a schema leads to
            yield {"type": Fit.UNUSABLE}
        else:
            yield {"type": Fit.FITS} if path is None else {"type": Fit.DIFFERS, "path": path}


def _task(answers: Sequence[str]) -> Iterator[str]:
    """Yield as many of the answers as make one task."""
    characters = 0
    for text in answers:
        yield text
        characters += len(text)
        if characters >= TASK_MAX_CHARACTERS:
            return


def _check(message: Message) -> Check:
    """Return what a child says, which holds words of a stranger. Raises ValueError for no check."""
    from ilios.engines.json_schemas import PATH_MAX_CHARACTERS

    if error := error_of(message):
        raise error
    path = unicode.storable(str(message.get("path", "")))
    return Check(Fit(message["type"]), path[:PATH_MAX_CHARACTERS])


def _cause(error: ConversionError) -> Fit:
    """Return why nothing is known of the answers of a task that has ended with an error."""
    match error:
        case DeadlineExceeded():
            return Fit.LATE
        case OutOfMemory():
            return Fit.LARGE
        case ParserCrashed(cause=signal.SIGPROF.name):
            return Fit.SLOW
        case _:
            return Fit.CRASHED
