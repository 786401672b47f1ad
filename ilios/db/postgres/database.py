"""PostgreSQL through psycopg: a bounded number of connections, and writers that lock by advice.

Transactions are READ COMMITTED. What a unit of work relies on SQLite's one writer for, it gets by
an advisory lock that ends with the transaction: see `Scope` and ADR 0048.
"""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from typing import Final

from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from ilios.core import computing
from ilios.core.errors import DatabaseBusy, DatabaseConflict, DatabaseFull, IliosError
from ilios.db.database import LONG_TIMEOUT, Database, LockTimeout, Scope
from ilios.db.driver_session import DriverSession
from ilios.db.postgres.driver import connect, psycopg
from ilios.db.postgres.session import PostgresSession
from ilios.db.postgres.watch import PostgresWatch
from ilios.db.watch import Watch

ENGINES_KEPT = 4  #: a process uses one database
CONNECTIONS_MAX: Final = 10  #: of a process
WRITERS_LOCK: Final = 0x696C696F73  #: advisory locks are numbers: `ilios`
OWNERS_LOCK: Final = 0x696F776E  #: with a hash of an owner: who takes in documents of it
_READING: Final = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
_BY_INDEX: Final = "SET LOCAL enable_seqscan = off"
"""For plans are kept: one that was made for a hundred rows would go through a hundred thousand."""
_BUSY: Final = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.IdleInTransactionSessionTimeout,
)


class PostgresDatabase(Database):
    """Opens transactions on a PostgreSQL database."""

    driver_error = psycopg.Error
    is_remote = True

    def __init__(self, url: str, lock_timeout: LockTimeout = LONG_TIMEOUT) -> None:
        super().__init__()
        self._url = url
        self._engine = engine(url)
        self._places = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._wait_seconds = lock_timeout.turn_seconds
        timeout = f"SET LOCAL lock_timeout = '{round(1000 * self._wait_seconds)}ms'"
        self._settings = f"{timeout}; {_BY_INDEX}"

    @contextmanager
    def reading(self) -> Iterator[DriverSession]:
        with self._session(_READING) as session:
            yield session

    @contextmanager
    def writing(self, scope: Scope = Scope.DATABASE) -> Iterator[DriverSession]:
        try:
            with self._session(f"; {self._settings}; {_locks(scope)}") as session:
                yield session
                with computing.waiting():
                    session.commit()
        except DatabaseError as error:
            _raise_named(error)
            raise

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        session = self._take()
        try:
            yield PostgresWatch(session.driver, session.dialect)
        except IliosError:
            self._put_back(session)
            raise
        except BaseException:
            self._give_up(session)
            raise
        self._put_back(session)

    def size_bytes(self) -> int:
        with self.watching() as watch:
            return int(watch.driver.execute(_SIZE).fetchone()[0])

    def log_bytes(self) -> int:
        return 0  # it is the server's, and of all its databases

    def ask_for_new_index(self, cause: DatabaseError) -> None:
        """Do nothing: an index belongs to its table."""

    def truncate_wal(self) -> bool:
        return True  # the server's own business, as is its disk

    def vacuum(self) -> None:
        """Do nothing: autovacuum does it."""

    def give_back(self, until: float = math.inf) -> int:  # noqa: ARG002  # there is nothing to do
        return 0

    @contextmanager
    def _session(self, kind: str) -> Iterator[DriverSession]:
        """Open a transaction, which is rolled back at the end unless it was committed."""
        session = self._begun(kind)
        try:
            yield session
        finally:
            self._keep(session)

    def _begun(self, kind: str) -> DriverSession:
        with computing.waiting():
            with suppress(ConnectionError):  # it had broken off before: nothing was done on it
                return self._start(self._take(), kind)
            try:
                return self._start(self._take(), kind)
            except ConnectionError as error:
                raise DatabaseBusy("The database cannot be reached. Try again.") from error

    def _start(self, session: DriverSession, kind: str) -> DriverSession:
        """Begin a transaction. Raises ConnectionError when the connection has broken off."""
        try:
            session.start(kind)
        except BaseException as error:
            has_broken_off = bool(session.driver.closed)
            self._give_up(session)
            if isinstance(error, DatabaseError):
                _raise_named(error)
                if has_broken_off:
                    raise ConnectionError from error
            raise
        return session

    def _take(self) -> DriverSession:
        if not self._places.acquire(timeout=self._wait_seconds):
            raise DatabaseBusy(f"All {CONNECTIONS_MAX} connections to the database are in use.")
        try:
            return self._alive() or self._connect()
        except BaseException:
            self._places.release()
            raise

    def _keep(self, session: DriverSession) -> None:
        try:
            session.close()
        except (SQLAlchemyError, psycopg.Error):
            self._give_up(session)
        else:
            self._put_back(session)

    def _alive(self) -> DriverSession | None:
        """Return an idle session whose connection the server has not closed."""
        with suppress(IndexError):
            while session := self._idle.pop():
                if isinstance(session, PostgresSession) and not session.is_dead:
                    return session
                session.disconnect()
        return None

    def _put_back(self, session: DriverSession) -> None:
        super()._put_back(session)
        self._places.release()

    def _give_up(self, session: DriverSession) -> None:
        session.disconnect()
        self._places.release()

    def _connect(self) -> DriverSession:
        try:
            return PostgresSession(self._engine.connect())
        except DatabaseError as error:
            raise DatabaseBusy("The database cannot be reached. Try again.") from error


_SIZE: Final = "SELECT pg_database_size(current_database())"


@lru_cache(ENGINES_KEPT)
def engine(url: str) -> Engine:
    """Return SQLAlchemy's engine for a URL: one for a process and its forks."""
    return create_engine(
        "postgresql+psycopg://",
        creator=partial(connect, url),
        poolclass=NullPool,  # PostgresDatabase keeps the connections, each with its session
        use_native_hstore=False,  # else each connection asks whether it is there
        hide_parameters=True,  # file names and Markdown have no place in a log
    )


def dialect() -> Dialect:
    """Return PostgreSQL's dialect as all databases have it."""
    return engine("").dialect


def _locks(scope: Scope) -> str:
    """Return the statement that takes the locks of a scope, each in the same order as others do."""
    if scope.is_exclusive:
        return f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})"
    numbers = sorted({_signed(zlib.crc32(owner.encode())) for owner in scope.owners})
    locks = [f"pg_advisory_xact_lock({OWNERS_LOCK}, {number})" for number in numbers]
    return ", ".join([f"SELECT pg_advisory_xact_lock_shared({WRITERS_LOCK})", *locks])


def _signed(number: int) -> int:
    """Return a number of 32 bits as PostgreSQL's `integer`."""
    return number - (1 << 32) if number >> 31 else number


def _raise_named(error: DatabaseError) -> None:
    """Raise our error for one of the database's, where there is one."""
    if isinstance(error.orig, psycopg.errors.DeadlockDetected):
        raise DatabaseConflict("Two transactions have waited for each other.") from error
    if isinstance(error.orig, psycopg.errors.DiskFull):
        raise DatabaseFull("The disk of the database is full: nothing was stored.") from error
    if isinstance(error.orig, _BUSY):
        raise DatabaseBusy("The database is locked. Try again.") from error
