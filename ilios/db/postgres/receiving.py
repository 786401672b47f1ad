"""A PostgreSQL database that is filled from outside: no trigger fires, and rows come in any order.

Until it is whole its revision is one that no version serves. One that was moved elsewhere takes no
rows any more.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.schema import AddConstraint, DropConstraint, ForeignKeyConstraint

from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db import owner_totals, revision
from ilios.db.models import REVISION, Base
from ilios.db.postgres import migrating, schema, search_index, starting
from ilios.db.postgres.database import dialect
from ilios.db.postgres.driver import psycopg
from ilios.db.postgres.functions import Trigger, install

_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND usename = current_user AND pid <> pg_backend_pid() AND backend_type = 'client backend' "
    "AND application_name = current_setting('application_name')"
)
_CONTENTS: Final = (
    "SELECT NOT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema()), "
    "to_regclass('instance') IS NOT NULL AND to_regclass('alembic_version') IS NOT NULL"
)
_REFUSAL: Final = (
    "RAISE EXCEPTION 'the service was moved to another database' "
    "USING ERRCODE = 'read_only_sql_transaction';"
)


class _Fillable(revision.Receiving):
    """Those, and that of a database that is empty or whole."""

    def __contains__(self, found: object) -> bool:
        return found == REVISION or super().__contains__(found)


def begin(settings: Settings, instance_id: str) -> str | None:
    """Prepare an empty database, or go on with one that was begun; return the token of the move.

    None when the same instance is in it and it is whole. Raises DatabaseRefused for one that has
    other documents.
    """
    with _open(settings, _Fillable()) as connection:
        driver: Any = connection.connection.driver_connection
        ((here,),) = driver.execute("SELECT id FROM instance").fetchall()
        found = revision.of(driver)
        token = revision.token_of(found, revision.RECEIVING)
        if here == instance_id and token is None:
            return None
        if here != instance_id:
            if token is not None or _is_in_use(driver):
                raise DatabaseRefused(
                    "The database of --to holds another service's documents: name an empty one."
                )
            token = revision.new_token()
            schema.follow(connection)
            driver.execute("DELETE FROM instance")
            driver.execute(
                "INSERT INTO instance (id, created_at) VALUES (%s, now())", (instance_id,)
            )
            driver.execute("DELETE FROM shared_keys")  # those of the instance come with it
            revision.note(driver, revision.RECEIVING + token)
        _detach(driver)
    return token


def attach(settings: Settings) -> None:
    """Let triggers fire and references hold again. Raises DatabaseRefused when one does not."""
    with _open(settings, revision.Receiving()) as connection:
        driver: Any = connection.connection.driver_connection
        try:
            for key in _references():
                driver.execute(str(AddConstraint(key).compile(dialect=dialect())))
        except psycopg.errors.ForeignKeyViolation as error:
            reason = " ".join(str(error).split())
            raise DatabaseRefused(
                f"A row refers to another that is not there ({reason}): see `ilios doctor` of the "
                "service that is moved."
            ) from error
        for table in Base.metadata.sorted_tables:
            driver.execute(f"ALTER TABLE {table.name} ENABLE TRIGGER USER")
        owner_totals.recount(driver)
        search_index.remake(driver)
        driver.execute("ANALYZE")


def finish(settings: Settings) -> None:
    """Let the database be served."""
    with _open(settings, revision.Receiving()) as connection:
        revision.note(connection.connection.driver_connection, REVISION)


def refuse_rows(driver: Any) -> None:
    """Let no table take a row any more, in the transaction that notes the move.

    A node that was cut off looks at the revision no more when it is back.
    """
    of_each = (
        Trigger(
            f"moved_{table.name}", f"BEFORE INSERT OR UPDATE OR DELETE ON {table.name}", _REFUSAL
        )
        for table in Base.metadata.sorted_tables
    )
    install(driver, list(of_each))


def restored_instance(driver: Any) -> str | None:
    """Return whose rows a restore has put into a database that it has not finished.

    None for an empty one. Raises DatabaseRefused for any other.
    """
    ((is_empty, is_ours),) = driver.execute(_CONTENTS).fetchall()
    if is_empty:
        return None
    if not is_ours or starting.revision(driver) is not None:
        raise DatabaseRefused(
            "The database of DATABASE_URL has tables already: name an empty one to restore into."
        )
    ((found,),) = driver.execute("SELECT id FROM instance").fetchall()
    return str(found)


def others(driver: Any) -> int:
    """Return how many connections of Ilios there are beside this one."""
    ((found,),) = driver.execute(_OTHERS).fetchall()
    return int(found)


@contextmanager
def _open(settings: Settings, known_revisions: Container[str]) -> Iterator[Connection]:
    with migrating.exclusive(settings, known_revisions) as connection:
        if connection is None:
            raise DatabaseRefused(
                "The database of --to has the schema of a newer version of Ilios: move with that "
                "one."
            )
        yield connection


def _detach(driver: Any) -> None:
    for table in Base.metadata.sorted_tables:
        driver.execute(f"ALTER TABLE {table.name} DISABLE TRIGGER USER")
    for key in _references():
        driver.execute(str(DropConstraint(key, if_exists=True).compile(dialect=dialect())))


def _references() -> list[ForeignKeyConstraint]:
    """Return what our tables refer to each other by. The search index's own goes with its pages."""
    return [
        one
        for table in schema.tables().sorted_tables
        for one in table.constraints
        if isinstance(one, ForeignKeyConstraint)
    ]


def _is_in_use(driver: Any) -> bool:
    named = (table.name for table in Base.metadata.sorted_tables if table.name != "instance")
    any_row = " OR ".join(f"EXISTS (SELECT 1 FROM {name})" for name in named)
    ((found,),) = driver.execute(f"SELECT {any_row}").fetchall()
    return bool(found)
