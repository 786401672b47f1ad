"""The parts of the schema: a revision says what there should be, not what there is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import Connection, Table

from ilios.db.models import Base


def missing_parts(connection: Connection) -> Iterator[str]:
    """Yield the tables, columns and indexes of ours that a database lacks."""
    names = "SELECT name FROM sqlite_master WHERE type IN ('table', 'index')"
    found = set(connection.exec_driver_sql(names).scalars())
    columns = "SELECT name FROM pragma_table_xinfo(?)"
    yield from missing_of(
        {
            table.name: set(connection.exec_driver_sql(columns, (table.name,)).scalars())
            for table in Base.metadata.sorted_tables
            if table.name in found
        },
        found,
    )


def missing_of(tables: Mapping[str, Collection[str]], indexes: Collection[str]) -> Iterator[str]:
    """Yield what is not among these: tables by their names, each with its columns, and indexes."""
    for table in Base.metadata.sorted_tables:
        if table.name in tables:
            yield from _missing_of(table, indexes, tables[table.name])
        else:
            yield f"table {table.name}"


def _missing_of(table: Table, found: Collection[str], columns: Collection[str]) -> Iterator[str]:
    for column in table.columns:
        if column.name not in columns:
            yield f"column {table.name}.{column.name}"
    for index in sorted(str(index.name) for index in table.indexes):
        if index not in found:
            yield f"index {index} of {table.name}"
