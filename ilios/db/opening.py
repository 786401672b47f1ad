"""Opens the database that the settings name: a SQLite file, or PostgreSQL."""

from __future__ import annotations

from ilios.core.settings import Settings
from ilios.db.database import LONG_TIMEOUT, Database, LockTimeout
from ilios.db.sqlite_database import SqliteDatabase


def open_database(
    settings: Settings, lock_timeout: LockTimeout = LONG_TIMEOUT, *, may_lose_last: bool = False
) -> Database:
    """Return the database of these settings; nothing is opened before its first transaction.

    `may_lose_last`: a power cut may undo the last commits, which then do not wait for the disk.
    """
    synchronous = "NORMAL" if may_lose_last else settings.sqlite_synchronous
    return SqliteDatabase(settings.database_path, synchronous, lock_timeout)
