"""The passwords of documents go with the end of those that wait for them.

Many statements end documents, and other documents may wait for the job of one that has ended. A
trigger belongs to the statement that fires it, so that no path can leave a password behind. It
leaves an empty text: the log still has what was there, until ilios.documents.upkeep empties it. All
functions but `follow_schema` take a connection of the driver, inside a transaction of the caller's.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from ilios.db import revision, triggers

PREFIX: Final = "passwords_"  #: of our triggers

_OPEN: Final = "('awaiting_upload', 'pending', 'processing')"
_FORGET: Final = (  # of constants
    "UPDATE document_passwords SET sealed = '' WHERE sealed > ''{which} AND NOT EXISTS ("
    f"SELECT 1 FROM documents AS one WHERE one.status IN {_OPEN} AND "
    "(one.id = document_passwords.document_id OR one.result_of = document_passwords.document_id))"
)
_OF_DOCUMENT: Final = " AND document_id IN (NEW.id, NEW.result_of)"


def follow_schema(connection: Connection) -> None:
    """Make the triggers when the database is at the newest schema, after all migrations."""
    driver: Any = connection.connection.driver_connection
    if revision.is_newest(driver):
        install(driver)


def install(connection: Any) -> None:
    """Make the triggers, and forget what they would have, unless they are there as they should."""
    if triggers.install(connection, PREFIX, _triggers()):
        connection.execute(_FORGET.format(which=""))


def are_installed(connection: Any) -> bool:
    return triggers.are_installed(connection, PREFIX, _triggers())


def _triggers() -> dict[str, str]:
    """Return name and SQL of each trigger."""
    ended = (
        "document_ended AFTER UPDATE OF status ON documents "
        f"WHEN OLD.status IN {_OPEN} AND NEW.status NOT IN {_OPEN}"
    )
    return triggers.of_bodies(PREFIX, {ended: _FORGET.format(which=_OF_DOCUMENT) + ";"})
