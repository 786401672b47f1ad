"""The database of a test, opened anew: as another process has it."""

from __future__ import annotations

from pydantic import SecretStr

from ilios.core.settings import Settings
from ilios.db.database import LONG_TIMEOUT, Database, LockTimeout
from ilios.db.sqlite_database import SqliteDatabase


def reopened(database: Database, lock_timeout: LockTimeout = LONG_TIMEOUT) -> Database:
    """Return it as an object of its own, which shares no lock with the other."""
    if isinstance(database, SqliteDatabase):
        return SqliteDatabase(database.path, "FULL", lock_timeout)
    from ilios.db.postgres.database import PostgresDatabase

    assert isinstance(database, PostgresDatabase)
    return PostgresDatabase(_url_of(database), lock_timeout)


def naming(database: Database, settings: Settings) -> Settings:
    """Return the settings of a process that opens it."""
    if isinstance(database, SqliteDatabase):
        return settings
    from ilios.db.postgres.database import PostgresDatabase

    assert isinstance(database, PostgresDatabase)
    return settings.model_copy(update={"database_url": SecretStr(_url_of(database))})


def _url_of(database: Database) -> str:
    with database.watching() as watch:
        return str(watch.driver.info.dsn)  # without a password, which the server of tests has not
