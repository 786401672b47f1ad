"""The volume as replication sees it: its database, and the tokens that this has of the remote."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from ilios.core import data_folder
from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db.driver import sqlite
from ilios.replication import change_log


@dataclass(frozen=True, slots=True)
class Volume:
    node: str  #: the data folder's name; empty before its first start
    instance: str | None  #: id of the database; None when it is not one of ours (yet)
    is_empty: bool  #: there is no database
    tokens: frozenset[str]  #: that the remote may hold, by our own doing


def inspect_volume(settings: Settings) -> Volume:
    """Read what is there; create nothing. Raises DatabaseRefused for a file that is no database."""
    path, node_file = settings.database_path, data_folder.node_id_file(settings)
    node = node_file.read_text().strip() if node_file.exists() else ""
    if not path.exists():
        return Volume(node, None, is_empty=True, tokens=frozenset())
    try:
        with closing(sqlite.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return _volume(connection, node)
    except sqlite.DatabaseError as error:
        raise DatabaseRefused(
            f"{path} cannot be read as a database ({error}): restore a backup, or move it away "
            "to have it restored from Turso."
        ) from error


def volume_of(session: Session, node: str) -> Volume:
    return _volume(driver_connection(session), node)


def driver_connection(session: Session) -> Any:
    """Return the session's connection of the driver: the same transaction, values as stored."""
    return session.connection().connection.driver_connection


def _volume(connection: Any, node: str) -> Volume:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    names = {name for (name,) in found}
    row = connection.execute("SELECT id FROM instance").fetchone() if "instance" in names else None
    is_logged = "replication_tokens" in names
    return Volume(
        node,
        row[0] if row else None,
        is_empty=not names,
        tokens=change_log.tokens(connection) if is_logged else frozenset(),
    )
