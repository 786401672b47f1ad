"""Opens the database that the settings name: a SQLite file, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from ilios.core.settings import Settings
from ilios.db import readonly, sqlite_database
from ilios.db.database import LONG_TIMEOUT, Database, LockTimeout
from ilios.db.prepared import compile_all
from ilios.db.sqlite_database import SqliteDatabase
from ilios.db.watch import Watch


def open_database(
    settings: Settings, lock_timeout: LockTimeout = LONG_TIMEOUT, *, may_lose_last: bool = False
) -> Database:
    """Return the database of these settings; nothing is opened before its first transaction.

    `may_lose_last`: a power cut may undo the last commits, which then do not wait for the disk.
    """
    if settings.database_url is not None:
        from ilios.db.postgres.database import PostgresDatabase  # an extra, and some MiB

        return PostgresDatabase(
            settings.database_url.get_secret_value(),
            lock_timeout,
            connections=settings.database_pool_size,
            is_pooled=settings.database_direct_url is not None,
        )
    synchronous = "NORMAL" if may_lose_last else settings.sqlite_synchronous
    return SqliteDatabase(settings.database_path, synchronous, lock_timeout)


@contextmanager
def glancing(settings: Settings) -> Iterator[Watch]:
    """Open a connection that only reads, and is closed at the end: nothing of it outlives a fork."""
    if settings.database_url is not None:
        with closing(open_database(settings)) as database, database.watching() as watch:
            yield watch
        return
    with closing(readonly.open_file(settings.database_path, may_change=True)) as connection:
        yield Watch(connection, sqlite_database.dialect())


def compile_statements(settings: Settings) -> None:
    """Compile what is prepared, for the database that is named and the forks of this process."""
    if settings.database_url is None:
        compile_all(sqlite_database.dialect())
    else:
        from ilios.db.postgres import database

        compile_all(database.dialect())
