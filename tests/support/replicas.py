"""Compare a local database with its copy, row by row."""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from ilios.core.settings import Settings
from ilios.db.driver import sqlite
from ilios.replication import large_values, ownership, schema
from ilios.replication.remote import Remote


def differences(settings: Settings) -> int:
    """Return how many rows of all tables differ, or are on one side only."""
    remote = Remote.of(settings)
    with closing(sqlite.connect(str(settings.database_path))) as connection:
        wanted = schema.of_database(connection)
        connection.execute("BEGIN")
        return sum(
            len(_local(connection, table) ^ _remote(remote, table)) for table in wanted.tables
        )


def files_differ(one: Path, other: Path) -> list[str]:
    """Return the names of tables, indexes and triggers that differ between two files."""
    with (
        closing(sqlite.connect(str(one))) as first,
        closing(sqlite.connect(str(other))) as second,
    ):
        shapes = [
            set(c.execute("SELECT name, sql FROM sqlite_master").fetchall())
            for c in (first, second)
        ]
        found = [name for name, _ in shapes[0] ^ shapes[1]]
        found += [
            table.name
            for table in schema.of_database(first).tables
            if _local(first, table) != _local(second, table)
        ]
    return found


def snapshot(database: Path, target: Path) -> None:
    """Copy what the database holds now into another file."""
    with closing(sqlite.connect(str(database))) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))


def count(settings: Settings, table: str) -> int:
    """Return how many rows a table of the remote has."""
    return int(Remote.of(settings).read(f"SELECT count(*) FROM {table}")[0][0] or 0)


def rows(settings: Settings) -> int:
    """Return how many rows the local tables have that are replicated."""
    with closing(sqlite.connect(str(settings.database_path))) as connection:
        tables = schema.of_database(connection).tables
        return sum(len(connection.execute(table.select()).fetchall()) for table in tables)


def ownership_of(settings: Settings) -> ownership.Ownership:
    """Return the ownership that the remote records."""
    found = ownership.inspect_remote(Remote.of(settings)).ownership
    assert found is not None
    return found


def _local(connection: Any, table: schema.Table) -> set[bytes]:
    return {_hash(row) for row in connection.execute(table.select())}


def _remote(remote: Remote, table: schema.Table) -> set[bytes]:
    rows, after = set[bytes](), None
    while portion := remote.read(f"{table.select(table.after(after))} LIMIT 500", *(after or ())):
        rows |= {_hash(large_values.with_texts(remote, row)) for row in portion}
        after = table.key_of(portion[-1])
    return rows


def _hash(row: tuple[Any, ...]) -> bytes:
    return sha256(repr(row).encode()).digest()
