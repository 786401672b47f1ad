"""Group commit: threads that write at the same time share a transaction, and so an fsync.

A write transaction costs a wait for the lock and a commit whatever it holds, so that a busy process
would wait for nothing else. One thread is the leader: it writes for all that have come until it has
the lock (DeWitt et al. 1984). A thread that is alone pays nothing for it.

Where transactions of several processes run at once, a group takes the locks of all its units as it
begins, in an order that is everybody's, and its units run in the order of what they lock first. Two
that wait for each other nevertheless are told apart by the database, and run again. There each
statement takes a way there and back, so that units of a kind may say how they are run at once:
`together(session, units)` is a static method of theirs, which returns for each unit its result, the
IliosError that refuses it (then nothing of it was written), or None to have it run by itself.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from ilios.core import computing
from ilios.core.errors import (
    DatabaseBusy,
    DatabaseConflict,
    DatabaseFull,
    IliosError,
    OutcomeUnknown,
)
from ilios.core.gathering import Gathering
from ilios.core.wakeup import Wakeup
from ilios.db.database import Database, Scope
from ilios.db.driver_session import DriverSession

T = TypeVar("T")

UNITS_MAX = 16  #: in one transaction: other processes are waiting for the lock too
GATHER_SECONDS = 0.003  #: for which one waits for others on PostgreSQL, if there were some before
CONFLICTS_MAX = 3  #: of one unit with others' transactions, before it is refused


class GroupCommit:
    """Runs the units of work of one process's threads, in as few transactions as possible."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._gathering = Gathering(GATHER_SECONDS)
        self._mutex = threading.Lock()
        self._waiting: list[_Entry[object]] = []
        self._has_leader = False

    def write(
        self, unit: Callable[[Session], T], owner: str = "", scope: Scope = Scope.DATABASE
    ) -> T:
        """Run the unit in a write transaction, and return or raise what it does.

        Of units that wait, each owner's first go before the second of any. `scope` is what the
        unit needs others kept from.

        On return it is committed. The unit must change nothing but the database: it is run again,
        alone, when the transaction that it shares with others fails. One that is refused (an
        IliosError) costs the others nothing.
        """
        entry = _Entry(unit, owner, scope)
        with self._mutex:
            leads, self._has_leader = not self._has_leader, True
            if not leads:
                self._waiting.append(entry)  # type: ignore[arg-type]  # results go back to their owner
        with computing.waiting():
            if not leads:
                entry.woken.wait()
            if not entry.is_done:
                self._lead(entry)  # type: ignore[arg-type]
        return entry.outcome()

    def _lead(self, leader: _Entry[object]) -> None:
        group = [leader]
        if self._database.is_remote:  # where nearly all have the lock as soon as they ask for it
            self._gathering.wait(lambda: 1 + len(self._waiting))
            self._join(group)
            self._gathering.note(len(group))
            group.sort(key=_first_row)
        try:
            self._write(group, is_open=not self._database.is_remote)
        finally:
            with self._mutex:
                # Without one that waits, the next to come is the leader.
                successors, self._waiting = self._waiting[:1], self._waiting[1:]
                self._has_leader = bool(successors)
            for entry in (*group, *successors):
                entry.woken.set()

    def _join(self, group: list[_Entry[object]]) -> None:
        """Add to a group what waits, as far as it fits."""
        with self._mutex:
            group[:], self._waiting = _next_group([*group, *self._waiting])

    def _write(
        self, group: list[_Entry[object]], *, is_open: bool = False, apart: bool = False
    ) -> None:
        """Write a group; `is_open`: with what waits once the lock is held.

        `apart`: each behind a savepoint, which takes statements.
        """
        try:
            with self._database.writing(self._scope(group)) as session:
                if is_open:
                    self._join(group)
                self._run_all(group, session, apart=apart)
        except Exception as error:  # noqa: BLE001  # its owner raises it
            self._undone(group, error, apart=apart)
        else:
            for entry in group:
                entry.is_done = True

    def _run_all(self, group: list[_Entry[object]], session: DriverSession, *, apart: bool) -> None:
        left = group
        if self._database.is_remote and not apart:
            left = [entry for entry in group if entry.together is None]
            for together, entries in _of_a_kind(group).items():
                left += _run_together(together, entries, session)
        for entry in left:
            _run_apart(entry, session) if apart else _run(entry, session)

    def _undone(self, group: list[_Entry[object]], error: Exception, *, apart: bool) -> None:
        """Write again what a transaction held that has failed, as far as it may be."""
        if isinstance(error, OutcomeUnknown):  # it may have been committed
            for entry in group:
                entry.fail(error)
        elif len(group) == 1:
            self._fail_or_write_again(group[0], error)
        elif _is_refusal(error) and not apart:
            self._write(group, apart=True)
        else:
            for entry in group:
                self._write([entry])

    def _scope(self, group: list[_Entry[object]]) -> Scope:
        if not self._database.is_remote:
            return Scope.DATABASE
        return Scope.of_all(entry.scope for entry in group)

    def _fail_or_write_again(self, entry: _Entry[object], error: Exception) -> None:
        entry.conflicts += isinstance(error, DatabaseConflict)
        if isinstance(error, DatabaseConflict) and entry.conflicts < CONFLICTS_MAX:
            self._write([entry])
        else:
            entry.fail(error)


def _of_a_kind(
    group: list[_Entry[object]],
) -> dict[Callable[..., list[object]], list[_Entry[object]]]:
    """Return the units that one function runs together, by that."""
    kinds: dict[Callable[..., list[object]], list[_Entry[object]]] = {}
    for entry in group:
        if entry.together is not None:
            kinds.setdefault(entry.together, []).append(entry)
    return kinds


def _run_together(
    together: Callable[..., list[object]], entries: list[_Entry[object]], session: DriverSession
) -> list[_Entry[object]]:
    """Run units at once, and return those that are left to be run by themselves."""
    left = []
    outcomes = together(session, [entry.unit for entry in entries])
    for entry, outcome in zip(entries, outcomes, strict=True):
        if outcome is None:
            left.append(entry)
        elif isinstance(outcome, IliosError):
            entry.fail(outcome)
        else:
            entry.succeed(outcome)
    return left


def _run(entry: _Entry[object], session: DriverSession) -> None:
    """Run a unit; a refusal costs the others nothing when it came before any change."""
    changes = session.changes()
    try:
        entry.run(session)
    except IliosError as refusal:
        if not _is_refusal(refusal) or session.changes() != changes:
            raise
        session.expunge_all()  # what it has added, and not written yet
        entry.fail(refusal)


def _run_apart(entry: _Entry[object], session: Session) -> None:
    """Run a unit so that a refusal undoes nothing of the others."""
    try:
        with session.begin_nested():
            session.connection()  # else the savepoint comes with the first statement of the ORM
            entry.run(session)
    except IliosError as refusal:
        if not _is_refusal(refusal):
            raise
        entry.fail(refusal)
    session.expunge_all()  # the next unit reads what is in the database


def _is_refusal(error: Exception) -> bool:
    """Return whether a unit said no, rather than the database."""
    return isinstance(error, IliosError) and not isinstance(error, DatabaseFull | DatabaseBusy)


class _Entry(Generic[T]):
    """A unit of work, and its result or error."""

    def __init__(
        self, unit: Callable[[Session], T], owner: str, scope: Scope = Scope.DATABASE
    ) -> None:
        self.owner = owner
        self.scope = scope
        self.conflicts = 0  #: with transactions of others
        self.unit = unit
        self._result: T | None = None
        self._error: Exception | None = None
        self.woken = Wakeup()  #: its unit is done, or its thread is the next leader
        self.is_done = False

    @property
    def together(self) -> Callable[..., list[object]] | None:
        """What runs units of this kind at once, if anything does."""
        found: Callable[..., list[object]] | None = getattr(type(self.unit), "together", None)
        return found

    def run(self, session: Session) -> None:
        self.succeed(self.unit(session))

    def succeed(self, result: T) -> None:
        self._error = None  # of a run whose transaction failed
        self._result = result

    def fail(self, error: Exception) -> None:
        self._error, self.is_done = error, True

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set when it was run


def _first_row(entry: _Entry[object]) -> str:
    return entry.scope.first


def _next_group(waiting: list[_Entry[object]]) -> tuple[list[_Entry[object]], list[_Entry[object]]]:
    """Return the units of the next transaction, and those that wait on, in the order of arrival."""
    if len(waiting) <= UNITS_MAX:
        return waiting, []
    turns: Counter[str] = Counter()
    in_turn: list[tuple[int, int]] = []  #: how many units of its owner came before each; its place
    for place, entry in enumerate(waiting):
        in_turn.append((turns[entry.owner], place))
        turns[entry.owner] += 1
    chosen = {place for _, place in sorted(in_turn)[:UNITS_MAX]}
    group = [entry for place, entry in enumerate(waiting) if place in chosen]
    return group, [entry for place, entry in enumerate(waiting) if place not in chosen]
