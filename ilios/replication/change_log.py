"""The local record of what changed: triggers write the key of every row that does.

And of what we ourselves have sent: a token for each transaction that the remote may hold. All
functions take a connection of pysqlite3, inside a transaction of the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection

from ilios.core.settings import Settings
from ilios.replication.schema import OWN_PREFIX, Table, of_database, quoted

EVERYTHING: Final = 0
"""The place in the log that says: whatever the log holds, the remote lacks more than that."""

_TABLES: Final = {
    "replication_log": "(seq INTEGER PRIMARY KEY, tbl TEXT NOT NULL, key TEXT NOT NULL)",
    "replication_tokens": "(token TEXT PRIMARY KEY)",
}


def keep_log(connection: Connection, settings: Settings) -> None:
    """After migrations, in their transaction: log changes when replication is on, else do not."""
    local = connection.connection.driver_connection
    if not settings.use_embedded_replica:
        remove(local)
    elif _has_tables(local):
        install(local)


def part_of_the_schema(name: str | None, kind: str, _parents: object) -> bool:
    """For Alembic: whether the models should know of it."""
    return kind != "table" or not (name or "").startswith(OWN_PREFIX)


def install(local: Any) -> None:
    """See to it that every change is logged; if that was not so, everything is to be sent."""
    wanted = {name: sql for table in of_database(local).tables for name, sql in _triggers(table)}
    present = dict(_own(local, "trigger"))
    if wanted == present and is_installed(local):
        return
    for name in present:
        local.execute(f"DROP TRIGGER {quoted(name)}")
    for name, columns in _TABLES.items():
        local.execute(f"CREATE TABLE IF NOT EXISTS {name} {columns}")
    for sql in wanted.values():
        local.execute(sql)
    local.execute("INSERT OR IGNORE INTO replication_log VALUES (?, '', '')", (EVERYTHING,))


def remove(local: Any) -> None:
    """Leave nothing that costs anything. Turned on again, it starts by sending everything."""
    for kind in ("trigger", "table"):
        for name, _ in _own(local, kind):
            local.execute(f"DROP {kind} {quoted(name)}")


def is_installed(local: Any) -> bool:
    return {name for name, _ in _own(local, "table")} == set(_TABLES)


def wants_everything(local: Any) -> bool:
    found = local.execute("SELECT 1 FROM replication_log WHERE seq = ?", (EVERYTHING,)).fetchall()
    return bool(found)


def newest(local: Any) -> int:
    """The place of the last entry; 0 when there is none."""
    (seq,) = local.execute("SELECT max(seq) FROM replication_log").fetchone()
    return seq or 0


def length(local: Any) -> int:
    """About how many changes wait to be sent."""
    (oldest, newest) = local.execute("SELECT min(seq), max(seq) FROM replication_log").fetchone()
    return 0 if newest is None else newest - oldest + 1


def entries(local: Any, after: int, at_most: int) -> list[tuple[int, str, str]]:
    """Place, table and key (a JSON array) of changes, oldest first."""
    found: list[tuple[int, str, str]] = local.execute(
        "SELECT seq, tbl, key FROM replication_log WHERE seq > ? ORDER BY seq LIMIT ?",
        (after, at_most),
    ).fetchall()
    return found


def forget(local: Any, upto: int, at_most: int) -> bool:
    """Drop the oldest entries, which the remote has; False when none of them is left."""
    done = local.execute(
        "DELETE FROM replication_log WHERE seq IN "
        "(SELECT seq FROM replication_log WHERE seq <= ? ORDER BY seq LIMIT ?)",
        (upto, at_most),
    )
    return bool(done.rowcount == at_most)


def tokens(local: Any) -> frozenset[str]:
    """Those that the remote may hold without anybody else having written to it."""
    return frozenset(token for (token,) in local.execute("SELECT token FROM replication_tokens"))


def intend(local: Any, token: str) -> None:
    """Remember a token before it is sent: nobody knows what the remote has made of it."""
    local.execute("INSERT INTO replication_tokens VALUES (?)", (token,))


def settle(local: Any, token: str) -> None:
    """The remote holds this token, so it can no longer come to hold any other of ours."""
    local.execute("DELETE FROM replication_tokens WHERE token <> ?", (token,))


def _has_tables(local: Any) -> bool:
    named = local.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchall()
    return bool(named and local.execute("SELECT 1 FROM alembic_version").fetchall())


def _own(local: Any, kind: str) -> list[tuple[str, str]]:
    """Name and SQL of our own triggers or tables."""
    found: list[tuple[str, str]] = local.execute(
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
