"""Which objects have arrived: a file of SQLite beside the data, which a killed run leaves.

It may be lost: what it does not name is copied again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ilios.db.driver import sqlite


class Arrived(NamedTuple):
    """An object that was read back from the target."""

    key: str
    stored_at: datetime  #: in the source, as it was copied
    sha256: str


class Journal:
    """Notes what has arrived. Not for several threads."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite.connect(str(path), isolation_level=None)
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, stored_at TEXT NOT NULL, "
            "sha256 TEXT NOT NULL, is_seen INTEGER NOT NULL) WITHOUT ROWID"
        )

    def keep(self, keys: Iterable[str]) -> None:
        """Forget all objects but these, which are all that the target has."""
        self._connection.execute("BEGIN")
        self.begin_pass()
        self._connection.executemany(
            "UPDATE objects SET is_seen = 1 WHERE key = ?", ((key,) for key in keys)
        )
        self._connection.execute("DELETE FROM objects WHERE is_seen = 0")
        self._connection.execute("COMMIT")

    def begin_pass(self) -> None:
        """Forget which objects were seen."""
        self._connection.execute("UPDATE objects SET is_seen = 0")

    def is_current(self, key: str, stored_at: datetime) -> bool:
        """Return whether an object has arrived as it is now; it counts as seen then."""
        seen = self._connection.execute(
            "UPDATE objects SET is_seen = 1 WHERE key = ? AND stored_at = ?",
            (key, stored_at.isoformat()),
        )
        return bool(seen.rowcount)

    def note(self, arrived: Iterable[Arrived]) -> None:
        self._connection.execute("BEGIN")
        self._connection.executemany(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, 1)",
            [(one.key, one.stored_at.isoformat(), one.sha256) for one in arrived],
        )
        self._connection.execute("COMMIT")

    def sha256_of(self, key: str) -> str | None:
        row = self._connection.execute(
            "SELECT sha256 FROM objects WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else str(row[0])

    def unseen(self) -> list[str]:
        """Return the keys that have arrived, and are in the source no more."""
        rows = self._connection.execute("SELECT key FROM objects WHERE is_seen = 0").fetchall()
        return [key for (key,) in rows]

    def forget(self, key: str) -> None:
        self._connection.execute("DELETE FROM objects WHERE key = ?", (key,))

    def count(self) -> int:
        (found,) = self._connection.execute("SELECT count(*) FROM objects").fetchone()
        return int(found)

    def close(self) -> None:
        self._connection.close()
