"""The log of changes: triggers write the key of every row that changes into a local table.

Beside it, the tokens of our own transactions that the remote may hold. All functions but
`follow_setting` take a connection of the driver, inside a transaction of the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection

from ilios.core.settings import Settings
from ilios.replication.schema import (
    LOCAL_PREFIXES,
    OWN_PREFIX,
    Table,
    of_database,
    quoted,
)

EVERYTHING: Final = 0
"""The position of the entry that says that the remote needs a full copy."""

_TABLES: Final = {
    "replication_log": "(seq INTEGER PRIMARY KEY, tbl TEXT NOT NULL, key TEXT NOT NULL)",
    "replication_tokens": "(token TEXT PRIMARY KEY)",
}


def follow_setting(connection: Connection, settings: Settings) -> None:
    """Install the log when replication is on, else remove it: in the migrations' transaction."""
    driver = connection.connection.driver_connection
    if not settings.use_embedded_replica:
        remove(driver)
    elif _has_tables(driver):
        install(driver)


def belongs_to_models(name: str | None, kind: str, _parents: object) -> bool:
    """Return whether the models describe what Alembic has found: all but local tables."""
    return kind != "table" or not (name or "").startswith(LOCAL_PREFIXES)


def install(connection: Any) -> None:
    """Install tables and triggers; if they were not there as needed, ask for a full copy."""
    wanted = {
        name: sql for table in of_database(connection).tables for name, sql in _triggers(table)
    }
    present = dict(_own(connection, "trigger"))
    if wanted == present and is_installed(connection):
        return
    for name in present:
        connection.execute(f"DROP TRIGGER {quoted(name)}")
    for name, columns in _TABLES.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} {columns}")
    for sql in wanted.values():
        connection.execute(sql)
    connection.execute("INSERT OR IGNORE INTO replication_log VALUES (?, '', '')", (EVERYTHING,))


def remove(connection: Any) -> None:
    """Remove tables and triggers. Installed again, the log begins with a full copy."""
    for kind in ("trigger", "table"):
        for name, _ in _own(connection, kind):
            connection.execute(f"DROP {kind} {quoted(name)}")


def is_installed(connection: Any) -> bool:
    return {name for name, _ in _own(connection, "table")} == set(_TABLES)


def needs_full_copy(connection: Any) -> bool:
    found = connection.execute(
        "SELECT 1 FROM replication_log WHERE seq = ?", (EVERYTHING,)
    ).fetchall()
    return bool(found)


def last_position(connection: Any) -> int:
    """Return the position of the last entry; 0 when there is none."""
    (seq,) = connection.execute("SELECT max(seq) FROM replication_log").fetchone()
    return seq or 0


def length(connection: Any) -> int:
    """Return about how many changes wait to be sent."""
    (oldest, newest) = connection.execute(
        "SELECT min(seq), max(seq) FROM replication_log"
    ).fetchone()
    return 0 if newest is None else newest - oldest + 1


def entries(connection: Any, after: int, at_most: int) -> list[tuple[int, str, str]]:
    """Return position, table and key (a JSON array) of changes, oldest first."""
    found: list[tuple[int, str, str]] = connection.execute(
        "SELECT seq, tbl, key FROM replication_log WHERE seq > ? ORDER BY seq LIMIT ?",
        (after, at_most),
    ).fetchall()
    return found


def delete_entries(connection: Any, upto: int, at_most: int) -> bool:
    """Delete `at_most` of the entries up to a position; return False when none of them is left."""
    done = connection.execute(
        "DELETE FROM replication_log WHERE seq IN "
        "(SELECT seq FROM replication_log WHERE seq <= ? ORDER BY seq LIMIT ?)",
        (upto, at_most),
    )
    return bool(done.rowcount == at_most)


def tokens(connection: Any) -> frozenset[str]:
    """Return the tokens that the remote may hold from our own transactions."""
    return frozenset(
        token for (token,) in connection.execute("SELECT token FROM replication_tokens")
    )


def intend_token(connection: Any, token: str) -> None:
    """Record a token before it is sent: a request that fails may have been executed."""
    connection.execute("INSERT INTO replication_tokens VALUES (?)", (token,))


def confirm_token(connection: Any, token: str) -> None:
    """Record that the remote holds this token, and so can never come to hold an earlier one."""
    connection.execute("DELETE FROM replication_tokens WHERE token <> ?", (token,))


def _has_tables(connection: Any) -> bool:
    named = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
    ).fetchall()
    return bool(named and connection.execute("SELECT 1 FROM alembic_version").fetchall())


def _own(connection: Any, kind: str) -> list[tuple[str, str]]:
    """Return name and SQL of our own triggers or tables."""
    found: list[tuple[str, str]] = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = ? AND name LIKE ? ESCAPE '\\'",
        (kind, OWN_PREFIX.replace("_", "\\_") + "%"),
    ).fetchall()
    return found


def _triggers(table: Table) -> Iterator[tuple[str, str]]:
    moved = " OR ".join(f"OLD.{quoted(c)} IS NOT NEW.{quoted(c)}" for c in table.key)
    key = ", ".join(quoted(column) for column in table.key)
    for what, when, row in (
        ("insert", "INSERT ON", "NEW"),
        ("update", "UPDATE ON", "NEW"),
        ("move", f"UPDATE OF {key} ON", "OLD"),
        ("delete", "DELETE ON", "OLD"),
    ):
        name = f"{OWN_PREFIX}{table.name}_{what}"
        only = f" WHEN {moved}" if what == "move" else ""
        values = ", ".join(f"{row}.{quoted(column)}" for column in table.key)
        yield (
            name,
            f"CREATE TRIGGER {quoted(name)} AFTER {when} {quoted(table.name)}{only} BEGIN "
            "INSERT INTO replication_log (tbl, key) "
            f"VALUES ('{table.name}', json_array({values})); END",
        )
