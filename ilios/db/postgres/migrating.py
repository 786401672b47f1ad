"""The connection that migrations of a PostgreSQL database run on: one process at a time."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError, OperationalError

from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db.postgres import schema, server_checks, versions
from ilios.db.postgres.database import WRITERS_LOCK, engine
from ilios.db.postgres.driver import psycopg
from ilios.db.revision import why_not_served

MIGRATIONS_LOCK: Final = 0x6D69677261746520  #: advisory locks are numbers: `migrate `
WAIT_SECONDS: Final = 600  #: for another node's migration, or for who has locked a table
IDLE_SECONDS: Final = 300  #: after which the migration of a node that has stopped is rolled back
_BEGIN: Final = (
    "BEGIN; SET LOCAL lock_timeout = '{wait}s'; "
    "SET LOCAL idle_in_transaction_session_timeout = '{idle}s'"
)
_WITHOUT_WRITERS: Final = f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})"
_CROSSED: Final = (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable)


@contextmanager
def exclusive(settings: Settings, known_revisions: Container[str]) -> Iterator[Connection | None]:
    """Open a connection in a transaction that holds the migrations' lock; commit it at the end.

    None where there is nothing to migrate: a newer version of Ilios has, and its schema takes nodes
    of this one. An empty database has the newest schema then. It goes past a pooler. Raises
    DatabaseRefused for a server that is not to be had, or cannot be used, and for a database of
    another program or a newer version.
    """
    url = settings.server_url.get_secret_value() if settings.server_url else ""
    name = server_checks.setting_of_server(settings)
    with server_checks.opened(engine(url).connect, name) as connection, connection.begin():
        connection.exec_driver_sql(_BEGIN.format(wait=WAIT_SECONDS, idle=IDLE_SECONDS))
        server_checks.require(connection.connection.driver_connection, settings)
        _lock(connection, name)
        driver = connection.connection.driver_connection
        found = schema.revision(connection)
        if found is not None and found not in known_revisions:
            if told := why_not_served(found):
                raise DatabaseRefused(f"The database of {name} {told}.")
            versions.require_accepted(driver, name, found)
            yield None
            return
        _begin_schema(connection, name)
        versions.require_followers(driver)
        with _undone_in_one_line(name):
            # Else nodes that work lock tables in their order, and we in ours.
            connection.exec_driver_sql(_WITHOUT_WRITERS)
            yield connection


@contextmanager
def _undone_in_one_line(name: str) -> Iterator[None]:
    """Raise DatabaseRefused where the migration and nodes that work have waited for each other."""
    try:
        yield
    except (DatabaseError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DatabaseError) else error
        if not isinstance(cause, _CROSSED):
            raise
        raise DatabaseRefused(
            f"The migration of the database of {name} was undone, for nodes at work had what it "
            "waited for: run it again."
        ) from error


def _lock(connection: Connection, name: str) -> None:
    try:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATIONS_LOCK})
    except OperationalError as error:
        raise DatabaseRefused(
            f"Another node has been migrating the database of {name} for {WAIT_SECONDS} s: wait "
            "for its end, or stop it."
        ) from error


def _begin_schema(connection: Connection, name: str) -> None:
    found = schema.revision(connection)
    if found is None:
        if schema.has_tables(connection):
            raise DatabaseRefused(
                f"The database of {name} has tables of another program: name an empty one."
            )
        try:
            schema.create(connection)
        except DatabaseError as error:
            reason = " ".join(str(error.orig).split())
            raise DatabaseRefused(
                f"The tables cannot be made in the database of {name} ({reason}): give its "
                "user the right to (GRANT CREATE ON SCHEMA …)."
            ) from error
