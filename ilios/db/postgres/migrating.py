"""The connection that migrations of a PostgreSQL database run on: one process at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError, OperationalError

from ilios.core.errors import DatabaseRefused
from ilios.db.postgres import schema
from ilios.db.postgres.database import engine

MIGRATIONS_LOCK: Final = 0x6D69677261746520  #: advisory locks are numbers: `migrate `
LEAST_VERSION: Final = 17


@contextmanager
def exclusive(url: str, known_revisions: Collection[str]) -> Iterator[Connection]:
    """Open a connection in a transaction that holds the migrations' lock; commit it at the end.

    An empty database has the newest schema then. Raises DatabaseRefused for a server that is not to
    be had, or too old, and for a database of another program or a newer version.
    """
    try:
        opened = engine(url).connect()
    except OperationalError as error:
        reason = " ".join(str(error.orig).split())
        raise DatabaseRefused(
            f"The database of DATABASE_URL cannot be opened ({reason}): check the URL, the "
            "password, and that the server runs."
        ) from error
    with opened as connection, connection.begin():
        connection.exec_driver_sql("BEGIN")
        _require_server(connection)
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATIONS_LOCK})
        _begin_schema(connection, known_revisions)
        yield connection


def _require_server(connection: Connection) -> None:
    found = connection.execute(
        text(
            "SELECT current_setting('server_version_num')::integer / 10000, pg_is_in_recovery(), "
            "current_setting('server_encoding')"
        )
    )
    version, is_standby, encoding = found.one()
    if version < LEAST_VERSION:
        raise DatabaseRefused(
            f"DATABASE_URL names PostgreSQL {version}, which is too old: Ilios needs "
            f"{LEAST_VERSION} or newer."
        )
    if is_standby:
        raise DatabaseRefused(
            "DATABASE_URL names a standby, which cannot be written: name the primary, for example "
            "by target_session_attrs=read-write with all hosts in the URL."
        )
    if encoding != "UTF8":
        raise DatabaseRefused(
            f"The database of DATABASE_URL has the encoding {encoding}: make one with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        )


def _begin_schema(connection: Connection, known_revisions: Collection[str]) -> None:
    found = schema.revision(connection)
    if found is None:
        if schema.has_tables(connection):
            raise DatabaseRefused(
                "The database of DATABASE_URL has tables of another program: name an empty one."
            )
        try:
            schema.create(connection)
        except DatabaseError as error:
            reason = " ".join(str(error.orig).split())
            raise DatabaseRefused(
                f"The tables cannot be made in the database of DATABASE_URL ({reason}): give its "
                "user the right to (GRANT CREATE ON SCHEMA …)."
            ) from error
    elif found not in known_revisions:
        raise DatabaseRefused(
            f"The database of DATABASE_URL has schema {found}, which is newer than this version "
            "of Ilios: start the newer version, or restore the backup made before the upgrade."
        )
