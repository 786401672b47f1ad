"""SQLite through SQLAlchemy: short readers, and writers of one host in order of arrival.

SQLite has one writer at a time and lets the others poll; see ilios.db.writer_lock for the order.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DatabaseError, OperationalError

from ilios.core import computing
from ilios.core.errors import DatabaseBusy, DatabaseFull, IliosError
from ilios.core.spare_file import SPARE_BYTES, WRITE_ROOM_BYTES, SpareFile, free_bytes
from ilios.core.telemetry import logs, metrics
from ilios.db import search_index
from ilios.db.database import LONG_TIMEOUT, Database, LockTimeout, Scope, busy_delay
from ilios.db.driver import require_safe_sqlite, sqlite
from ilios.db.driver_session import DriverSession, raise_as_sqlalchemys
from ilios.db.watch import Watch
from ilios.db.writer_lock import WriterLock

log = logs.get(__name__)

BUSY_TIMEOUT_MS = LONG_TIMEOUT.busy_ms
TRUNCATE_TIMEOUT_MS = 1_000
WAL_KEPT_BYTES = 64 * 1024**2
"""The WAL, which grows while a long reader is open, is cut back to this after it."""
ENGINES_KEPT = 4  #: a process uses one or two databases
SHRINK_PAGES = 500
"""Given back to the disk by one transaction: about 2 MiB, which is also what its log takes."""
INCREMENTAL = 2  #: of PRAGMA auto_vacuum: free pages can be given back in steps
FULL = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")  #: no room for database and log; for `-shm`
BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")  #: how the names of errors begin while others write


def is_index_malformed(error: DatabaseError) -> bool:
    """Return whether the full-text index may not fit itself, or the file is damaged elsewhere."""
    return _sqlite_name(error.orig).startswith("SQLITE_CORRUPT")


class SqliteDatabase(Database):
    """Opens transactions on one SQLite file."""

    driver_error = sqlite.Error
    is_remote = False

    def __init__(
        self, path: Path, synchronous: str = "FULL", lock_timeout: LockTimeout = LONG_TIMEOUT
    ) -> None:
        require_safe_sqlite()
        super().__init__()
        self.path = path
        self._lock_timeout = lock_timeout
        self._spare = SpareFile(path)
        self._writer_lock = WriterLock(
            path.with_name(path.name + ".write-lock"), lock_timeout.turn_seconds
        )
        self._engine = _engine(path)
        self._pragmas: tuple[str, ...] = (
            f"busy_timeout={lock_timeout.busy_ms}",
            "journal_mode=WAL",
            f"journal_size_limit={WAL_KEPT_BYTES}",
            f"synchronous={synchronous}",
            "fullfsync=ON",  # on macOS alone it makes a difference: see ilios.core.platform.sync
            "foreign_keys=ON",
            "secure_delete=ON",  # what a client deletes is not left in free pages
        )

    @contextmanager
    def reading(self) -> Iterator[DriverSession]:
        """Open a snapshot. Keep it short: a long reader keeps the WAL from being checkpointed."""
        session = self._take()
        try:
            session.start("DEFERRED")
            yield session
        finally:
            self._keep(session)

    @contextmanager
    def writing(self, scope: Scope = Scope.DATABASE) -> Iterator[DriverSession]:  # noqa: ARG002
        """Open a transaction, `BEGIN IMMEDIATE … COMMIT`; an exception rolls it back.

        Raises DatabaseBusy when another program holds the lock through every retry, and
        DatabaseFull when the disk has no space for what was written.
        """
        try:
            with self._transaction() as session:
                yield session
        except DatabaseError as error:
            if is_index_malformed(error):
                self.ask_for_new_index(error)
            raise

    def ask_for_new_index(self, cause: DatabaseError) -> None:
        """Have the full-text index made anew: while it is malformed, nobody can write to it.

        Once a day at most, unless it is FTS5 that complains: the fault may be elsewhere in the
        file. Raises nothing: the caller has the error that counts.
        """
        is_index = str(cause.orig).startswith("fts5:")
        rest = 0 if is_index else search_index.REMADE_EVERY_SECONDS
        with suppress(DatabaseError, DatabaseBusy, DatabaseFull):
            with self._transaction() as session:
                is_news = search_index.ask_for_new(session.driver, rest)
            if is_news:
                log.warning("search.malformed", note="it is made anew by itself")

    @contextmanager
    def _transaction(self) -> Iterator[DriverSession]:
        self._make_room()  # what makes room has to be written too
        with computing.waiting(), self._writer_lock.held():
            try:
                session = self._begin()
                try:
                    yield session
                    session.commit()
                finally:
                    self._keep(session)
            except DatabaseError as error:
                if _sqlite_name(error.orig) in FULL:
                    raise DatabaseFull("The disk is full: nothing was stored.") from error
                raise

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """Open a connection for queries that are repeated hundreds of times a second."""
        session = self._take()
        try:
            yield Watch(session.driver, session.dialect)
        except IliosError:
            self._put_back(session)  # what was asked for is not there, or is not to be had
            raise
        except BaseException:
            session.disconnect()  # a query that was left half-read would hold its snapshot
            raise
        self._put_back(session)

    def truncate_wal(self) -> bool:
        """Write the WAL into the database and empty it, so that it keeps no deleted content.

        Return False when a reader prevented it for TRUNCATE_TIMEOUT_MS. Raises DatabaseFull.
        """
        with self._exclusive_connection() as connection:
            connection.execute(f"PRAGMA busy_timeout={TRUNCATE_TIMEOUT_MS}")
            busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            connection.execute(f"PRAGMA busy_timeout={self._lock_timeout.busy_ms}")
        return not busy

    def vacuum(self) -> None:
        """Rewrite the file without the few deleted bytes that `secure_delete` does not reach.

        Those lie in the slack of pages whose neighbours were merged. Writers wait meanwhile. From
        then on free pages can be given back, also those of a file from before. Raises DatabaseFull.
        """
        with self._exclusive_connection() as connection:
            connection.execute(f"PRAGMA auto_vacuum={INCREMENTAL}")
            connection.execute("VACUUM")

    def give_back(self, until: float = math.inf) -> int:
        """Give free pages back to the disk, in small transactions; return the bytes.

        Stop at `until`, by the monotonic clock. A file from before this was possible is rewritten
        if there is room for two copies of what it holds. Raises DatabaseFull.
        """
        before = self.size_bytes()
        self.truncate_wal()
        if self._may_be_rewritten():
            self.vacuum()
        while time.monotonic() < until and self._shrink():
            pass
        self.truncate_wal()
        given = max(0, before - self.size_bytes())
        if given:
            log.info("database.shrunk", bytes=given)
        return given

    def _shrink(self) -> bool:
        """Give back SHRINK_PAGES; return whether there may be more."""
        with self._exclusive_connection() as connection:
            left: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
            connection.execute(f"PRAGMA incremental_vacuum({SHRINK_PAGES})").fetchall()
            now: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
        return 0 < now < left

    def _may_be_rewritten(self) -> bool:
        with self._exclusive_connection() as connection:
            kind, free, pages, page_bytes = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("auto_vacuum", "freelist_count", "page_count", "page_size")
            )
        needed = 2 * (pages - free) * page_bytes + WRITE_ROOM_BYTES
        return bool(kind != INCREMENTAL and free > 0) and needed < free_bytes(self.path.parent)

    def size_bytes(self) -> int:
        return _size(self.path)

    def log_bytes(self) -> int:
        return _size(self.path.with_name(self.path.name + "-wal"))

    def _make_room(self) -> None:
        """Give up the spare file when next to nothing is free."""
        if self._spare.give_up_if_short():
            log.warning("disk.spare_given_up", bytes=SPARE_BYTES)

    def _connect(self) -> DriverSession:
        self._make_room()  # the first connection makes files of its own
        session = DriverSession(self._engine.connect())
        session.driver.isolation_level = None  # the driver must emit no BEGIN of its own
        try:
            for pragma in self._pragmas:
                session.driver.execute(f"PRAGMA {pragma}")
        except sqlite.Error as error:
            session.disconnect()
            raise_as_sqlalchemys(error, "PRAGMA", session.dialect)
        return session

    def _begin(self) -> DriverSession:
        """Return a session that holds SQLite's write lock."""
        retry = 0
        while True:
            try:
                return self._begin_once()
            except OperationalError as error:
                if not _sqlite_name(error.orig).startswith(BUSY):
                    raise
                if retry == self._lock_timeout.retries:
                    raise DatabaseBusy("The database is locked. Try again.") from error
            metrics.DATABASE_BUSY_RETRIES.inc()
            log.warning("database.busy", retry=retry + 1)
            time.sleep(busy_delay(retry))
            retry += 1

    def _begin_once(self) -> DriverSession:
        session = self._take()
        try:
            session.start("IMMEDIATE")
        except BaseException:
            self._keep(session)
            raise
        return session

    @contextmanager
    def _exclusive_connection(self) -> Iterator[Any]:
        """Give the driver's own connection, outside of any transaction, under the writers' lock."""
        self._make_room()
        session = self._take()
        try:
            with self._writer_lock.held():
                yield session.driver
        except sqlite.OperationalError as error:
            if _sqlite_name(error) not in FULL:
                raise
            raise DatabaseFull("The disk is full: the database is as it was.") from error
        finally:
            self._keep(session)


@lru_cache(ENGINES_KEPT)
def _engine(path: Path) -> Engine:
    """Return SQLAlchemy's engine for a file: one for a process and its forks."""
    return create_engine(
        f"sqlite+pysqlite:///{path}",
        module=sqlite,
        poolclass=NullPool,  # Database keeps the connections, each with its session
        connect_args={"check_same_thread": False},
        hide_parameters=True,  # file names and Markdown have no place in a log
    )


def dialect() -> Dialect:
    """Return SQLite's dialect as all databases have it."""
    return _engine(Path()).dialect


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _sqlite_name(error: BaseException | None) -> str:
    """Return SQLite's name of the driver's error, such as `SQLITE_BUSY`."""
    return str(getattr(error, "sqlite_errorname", ""))
