"""Group commit: threads that want to write at the same time share a turn, and an fsync.

A write transaction costs a turn at the lock and a commit whatever it holds, so that a busy process
would wait for nothing else. Whoever comes first leads: it writes for all who came while the one
before was at work (DeWitt et al. 1984, group commit). Alone, a thread pays nothing for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from ilios.db.database import Database

T = TypeVar("T")

MOST_UNITS = 32  #: in one transaction: others are waiting for the lock too


class GroupCommit:
    """Writes what the threads of one process bring."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._waiting: list[_Entry[object]] = []
        self._is_led = False

    def write(self, unit: Callable[[Session], T]) -> T:
        """Run the unit in a write transaction; returns, or raises, what it does.

        When this returns, it is committed. The unit changes nothing but the database, for it is
        run again, alone, when somebody else's in the same transaction fails.
        """
        mine = _Entry(unit)
        with self._mutex:
            self._waiting.append(mine)  # type: ignore[arg-type]  # results only go back to their owner
            leads, self._is_led = not self._is_led, True
        if not leads:
            mine.called.wait()
        if not mine.is_done:
            self._lead()
        return mine.outcome()

    def _lead(self) -> None:
        with self._mutex:
            together, self._waiting = self._waiting[:MOST_UNITS], self._waiting[MOST_UNITS:]
        try:
            self._write(together)
        finally:
            with self._mutex:
                # The next one leads; when nobody waits, whoever comes next.
                heir = self._waiting[0] if self._waiting else None
                self._is_led = heir is not None
            for entry in (*together, *((heir,) if heir else ())):
                entry.called.set()

    def _write(self, together: list[_Entry[object]]) -> None:
        try:
            with self._database.writing() as session:
                for entry in together:
                    entry.run(session)
        except Exception as error:  # noqa: BLE001  # its owner raises it
            if len(together) == 1:
                together[0].fail(error)
                return
            for entry in together:
                self._write([entry])
        else:
            for entry in together:
                entry.is_done = True


class _Entry(Generic[T]):
    """A unit, and what came of it."""

    def __init__(self, unit: Callable[[Session], T]) -> None:
        self._unit = unit
        self._result: T | None = None
        self._error: Exception | None = None
        self.called = threading.Event()  #: it is done, or it is this one's turn to lead
        self.is_done = False

    def run(self, session: Session) -> None:
        self._result = self._unit(session)

    def fail(self, error: Exception) -> None:
        self._error, self.is_done = error, True

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set when it was run
