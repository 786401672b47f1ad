"""The schema version of a database file; only this code's own is served."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ilios.core import file_systems
from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db import legacy_schema, readonly
from ilios.db.driver import require_safe_sqlite, sqlite
from ilios.db.models import REVISION
from ilios.db.quick_check import damaged
from ilios.db.revision import why_not_served


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """What a file holds: `revision` is None for an empty file and for the predecessor's."""

    is_predecessor: bool = False
    revision: str | None = None


def require_current(settings: Settings) -> None:
    """Raise DatabaseRefused unless the database has the schema that this code knows."""
    if settings.server_url is not None:
        from ilios.db.postgres import starting  # an extra

        starting.require_current(settings, settings.server_url)
        return
    require_safe_sqlite()
    path = settings.database_path
    file_systems.require_local(path.parent)
    if not path.exists():
        or_else = ", or set DATABASE_URL, if this is a node of a cluster"
        more = or_else if settings.s3_bucket is not None else ""
        raise DatabaseRefused(f"{path} does not exist: run `ilios migrate` first{more}.")
    found = read(path)
    if found.is_predecessor:
        raise DatabaseRefused(
            f"{path} is a database of the predecessor: run `ilios migrate` to adopt it."
        )
    if told := why_not_served(found.revision):
        raise DatabaseRefused(f"{path} {told}.")
    if found.revision != REVISION:
        raise DatabaseRefused(
            f"{path} has schema {found.revision or 'none'}, this version needs {REVISION}: "
            "run `ilios migrate`, or start the version that made it."
        )


def read(path: Path) -> SchemaVersion:
    """Return what the file holds; a file that does not exist counts as empty.

    Changes no byte of it. Raises DatabaseRefused when it is no database, is damaged, or has tables
    that are not ours.
    """
    if not path.exists():
        return SchemaVersion()
    if path.is_dir():
        raise DatabaseRefused(
            f"{path} is a folder: name a file, for example LOCAL_DB_PATH=/data/ilios.db."
        )
    try:
        with closing(readonly.open_file(path)) as connection:
            tables = legacy_schema.table_names(connection)
            if not tables:
                return SchemaVersion()
            if "alembic_version" in tables:
                row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
                return SchemaVersion(revision=None if row is None else str(row[0]))
            difference = legacy_schema.difference(connection)
    except sqlite.OperationalError as error:
        raise not_writable(path, error) from error
    except sqlite.DatabaseError as error:
        raise damaged(path, error) from error
    if difference is None:
        return SchemaVersion(is_predecessor=True)
    raise DatabaseRefused(
        f"{path} was made by another program (it has no alembic_version, and unlike a database of "
        f"the predecessor it has {difference}) and was left untouched: name a new file, for "
        "example LOCAL_DB_PATH=/data/ilios-new.db."
    )


def not_writable(path: object, reason: object) -> DatabaseRefused:
    user = os.getuid()
    return DatabaseRefused(
        f"{path} cannot be written ({reason}): give it to user {user} (chown {user} {path}*), "
        "or stop the program that has locked it."
    )
