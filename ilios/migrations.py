"""Which schema a database has, and the lock under which it is changed.

Alembic itself is imported by `alembic/env.py` only: a service that runs needs none of it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pysqlite3
from sqlalchemy import Connection, create_engine, event, inspect
from sqlalchemy.exc import DatabaseError, OperationalError

from ilios.data_folder import prepare
from ilios.database import BUSY_TIMEOUT_MS, require_safe_sqlite
from ilios.errors import DatabaseRefused
from ilios.models import REVISION
from ilios.settings import Settings


@contextmanager
def exclusive(settings: Settings, known_revisions: set[str]) -> Iterator[Connection]:
    """A connection for migrations, under a lock, to a database that is ours to change.

    Foreign keys are off, else a batch recreation would cascade into the child rows.
    Raises DatabaseRefused for a database that is somebody else's or newer than this code.
    """
    require_safe_sqlite()
    prepare(settings)
    path = settings.database_path
    if path.exists() and not os.access(path, os.W_OK):
        # SQLite would not say so before the first write: it makes such a transaction a reader's.
        raise _not_writable(path, "permission denied")
    with (
        _lock(path.with_name(path.name + ".migrate-lock")),
        _connect(path, "BEGIN IMMEDIATE") as connection,
    ):
        revision = _revision(connection)
        if revision is not None and revision not in known_revisions:
            raise DatabaseRefused(
                f"{path} has schema {revision}, which is newer than this version of Ilios: "
                "start the newer version, or restore the backup made before the upgrade."
            )
        yield connection
        connection.commit()


def require_current(settings: Settings) -> None:
    """Refuse to serve a database whose schema is not the one that this code knows."""
    require_safe_sqlite()
    path = settings.database_path
    if not path.exists():
        raise DatabaseRefused(f"{path} does not exist: run `alembic upgrade head` first.")
    with _connect(path, "BEGIN") as connection:
        revision = _revision(connection)
    if revision != REVISION:
        raise DatabaseRefused(
            f"{path} has schema {revision or 'none'}, this version needs {REVISION}: "
            "run `alembic upgrade head` with this version first."
        )


def _revision(connection: Connection) -> str | None:
    """The schema's revision, None for an empty database.

    Raises DatabaseRefused when the file is no database, or has tables that are not ours.
    """
    path = connection.engine.url.database
    try:
        tables = inspect(connection).get_table_names()
    except OperationalError as error:
        raise _not_writable(path, error.orig) from error
    except DatabaseError as error:
        raise DatabaseRefused(
            f"{path} cannot be read as a database ({error.orig}): restore a backup, "
            "or name a new file, for example LOCAL_DB_PATH=/data/ilios-new.db."
        ) from error
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise DatabaseRefused(
            f"{path} was made by another program (its tables have no alembic_version) and was left "
            "untouched: name a new file, for example LOCAL_DB_PATH=/data/ilios-new.db."
        )
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    connection.rollback()
    return None if row is None else str(row[0])


def _not_writable(path: object, reason: object) -> DatabaseRefused:
    user = os.getuid()
    return DatabaseRefused(
        f"{path} cannot be written ({reason}): give it to user {user} (chown {user} {path}*), "
        "or stop the program that has locked it."
    )


@contextmanager
def _connect(path: Path, begin: str) -> Iterator[Connection]:
    """A connection whose transactions start with `begin`; DDL is part of them."""
    if path.is_dir():
        raise DatabaseRefused(
            f"{path} is a folder: name a file, for example LOCAL_DB_PATH=/data/ilios.db."
        )
    engine = create_engine(f"sqlite+pysqlite:///{path}", module=pysqlite3)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes after the first CREATE
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=OFF"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
