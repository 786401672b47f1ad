"""A SQLite file that is filled from outside, beside the name that it gets when it is whole.

No trigger of ours fires meanwhile, and rows come in any order. A process that is killed leaves the
draft, with which the next one goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ilios.core.data_folder import DATABASE_SUFFIXES
from ilios.core.durable_files import publish
from ilios.core.errors import DatabaseRefused
from ilios.db import derived, revision
from ilios.db.models import REVISION
from ilios.db.sqlite_database import SqliteDatabase

SUFFIX: Final = ".receiving"
_TRIGGERS: Final = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
_FIRST_INSTANCE: Final = (
    "INSERT INTO instance (id, created_at) VALUES (?, '2000-01-01 00:00:00.000000')"
)


class ReceivingDatabase(SqliteDatabase):
    """Lets a page come before its document."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._pragmas = (*self._pragmas, "foreign_keys=OFF")


def draft_of(path: Path) -> Path:
    """Return the name of the file until it is whole."""
    return path.with_name(path.name + SUFFIX)


def begin(database: ReceivingDatabase, instance_id: str) -> str:
    """Prepare a draft that was just migrated, or go on with one; return the token of the move.

    Raises DatabaseRefused for a draft of something else.
    """
    with database.writing() as session:
        driver: Any = session.driver
        ((here,),) = driver.execute("SELECT id FROM instance").fetchall()
        found = revision.of(driver)
        token = revision.token_of(found, revision.RECEIVING)
        if found != REVISION and here != instance_id:
            raise DatabaseRefused(f"{database.path} is left over from another move: delete it.")
        for (name,) in driver.execute(_TRIGGERS).fetchall():
            driver.execute(f"DROP TRIGGER {name}")
        if token is None:
            token = revision.new_token()
            driver.execute("DELETE FROM instance")
            driver.execute(_FIRST_INSTANCE, (instance_id,))
            revision.note(driver, revision.RECEIVING + token)
    return token


def attach(database: ReceivingDatabase) -> None:
    """Make what belongs to the tables.

    Raises DatabaseRefused when a row refers to another that is not there.
    """
    with database.writing() as session:
        driver: Any = session.driver
        if lacking := driver.execute("PRAGMA foreign_key_check").fetchone():
            raise DatabaseRefused(
                f"A row of {lacking[0]} refers to one of {lacking[2]} that is not there: see "
                "`ilios doctor` of the service that is moved."
            )
        derived.install(driver)


def finish(database: ReceivingDatabase, path: Path) -> None:
    """Let the database be served: it gets its name."""
    with database.writing() as session:
        revision.note(session.driver, REVISION)
    publish_draft(database, path)


def publish_draft(database: SqliteDatabase, path: Path) -> None:
    """Close a draft, and give it the name of the database, which no file has."""
    if not database.truncate_wal():
        raise DatabaseRefused(f"{database.path} is open in another program: end that one.")
    database.close()
    put_in_place(database.path, path)
    for suffix in DATABASE_SUFFIXES:
        database.path.with_name(database.path.name + suffix).unlink(missing_ok=True)


def put_in_place(draft: Path, path: Path) -> None:
    """Give a whole file the name of the database, which no file has."""
    for left_over in ("-wal", "-shm"):
        # Of a deleted database; SQLite would apply them to the new one.
        path.with_name(path.name + left_over).unlink(missing_ok=True)
    publish(draft, path)
