"""Commits that the connection does not survive."""

from __future__ import annotations

from sqlalchemy import text

from ilios.db.database import Database


def end_at_commit(database: Database, table: str) -> None:
    """Let PostgreSQL end the connection that commits new rows of a table."""
    with database.writing() as session:
        session.execute(
            text(
                "CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
            )
        )
        session.execute(
            text(
                f"CREATE CONSTRAINT TRIGGER ends AFTER INSERT ON {table} "
                "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ends()"
            )
        )


def let_commit(database: Database, table: str) -> None:
    """End that."""
    with database.writing() as session:
        session.execute(text(f"DROP TRIGGER ends ON {table}"))
