"""The revision of an open database, for what is made after all migrations and not by one.

Two others in its place keep every version from serving a database that is moved to another: that of
the one that is being filled, and that of the one that was moved. Both have the token of the move,
so that no other database can take the place of the one that it was begun with.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Final

from ilios.core import ids
from ilios.db.models import REVISION

RECEIVING: Final = "receiving-"  #: a token comes behind it; likewise below
MOVED: Final = "moved-"
TOKEN_LENGTH: Final = 12
_TOLD: Final = {
    RECEIVING: "is being filled by `ilios migrate --to`, and is not whole: run that command again",
    MOVED: "was moved to another database by `ilios migrate --to`: start the service with the "
    "settings that it named",
}


class Receiving(Container[str]):
    """The revisions of databases that are being filled."""

    def __contains__(self, revision: object) -> bool:
        return str(revision).startswith(RECEIVING)


def new_token() -> str:
    """Return what a move is known by."""
    return ids.new_id()[:TOKEN_LENGTH]


def token_of(revision: str | None, what: str) -> str | None:
    """Return the token of a database that is RECEIVING or MOVED; None of any other."""
    if revision is None or not revision.startswith(what):
        return None
    return revision.removeprefix(what)


def is_newest(connection: Any) -> bool:
    """Return whether a database has the newest schema; `connection` is one of the driver."""
    named = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
    if not connection.execute(named).fetchall():
        return False
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return bool(found == (REVISION,))


def of(connection: Any) -> str | None:
    """Return the revision of a database that has tables of ours."""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def note(connection: Any, revision: str) -> None:
    """Let the database have this revision; takes a connection of the driver, in a transaction."""
    connection.execute("DELETE FROM alembic_version")
    connection.execute(f"INSERT INTO alembic_version (version_num) VALUES ('{revision}')")  # noqa: S608  # one of ours


def why_not_served(revision: str | None) -> str | None:
    """Return what is to be said of a database that no version serves; None of any other."""
    return next(
        (told for what, told in _TOLD.items() if token_of(revision, what) is not None), None
    )
