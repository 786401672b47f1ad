"""The database of a test, opened anew: as another process has it."""

from __future__ import annotations

from ilios.db.database import LONG_TIMEOUT, Database, LockTimeout
from ilios.db.sqlite_database import SqliteDatabase


def reopened(database: Database, lock_timeout: LockTimeout = LONG_TIMEOUT) -> Database:
    """Return it as an object of its own, which shares no lock with the other."""
    if isinstance(database, SqliteDatabase):
        return SqliteDatabase(database.path, "FULL", lock_timeout)
    from ilios.db.postgres.database import PostgresDatabase

    assert isinstance(database, PostgresDatabase)
    return PostgresDatabase(database._url, lock_timeout)
