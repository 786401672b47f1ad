"""The predecessor's database, read while no other program can open it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ilios.core.errors import DatabaseRefused
from ilios.db.driver import sqlite
from ilios.db.legacy_schema import OPTIONAL_TABLE, TABLES, table_names
from ilios.db.quick_check import QUICK_CHECK, require_sound
from ilios.db.sqlite_database import BUSY_TIMEOUT_MS

_DOCUMENTS: Final = """
    SELECT d.*, j.id AS job_id, j.status AS job_status, j.error AS job_error,
        j.priority AS job_priority, j.attempts AS job_attempts, j.created_at AS job_created_at,
        j.started_at AS job_started_at, j.completed_at AS job_completed_at
    FROM documents AS d
    LEFT JOIN (
        SELECT id, document_id, status, error, priority, attempts, created_at, started_at,
            completed_at, row_number() OVER (
            PARTITION BY document_id
            ORDER BY status IN ('pending', 'processing', 'retrying') DESC, created_at DESC, id DESC
        ) AS place
        FROM job_queue WHERE type = 'convert'
    ) AS j ON j.document_id = d.id AND j.place = 1
    ORDER BY d.rowid
"""  #: each with the job that matters: one that is not ended, else the latest
_CALLS: Final = """
    SELECT u.*, d.metadata FROM usage AS u LEFT JOIN documents AS d ON d.id = u.document_id
"""


class Predecessor:
    """An open database of the predecessor; rows are read by the names of their columns."""

    def __init__(self, path: Path, connection: Any) -> None:
        self.path = path
        self._connection = connection

    def documents(self) -> Iterator[Any]:
        """Return all documents, in the order in which they came."""
        return iter(self._connection.execute(_DOCUMENTS))

    def calls(self) -> Iterator[Any]:
        """Return all rows of `usage`, each with the metadata of its document."""
        return iter(self._connection.execute(_CALLS))

    def batches(self) -> Iterator[Any]:
        if OPTIONAL_TABLE not in table_names(self._connection):
            return iter(())
        return iter(self._connection.execute("SELECT * FROM batches"))

    def keys(self) -> list[str]:
        """Return every API key in it, in clear; longest first, since one may begin another."""
        present = table_names(self._connection)
        holders = [t for t in TABLES if t in present and "api_key" in TABLES[t].required]
        every = " UNION ".join(f"SELECT api_key FROM {table}" for table in holders)  # noqa: S608
        found = (key for (key,) in self._connection.execute(every) if key)
        return sorted(found, key=len, reverse=True)

    def checkpoint(self) -> None:
        """Write the WAL into the file, so that it is complete without it."""
        busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise in_use(self.path)


@contextmanager
def open_exclusively(path: Path) -> Iterator[Predecessor]:
    """Open the database at `path`, which no other program can open meanwhile.

    Raises DatabaseRefused when one has it open now, even idle, or when the file is damaged.
    """
    connection = sqlite.connect(str(path), isolation_level=None)
    connection.row_factory = sqlite.Row
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    try:
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # kept from the first access on
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite.OperationalError as error:
            raise in_use(path) from error
        connection.execute("COMMIT")
        require_sound(path, connection.execute(QUICK_CHECK).fetchone()[0])
        yield Predecessor(path, connection)
    finally:
        connection.close()


def in_use(path: Path) -> DatabaseRefused:
    return DatabaseRefused(
        f"{path} is a database of the predecessor and is in use: stop the predecessor, then start "
        "again. Nothing was changed."
    )
