"""The schema on PostgreSQL: a database begins at the newest revision, as the models have it.

From there on the scripts in alembic/ carry it, as they do SQLite's.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, MetaData, String, Table, Text, insert, text

from ilios.core import clock, ids
from ilios.db.models import REVISION, Base, Instance
from ilios.db.postgres import (
    functions,
    owner_totals,
    password_triggers,
    search_index,
    webhook_triggers,
)

COLLATION: Final = "pg_c_utf8"
"""By code points, as SQLite compares; and with the cases of all letters, which SQLite lacks."""


def tables() -> MetaData:
    """Return the tables as PostgreSQL has them.

    Texts have no greatest length, which SQLite does not look at.
    """
    metadata = MetaData()
    for table in Base.metadata.sorted_tables:
        _adapt(table.to_metadata(metadata))
    return metadata


def _adapt(table: Table) -> None:
    for column in table.columns:
        if isinstance(column.type, String):  # an Enum is one, too
            column.type = Text(collation=COLLATION)
    for index in table.indexes:
        where = index.dialect_options["sqlite"]["where"]
        index.dialect_options["postgresql"]["where"] = where


def create(connection: Connection) -> None:
    """Make everything in an empty database."""
    tables().create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": REVISION})
    connection.execute(insert(Instance).values(id=ids.new_id(), created_at=clock.now()))


def revision(connection: Connection) -> str | None:
    """Return the revision of a database; None of one that has none."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def has_tables(connection: Connection) -> bool:
    """Return whether there is anything in the schema that tables are made in."""
    named = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() LIMIT 1"
    return connection.scalar(text(named)) is not None


def follow(connection: Connection) -> None:
    """Make the triggers when the database is at the newest revision, after all migrations."""
    if revision(connection) != REVISION:
        return
    driver: Any = connection.connection.driver_connection
    search_index.install(driver, COLLATION)
    for module in (owner_totals, webhook_triggers, password_triggers):
        functions.install(driver, module.triggers())
