"""PostgreSQL through psycopg: a bounded number of connections, and writers that lock by advice.

Transactions are READ COMMITTED. What a unit of work relies on SQLite's one writer for, it gets by
an advisory lock that ends with the transaction: see `Scope` and ADR 0048.
"""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from typing import Any, Final, NoReturn

from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from ilios.core import computing
from ilios.core.errors import (
    DatabaseBusy,
    DatabaseConflict,
    DatabaseFull,
    IliosError,
    OutcomeUnknown,
)
from ilios.core.telemetry import logs
from ilios.db.database import LONG_TIMEOUT, Database, LockTimeout, Scope
from ilios.db.driver_session import DriverSession, raise_as_sqlalchemys
from ilios.db.postgres.driver import ANSWER_SECONDS, connect, psycopg
from ilios.db.postgres.session import PostgresSession
from ilios.db.postgres.watch import PostgresWatch
from ilios.db.watch import Watch

log = logs.get(__name__)

ENGINES_KEPT = 4  #: a process uses one database
CONNECTIONS: Final = 5  #: of a process, unless DATABASE_POOL_SIZE says otherwise
UNREACHABLE: Final = "The database cannot be reached. Try again."
READ_ONLY: Final = (
    "The database cannot be written: it is a standby now, or was moved to another one. Try again."
)
UNKNOWN: Final = (
    "The connection to the database broke off while this was being committed: it may have been. "
    "Look before you try again, or send an Idempotency-Key with what you repeat."
)
WRITERS_LOCK: Final = 0x696C696F73  #: advisory locks are numbers: `ilios`
OWNERS_LOCK: Final = 0x696F776E  #: with a hash of an owner: who takes in documents of it
_READING: Final = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
_BY_INDEX: Final = dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin"), "off")
"""For plans are kept: one that was made for a hundred rows would go through a hundred thousand."""
_KEPT_PLANS: Final = {"plan_cache_mode": "force_generic_plan"}
"""To plan one of our statements takes longer than to execute it: a connection does it once."""
IDLE_SECONDS: Final = 30
"""After which the transaction of a process that has stopped is rolled back, and its locks end."""
_BUSY: Final = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
_ENDED: Final = (
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
    psycopg.errors.CannotConnectNow,
)
"""What the server says of a connection that it closes."""


class PostgresDatabase(Database):
    """Opens transactions on a PostgreSQL database."""

    driver_error = psycopg.Error
    is_remote = True

    def __init__(
        self,
        url: str,
        lock_timeout: LockTimeout = LONG_TIMEOUT,
        *,
        connections: int = CONNECTIONS,
        is_pooled: bool = False,
    ) -> None:
        """`is_pooled`: the URL leads to a pooler, which gives each transaction any connection."""
        super().__init__()
        self._engine = engine(url, answer_seconds=ANSWER_SECONDS, may_prepare=not is_pooled)
        self._connections = connections
        self._places = threading.BoundedSemaphore(connections)
        self._is_reachable = True  #: as far as it is known, to log a change once
        self._wait_seconds = lock_timeout.turn_seconds
        settings = {
            "lock_timeout": f"{round(1000 * self._wait_seconds)}ms",
            "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
        }
        # A pooler may give the next transaction another connection, and this one to others.
        of_reader = settings if is_pooled else dict.fromkeys(_BY_INDEX, "on")
        self._of_reader = _set("SET LOCAL", of_reader)  # sums go through all rows
        self._of_writer = _set("SET LOCAL", settings | _BY_INDEX) if is_pooled else ""
        self._of_session = "" if is_pooled else _set("SET", settings | _BY_INDEX | _KEPT_PLANS)

    @contextmanager
    def reading(self) -> Iterator[DriverSession]:
        with self._session(f"{_READING}; {self._of_reader}") as session:
            yield session

    @contextmanager
    def writing(self, scope: Scope = Scope.DATABASE) -> Iterator[DriverSession]:
        try:
            kind = f"; {self._of_writer}{_locks(scope)}"
            with self._session(kind) as session:
                yield session
                with computing.waiting():
                    _commit(session)
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
        except (DatabaseError, psycopg.Error) as error:
            is_lost = _is_lost(session, error)
            self._give_up(session)
            _raise(error, session, is_lost=is_lost)
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
        except (DatabaseError, psycopg.Error) as error:
            _raise(error, session, is_lost=_is_lost(session, error))
        finally:
            self._keep(session)

    def _begun(self, kind: str) -> DriverSession:
        with computing.waiting():
            with suppress(ConnectionError):  # it had broken off before: nothing was done on it
                return self._start(self._take(), kind)
            try:
                return self._start(self._take(), kind)
            except ConnectionError as error:
                raise DatabaseBusy(UNREACHABLE) from error

    def _start(self, session: DriverSession, kind: str) -> DriverSession:
        """Begin a transaction. Raises ConnectionError when the connection has broken off."""
        try:
            session.start(kind)
        except BaseException as error:
            has_broken_off = _is_lost(session, error)
            self._give_up(session)
            if isinstance(error, DatabaseError):
                _raise_named(error)
                if has_broken_off:
                    raise ConnectionError from error
            raise
        return session

    def _take(self) -> DriverSession:
        if not self._places.acquire(timeout=self._wait_seconds):
            raise DatabaseBusy(
                f"All {self._connections} connections of this process to the database are in use "
                "(DATABASE_POOL_SIZE). Try again."
            )
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
            session = PostgresSession(self._engine.connect(), self._of_session)
        except DatabaseError as error:
            if self._is_reachable:
                self._is_reachable = False
                log.warning("database.unreachable", reason=" ".join(str(error.orig).split()))
            raise DatabaseBusy(UNREACHABLE) from error
        if not self._is_reachable:
            self._is_reachable = True
            log.info("database.reachable")
        return session


_SIZE: Final = "SELECT pg_database_size(current_database())"


@lru_cache(ENGINES_KEPT)
def engine(url: str, *, answer_seconds: float | None = None, may_prepare: bool = True) -> Engine:
    """Return SQLAlchemy's engine for a URL: one for a process and its forks."""
    return create_engine(
        "postgresql+psycopg://",
        creator=partial(connect, url, answer_seconds=answer_seconds, may_prepare=may_prepare),
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
        return f"SELECT pg_advisory_xact_lock({WRITERS_LOCK}); "
    numbers = sorted({_signed(zlib.crc32(owner.encode())) for owner in scope.owners})
    locks = [f"pg_advisory_xact_lock({OWNERS_LOCK}, {number})" for number in numbers]
    return ", ".join([f"SELECT pg_advisory_xact_lock_shared({WRITERS_LOCK})", *locks]) + "; "


def _set(command: str, settings: Mapping[str, str]) -> str:
    return "".join(f"{command} {name} = '{value}'; " for name, value in settings.items())


def _signed(number: int) -> int:
    """Return a number of 32 bits as PostgreSQL's `integer`."""
    return number - (1 << 32) if number >> 31 else number


def _raise_named(error: DatabaseError) -> None:
    """Raise our error for one of the database's, where there is one."""
    if isinstance(error.orig, psycopg.errors.DeadlockDetected):
        raise DatabaseConflict("Two transactions have waited for each other.") from error
    if isinstance(error.orig, psycopg.errors.DiskFull):
        raise DatabaseFull("The disk of the database is full: nothing was stored.") from error
    if isinstance(error.orig, psycopg.errors.ReadOnlySqlTransaction):
        raise DatabaseBusy(READ_ONLY) from error
    if isinstance(error.orig, _BUSY):
        raise DatabaseBusy("The database is locked. Try again.") from error


def _commit(session: DriverSession) -> None:
    try:
        session.commit()
    except DatabaseError as error:
        if _is_lost(session, error):
            raise OutcomeUnknown(UNKNOWN) from error
        raise


def _is_lost(session: DriverSession, error: BaseException) -> bool:
    """Return whether an error is the end of the connection, or has met it."""
    cause = error.orig if isinstance(error, DatabaseError) else error
    return bool(session.driver.closed) or isinstance(cause, _ENDED) or _is_of_driver(cause)


def _is_of_driver(cause: object) -> bool:
    """Return whether the driver says so and not the server, of which an answer was expected.

    As when a connection ends in a pipeline: it calls that one busy. What follows from an error of
    the server is none of these.
    """
    is_operational = isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None
    return is_operational and not isinstance(cause, psycopg.errors.PipelineAborted)


def _raise(error: Any, session: DriverSession, *, is_lost: bool) -> NoReturn:
    """Raise what a caller knows, for an error of the driver or one of SQLAlchemy's."""
    if is_lost:
        raise DatabaseBusy(UNREACHABLE) from error
    if isinstance(error, psycopg.Error):
        raise_as_sqlalchemys(error, "", session.dialect)
    raise error
