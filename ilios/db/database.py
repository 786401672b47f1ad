"""SQLite through SQLAlchemy: short readers, one fair writer at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pysqlite3
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from ilios.core.backoff import delay_seconds
from ilios.core.errors import DatabaseBusy, DatabaseFull, DatabaseRefused
from ilios.core.telemetry import logs, metrics
from ilios.db.writer_lock import WriterLock

log = logs.get(__name__)

BUSY_TIMEOUT_MS = 30_000
TRUNCATE_TIMEOUT_MS = 1_000
BUSY_BACKOFF_SECONDS = 0.2
BUSY_JITTER = 0.5
LOG_KEPT_BYTES = 64 * 1024**2
"""What a long reader has made the WAL grow to is given back down to this, once it is gone."""
POOL_SIZE = 8
QUICK_CHECK = "PRAGMA quick_check(1)"  #: reads the whole file; one row: `ok`, or what is wrong


def require_safe_sqlite(version: tuple[int, ...] = pysqlite3.sqlite_version_info) -> None:
    """Refuse a SQLite library with the WAL-reset bug, which can corrupt a database.

    Fixed in 3.51.3, and in the backports 3.50.7 and 3.44.6 (https://sqlite.org/wal.html#walresetbug).
    """
    backported = (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    if version < (3, 51, 3) and not backported:
        raise DatabaseRefused(
            f"SQLite {'.'.join(map(str, version))} can corrupt a database in WAL mode: "
            "install pysqlite3 0.6.1 or newer, which brings 3.51.3 or newer."
        )


def require_sound(path: Path, verdict: object) -> None:
    """Refuse a file of which QUICK_CHECK says anything but `ok`."""
    if verdict != "ok":
        raise damaged(path, verdict)


def damaged(path: Path, cause: object) -> DatabaseRefused:
    """The refusal of a file that SQLite cannot read."""
    in_one_line = " ".join(str(cause).split())
    return DatabaseRefused(
        f"{path} cannot be read as a database ({in_one_line}): restore a backup, "
        "or name a new file, for example LOCAL_DB_PATH=/data/ilios-new.db."
    )


def busy_delay(retry: int) -> float:
    """Return the seconds before a retry, counted from 0: 0.2, 0.4, 0.8 …, ± 50 %."""
    return delay_seconds(retry, BUSY_BACKOFF_SECONDS, jitter=BUSY_JITTER)


@dataclass(frozen=True, slots=True)
class LockTimeout:
    """How long a writer waits: for a turn among our own, then so often for a stranger's lock."""

    turn_seconds: float
    busy_ms: int
    retries: int


PATIENT = LockTimeout(10.0, BUSY_TIMEOUT_MS, 4)
BRISK = LockTimeout(1.0, 1_000, 0)  #: of whoever has other things to see to, and comes back


class Watch:
    """Cheap questions (some µs), each a snapshot of its own. Of one thread."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._seen: int | None = None

    def changed(self) -> bool:
        """Whether anything was committed since this was last asked."""
        before, self._seen = self._seen, self.ask("PRAGMA data_version")[0][0]
        return before != self._seen

    def ask(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a query. SQLAlchemy would take twenty times as long for a small one."""
        rows: list[tuple[Any, ...]] = self._connection.execute(sql, parameters).fetchall()
        return rows


class Database:
    """Opens transactions on one SQLite file; safe to share between threads.

    Nothing is opened before the first transaction, so that a process may fork before it.
    """

    def __init__(
        self, path: Path, synchronous: str = "FULL", patience: LockTimeout = PATIENT
    ) -> None:
        require_safe_sqlite()
        self.path = path
        self._patience = patience
        self._turns = WriterLock(path.with_name(path.name + ".write-lock"), patience.turn_seconds)
        self._engine = create_engine(
            f"sqlite+pysqlite:///{path}",
            module=pysqlite3,
            pool_size=POOL_SIZE,
            max_overflow=-1,
            connect_args={"check_same_thread": False},
            hide_parameters=True,  # file names and Markdown have no place in a log
        )
        pragmas = (
            f"busy_timeout={patience.busy_ms}",
            "journal_mode=WAL",
            f"journal_size_limit={LOG_KEPT_BYTES}",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            "secure_delete=ON",  # what a client deletes is not left in free pages
        )

        @event.listens_for(self._engine, "connect")
        def _prepare(connection: Any, _record: object) -> None:
            connection.isolation_level = None  # the driver must emit no BEGIN of its own
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(self._engine, "begin")
        def _begin(connection: Connection) -> None:
            kind = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
            connection.exec_driver_sql(f"BEGIN {kind}")

        self._reader = sessionmaker(self._engine, expire_on_commit=False)
        self._writer = sessionmaker(
            self._engine.execution_options(sqlite_begin="IMMEDIATE"), expire_on_commit=False
        )

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A snapshot. Keep it short: a long reader keeps the WAL from being checkpointed."""
        with self._reader() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """`BEGIN IMMEDIATE … COMMIT`; any exception rolls back.

        Writers of this host take turns in order of arrival. Raises DatabaseBusy when a stranger
        holds the lock through every retry, and DatabaseFull when the disk has no room for it.
        """
        with self._writer() as session, self._turns.turn():
            self._begin(session)
            try:
                yield session
                session.commit()
            except OperationalError as error:
                if _name(error) != "SQLITE_FULL":
                    raise
                raise DatabaseFull("The disk is full: nothing was stored.") from error

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """A look at the database that may be repeated hundreds of times a second."""
        connection: Any = self._engine.raw_connection()
        try:
            yield Watch(connection.driver_connection)
        finally:
            connection.close()

    def truncate_log(self) -> bool:
        """Bring the WAL into the database and empty it: it keeps what was overwritten meanwhile.

        False when a reader was in the way for TRUNCATE_TIMEOUT_MS; nobody waits longer for it.
        """
        with self._alone() as connection:
            connection.execute(f"PRAGMA busy_timeout={TRUNCATE_TIMEOUT_MS}")
            busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            connection.execute(f"PRAGMA busy_timeout={self._patience.busy_ms}")
        return not busy

    def rewrite(self) -> None:
        """VACUUM: leave not even the few copies that `secure_delete` does not reach.

        Those lie in the slack of pages whose neighbours were merged. Writers wait meanwhile. Raises
        the driver's OperationalError, such as for a full disk.
        """
        with self._alone() as connection:
            connection.execute("VACUUM")

    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def close(self) -> None:
        self._engine.dispose()

    def _begin(self, session: Session) -> None:
        for retry in range(self._patience.retries + 1):
            try:
                session.connection()
            except OperationalError as error:
                session.rollback()
                if not _is_busy(error):
                    raise
                if retry == self._patience.retries:
                    raise DatabaseBusy("The database is locked. Try again.") from error
                metrics.DATABASE_BUSY_RETRIES.inc()
                log.warning("database.busy", retry=retry + 1)
                time.sleep(busy_delay(retry))
            else:
                return

    @contextmanager
    def _alone(self) -> Iterator[Any]:
        """The driver's own connection, outside of any transaction, when no other writer is."""
        pooled: Any = self._engine.raw_connection()
        try:
            with self._turns.turn():
                yield pooled.driver_connection
        finally:
            pooled.close()


def _is_busy(error: OperationalError) -> bool:
    return _name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _name(error: OperationalError) -> str:
    """SQLite's own name of an error."""
    return str(getattr(error.orig, "sqlite_errorname", ""))
