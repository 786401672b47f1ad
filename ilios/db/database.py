"""What a database is to the rest: short transactions, on connections that are kept.

ilios.db.opening opens the one that the settings name; what runs on it is the same statements.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Final, Self
from weakref import WeakSet

from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from ilios.core.backoff import delay_seconds
from ilios.db.driver_session import DriverSession
from ilios.db.watch import Watch

BUSY_BASE_SECONDS = 0.2
BUSY_JITTER = 0.5
CONNECTIONS_KEPT = 8  #: idle ones; more than that are closed after use


def busy_delay(retry: int) -> float:
    """Return the seconds before a retry, counted from 0: 0.2, 0.4, 0.8 …, ± 50 %."""
    return delay_seconds(retry, BUSY_BASE_SECONDS, jitter=BUSY_JITTER)


@dataclass(frozen=True, slots=True)
class LockTimeout:
    """How long a writer waits: for the lock of our own writers, then for that of SQLite.

    Another program's write lock is waited for `busy_ms`, and again with each retry.
    """

    turn_seconds: float
    busy_ms: int
    retries: int


LONG_TIMEOUT = LockTimeout(10.0, 30_000, 4)
SHORT_TIMEOUT = LockTimeout(1.0, 1_000, 0)  #: for a loop that must not stand still, and tries again


@dataclass(frozen=True, slots=True)
class Scope:
    """What a writer keeps others from. On SQLite a writer is alone whatever it asks for.

    Some names stand for more than a row, such as an owner for all that it may have and do.
    """

    DATABASE: ClassVar[Self]  #: writing at all
    ROWS: ClassVar[Self]
    """The rows that it has changed or locked: every statement names the state that it leaves."""

    is_exclusive: bool = False
    owners: frozenset[str] = frozenset()  #: for which no other takes documents in meanwhile
    first: str = ""  #: the row that it locks first: those of one transaction go by this order

    @classmethod
    def owner(cls, name: str) -> Self:
        """Return the scope of units that take in documents of an owner."""
        return cls(owners=frozenset((name,)))

    @classmethod
    def document(cls, document_id: str) -> Self:
        """Return the scope of units that change the rows of a document, which they lock."""
        return cls(first=document_id)

    @classmethod
    def of_all(cls, scopes: Iterable[Self]) -> Self:
        """Return the scope of a transaction for several units."""
        each = list(scopes)
        return cls(
            any(one.is_exclusive for one in each),
            frozenset().union(*(one.owners for one in each)),
        )


Scope.DATABASE = Scope(is_exclusive=True)
Scope.ROWS = Scope()


class Database(ABC):
    """Opens transactions; safe to share between threads.

    Nothing is opened before the first transaction, and a process that forks closes it before.
    """

    driver_error: ClassVar[type[Exception]]  #: of which all errors of its driver are
    is_remote: ClassVar[bool]  #: each statement takes a way there and back

    def __init__(self) -> None:
        _databases.add(self)
        self._idle: deque[DriverSession] = deque()

    @abstractmethod
    def reading(self) -> AbstractContextManager[DriverSession]:
        """Open a snapshot. Keep it short: what is deleted meanwhile takes room until its end."""

    @abstractmethod
    def writing(self, scope: Scope = Scope.DATABASE) -> AbstractContextManager[DriverSession]:
        """Open a transaction, which is committed at the end; an exception rolls it back.

        Raises DatabaseBusy when others write for too long, and DatabaseFull when there is no room
        for what was written.
        """

    @abstractmethod
    def watching(self) -> AbstractContextManager[Watch]:
        """Open a connection for queries that are repeated hundreds of times a second."""

    @abstractmethod
    def size_bytes(self) -> int:
        """Return what it takes on its disk."""

    @abstractmethod
    def _connect(self) -> DriverSession:
        """Return a session on a new connection."""

    @abstractmethod
    def log_bytes(self) -> int:
        """Return what its write-ahead log takes there."""

    @abstractmethod
    def ask_for_new_index(self, cause: DatabaseError) -> None:
        """Have the full-text index made anew: while it is malformed, nobody can write to it.

        Raises nothing: the caller has the error that counts.
        """

    @abstractmethod
    def truncate_wal(self) -> bool:
        """Leave no deleted content in the log; return False when a reader prevented it."""

    @abstractmethod
    def vacuum(self) -> None:
        """Leave no deleted content in the slack of pages. Raises DatabaseFull."""

    @abstractmethod
    def give_back(self, until: float = math.inf) -> int:
        """Give free pages back to the disk, in small transactions; return the bytes.

        Stop at `until`, by the monotonic clock. Raises DatabaseFull.
        """

    def close(self) -> None:
        while self._idle:
            self._idle.pop().disconnect()

    def _take(self) -> DriverSession:
        """Return a session outside of any transaction, which `_keep` takes back."""
        try:
            return self._idle.pop()  # the last one, whose pages are in its cache
        except IndexError:
            return self._connect()

    def _keep(self, session: DriverSession) -> None:
        """Roll back what is not committed, and keep the session for the next caller."""
        try:
            session.close()
        except (SQLAlchemyError, self.driver_error):
            session.disconnect()
        else:
            self._put_back(session)

    def _put_back(self, session: DriverSession) -> None:
        if len(self._idle) < CONNECTIONS_KEPT:
            self._idle.append(session)
        else:
            session.disconnect()


_databases: Final[WeakSet[Database]] = WeakSet()


def _close_before_fork() -> None:
    """Close the connections: SQLite notes in memory which locks it holds, and a fork holds none."""
    for database in list(_databases):
        database.close()


os.register_at_fork(before=_close_before_fork)
