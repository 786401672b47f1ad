"""What is replicated: every table of the local schema, and the SQL that the copy of each needs.

Remote tables have the columns and the key of the local ones, and nothing else: no types, so that
every value comes back as it was sent; no foreign keys, so that rows may come in any order; no
indexes, which no query would use. A restore needs those, so the local DDL is part of the copy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from ilios.db import search_index

OWN_PREFIX: Final = "replication_"  #: of our own tables and triggers in the local database
LOCAL_PREFIXES: Final = (OWN_PREFIX, search_index.PREFIX)  #: of tables that are not replicated
NEW: Final = "ilios_new_"  #: of a table that is being sent whole, beside the one in use
CHANGED: Final = "ilios_changed_"  #: of changes that are too many for one request


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]  #: columns of the primary key

    def stage_all(self) -> list[str]:
        """Return what makes a new table for all rows, beside the one in use."""
        columns = f"{_list(self.columns)}, PRIMARY KEY ({_list(self.key)})"
        return [self.drop(NEW), f"CREATE TABLE {self._at(NEW)} ({columns})"]

    def stage_changes(self) -> list[str]:
        """Return what makes a new table for rows that were changed or deleted."""
        columns = f"gone, {_list(self.columns)}, PRIMARY KEY ({_list(self.key)})"
        return [self.drop(CHANGED), f"CREATE TABLE {self._at(CHANGED)} ({columns})"]

    def drop(self, prefix: str = "") -> str:
        return f"DROP TABLE IF EXISTS {self._at(prefix)}"

    def rename_new(self) -> str:
        return f"ALTER TABLE {self._at(NEW)} RENAME TO {quoted(self.name)}"

    def upsert(self, prefix: str = "") -> str:
        """Return a statement that takes the values of a row."""
        return self._upsert(self._at(prefix), self.columns)

    def upsert_changed(self) -> str:
        """Return a statement that takes 0 and a row, or 1 and `nothing_but_key` of a deletion."""
        return self._upsert(self._at(CHANGED), ("gone", *self.columns))

    def delete(self) -> str:
        """Return a statement that takes the key."""
        where = " AND ".join(f"{quoted(column)} = ?" for column in self.key)
        return f"DELETE FROM {quoted(self.name)} WHERE {where}"

    def merge_changes(self) -> list[str]:
        """Return what applies the staged changes to the table."""
        name, changed, columns = quoted(self.name), self._at(CHANGED), _list(self.columns)
        key = _list(self.key)
        return [
            f"DELETE FROM {name} WHERE ({key}) IN (SELECT {key} FROM {changed})",
            f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {changed} WHERE gone = 0",
            f"DROP TABLE {changed}",
        ]

    def select(self, where: str = "") -> str:
        return f"SELECT {_list(self.columns)} FROM {quoted(self.name)} {where}"

    def select_row(self) -> str:
        """Return a query that takes the key."""
        return self.select("WHERE " + " AND ".join(f"{quoted(column)} = ?" for column in self.key))

    def after(self, key: Sequence[object] | None) -> str:
        """Return the end of a query for the rows beyond a key, in order; it takes that key."""
        order = f"ORDER BY {_list(self.key)}"
        if key is None:
            return order
        return f"WHERE ({_list(self.key)}) > ({_marks(self.key)}) {order}"

    def key_of(self, row: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(row[self.columns.index(column)] for column in self.key)

    def nothing_but_key(self, key: Sequence[Any]) -> tuple[Any, ...]:
        """Return a row with its key and None in all other columns."""
        values = dict(zip(self.key, key, strict=True))
        return tuple(values.get(column) for column in self.columns)

    def _upsert(self, target: str, columns: tuple[str, ...]) -> str:
        others = [column for column in columns if column not in self.key]
        updates = ", ".join(f"{quoted(column)} = excluded.{quoted(column)}" for column in others)
        conflict = f"UPDATE SET {updates}" if updates else "NOTHING"
        return (
            f"INSERT INTO {target} ({_list(columns)}) VALUES ({_marks(columns)}) "
            f"ON CONFLICT ({_list(self.key)}) DO {conflict}"
        )

    def _at(self, prefix: str) -> str:
        return quoted(prefix + self.name)


@dataclass(frozen=True, slots=True)
class Schema:
    """`text` is equal for equal schemas of equal revision, and is what a restore starts from."""

    revision: str
    tables: tuple[Table, ...]
    ddl: tuple[str, ...]  #: tables, then indexes

    @property
    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Schema:
        given = json.loads(text)
        tables = (
            Table(item["name"], tuple(item["columns"]), tuple(item["key"]))
            for item in given["tables"]
        )
        return cls(given["revision"], tuple(tables), tuple(given["ddl"]))


def of_database(connection: Any) -> Schema:
    """Return the schema of a local database; `connection` is one of the driver."""
    found = connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL "
        "AND type IN ('table', 'index') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "AND name NOT LIKE ? ESCAPE '\\' AND name NOT LIKE ? ESCAPE '\\' "
        "ORDER BY type DESC, name",
        [prefix.replace("_", "\\_") + "%" for prefix in LOCAL_PREFIXES],
    ).fetchall()
    tables = tuple(_table(connection, name) for kind, name, _ in found if kind == "table")
    (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return Schema(revision, tables, tuple(sql for _, _, sql in found))


def quoted(name: str) -> str:
    return f'"{name}"'


def _table(connection: Any, name: str) -> Table:
    columns = connection.execute(f"PRAGMA table_info({quoted(name)})").fetchall()
    key = sorted((place, column) for _, column, _, _, _, place in columns if place)
    if not key:
        raise ValueError(f"table {name} has no primary key, and cannot be replicated")
    return Table(name, tuple(column[1] for column in columns), tuple(column for _, column in key))


def _list(columns: Sequence[str]) -> str:
    return ", ".join(quoted(column) for column in columns)


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" * len(columns))
