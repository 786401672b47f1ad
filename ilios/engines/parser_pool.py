"""Parser children for several tasks at once."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import suppress
from typing import Final

from ilios.core.conversion_errors import EngineFailed
from ilios.engines import parse_spans
from ilios.engines.parser_messages import Message
from ilios.engines.parser_process import START_NICENESS, ParserProcess, Work

PARSERS: Final = 1  #: of a process and a kind of work: recognition uses all cores
GUEST_PARSERS: Final = 1  #: beside those, for an owner that has no task in them


class ParserPool:
    """Children for so many tasks at once: PARSERS and GUEST_PARSERS, unless told otherwise.

    Threads may share it; its callers keep owners apart.
    """

    def __init__(
        self,
        work: Work,
        memory_limit_bytes: int,
        first_limit_bytes: int | None = None,
        *,
        awaits_guests: bool = False,
        start_niceness: int = START_NICENESS,
        parsers: int = PARSERS + GUEST_PARSERS,
    ) -> None:
        """Give each child these limits of memory and this niceness; see ParserProcess.

        With `awaits_guests` a task leaves a child ready for each place, else for its own alone.
        """
        self._work = work
        numbers = range(parsers)
        self._parsers = [
            ParserProcess(
                work,
                memory_limit_bytes,
                first_limit_bytes=first_limit_bytes,
                start_niceness=start_niceness,
            )
            for _ in numbers
        ]
        self._awaits_guests = awaits_guests
        self._free = set(numbers)
        self._changed = threading.Condition()

    def run(
        self, task: Message, deadline_seconds: float, name: str | None = None
    ) -> Generator[Message, None, None]:
        """Run a task in a child that is free, the one that begins soonest; see ParserProcess.

        Raises EngineFailed too when none becomes free within `deadline_seconds`.
        """
        number = self._take(deadline_seconds)
        try:
            with parse_spans.of(self._work) as span:
                task = parse_spans.under(span, task)
                yield from self._parsers[number].run(task, deadline_seconds, name)
        finally:
            self._prepare(number)
            with self._changed:
                self._free.add(number)
                self._changed.notify()

    def _take(self, timeout_seconds: float) -> int:
        """Wait for a free child. One that is ready comes before one that has yet to start."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._free, timeout_seconds):
                raise EngineFailed("Other documents have kept the parsers busy for too long.")
            number = min(self._free, key=lambda one: (self._parsers[one].readiness(), one))
            self._free.remove(number)
        return number

    def _prepare(self, number: int) -> None:
        """Have a child ready for the next task, which may wait for it, and for a guest's."""
        with suppress(OSError):  # a task says that there is no process for it
            self._parsers[number].prepare(is_urgent=True)
            for parser in self._parsers if self._awaits_guests else ():
                parser.prepare(is_urgent=False)

    def stop(self, name: str) -> None:
        """Kill the child that runs the task of this name, if any does."""
        for parser in self._parsers:
            parser.stop(name)

    def close(self) -> None:
        """End all children."""
        for parser in self._parsers:
            parser.close()
