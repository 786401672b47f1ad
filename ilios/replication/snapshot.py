"""Read what is to be sent from the local database, in portions that memory can hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ilios.db.database import Database
from ilios.replication import change_log
from ilios.replication.remote import Value
from ilios.replication.schema import Schema, Table
from ilios.replication.volume import driver_connection

ENTRIES_MAX: Final = 5000  #: of the log for one request, and so its rows
CHARACTERS_MAX: Final = 2 * 1024 * 1024  #: of one request, give or take a row


@dataclass(frozen=True, slots=True)
class Change:
    """A row that was changed. `row` is as it is now; None when it was deleted."""

    table: Table
    key: tuple[Value, ...]
    row: tuple[Value, ...] | None


@dataclass(frozen=True, slots=True)
class Changes:
    """The rows that were changed up to a position in the log, as they are in one snapshot.

    With `is_all`, that snapshot has no other changes: with these, the copy equals it.
    """

    changes: tuple[Change, ...]
    upto: int
    is_all: bool


def changes(database: Database, schema: Schema, after: int) -> Changes:
    """Return the next portion of changes; a row that was changed ten times is read once."""
    tables = {table.name: table for table in schema.tables}
    with database.reading() as session:
        connection = driver_connection(session)
        entries = change_log.entries(connection, after, ENTRIES_MAX + 1)
        found: dict[tuple[str, str], Change] = {}
        size, upto = 0, after
        for seq, name, key in entries[:ENTRIES_MAX]:
            if name in tables and (name, key) not in found:
                change = _change(connection, tables[name], json.loads(key))
                size += _characters(change.row or ())
                if found and size > CHARACTERS_MAX:
                    return Changes(tuple(found.values()), upto, is_all=False)
                found[name, key] = change
            upto = seq
    return Changes(tuple(found.values()), upto, is_all=len(entries) <= ENTRIES_MAX)


def portions(database: Database, table: Table) -> Iterator[list[tuple[Value, ...]]]:
    """Yield all rows of a table in order of its key, each portion in its own snapshot."""
    rows = _portion(database, table, None)
    while rows:
        yield rows
        rows = _portion(database, table, table.key_of(rows[-1]))


def _portion(
    database: Database, table: Table, after: tuple[Value, ...] | None
) -> list[tuple[Value, ...]]:
    rows: list[tuple[Value, ...]] = []
    size = 0
    sql = f"{table.select(table.after(after))} LIMIT {ENTRIES_MAX}"
    with database.reading() as session:
        cursor = driver_connection(session).execute(sql, after or ())
        for row in cursor:
            rows.append(row)
            size += _characters(row)
            if size > CHARACTERS_MAX:
                break
        cursor.close()  # half read, it would hold the checkpoint back
    return rows


def _change(connection: Any, table: Table, key: Sequence[Value]) -> Change:
    row = connection.execute(table.select_row(), key).fetchone()
    return Change(table, tuple(key), row)


def _characters(row: Sequence[Value]) -> int:
    return sum(len(value) for value in row if isinstance(value, str))
