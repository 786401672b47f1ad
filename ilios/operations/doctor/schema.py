"""The parts of the schema: a revision says what there should be, not what there is."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Table

from ilios.db.models import Base


def missing_parts(connection: Connection) -> Iterator[str]:
    """Yield the tables, columns and indexes of ours that a database lacks."""
    names = "SELECT name FROM sqlite_master WHERE type IN ('table', 'index')"
    found = set(connection.exec_driver_sql(names).scalars())
    for table in Base.metadata.sorted_tables:
        if table.name not in found:
            yield f"table {table.name}"
            continue
        columns = connection.exec_driver_sql(
            "SELECT name FROM pragma_table_xinfo(?)", (table.name,)
        )
        yield from _missing_of(table, found, set(columns.scalars()))


def _missing_of(table: Table, found: set[str], columns: set[str]) -> Iterator[str]:
    for column in table.columns:
        if column.name not in columns:
            yield f"column {table.name}.{column.name}"
    for index in sorted(str(index.name) for index in table.indexes):
        if index not in found:
            yield f"index {index} of {table.name}"
