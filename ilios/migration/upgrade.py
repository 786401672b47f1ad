"""Which schema a database has, and the lock under which it is changed.

Alembic itself is imported by `alembic/env.py` only: a service that runs needs none of it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pysqlite3
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from ilios.core import clock
from ilios.core.data_folder import prepare
from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db import readonly
from ilios.db.database import (
    BUSY_TIMEOUT_MS,
    QUICK_CHECK,
    damaged,
    require_safe_sqlite,
    require_sound,
)
from ilios.db.models import REVISION
from ilios.migration.legacy import file_swap, importer, predecessor

log = logs.get(__name__)

LOOKED_OVER_BYTES = 1024**3
"""A database up to this size is read whole at each start: a second or two."""


@dataclass(frozen=True, slots=True)
class Found:
    """What lies under the database's name; `revision` is None for nothing, and for strangers'."""

    is_predecessors: bool = False
    revision: str | None = None


@contextmanager
def exclusive(settings: Settings, known_revisions: set[str]) -> Iterator[Connection]:
    """A connection for migrations, under a lock, to a database that is ours to change.

    Foreign keys are off, else a batch recreation would cascade into the child rows. For a database
    of the predecessor the connection is to a new one, which takes its place and its content once
    it is at the newest schema. Raises DatabaseRefused for a database that is damaged, somebody
    else's or newer than this code.
    """
    require_safe_sqlite()
    prepare(settings)
    path = settings.database_path
    if path.exists() and not os.access(path, os.W_OK):
        # SQLite would not say so before the first write: it makes such a transaction a reader's.
        raise _not_writable(path, "permission denied")
    with _lock(path.with_name(path.name + ".migrate-lock")):
        found = look(path)
        if found.revision is not None and found.revision not in known_revisions:
            raise DatabaseRefused(
                f"{path} has schema {found.revision}, which is newer than this version of Ilios: "
                "start the newer version, or restore the backup made before the upgrade."
            )
        with _adopting(settings) if found.is_predecessors else _changing(path, found) as connection:
            yield connection


def require_current(settings: Settings) -> None:
    """Refuse to serve a database whose schema is not the one that this code knows."""
    require_safe_sqlite()
    path = settings.database_path
    if not path.exists():
        raise DatabaseRefused(f"{path} does not exist: run `alembic upgrade head` first.")
    found = look(path)
    if found.is_predecessors:
        raise DatabaseRefused(
            f"{path} is a database of the predecessor: run `alembic upgrade head` to adopt it."
        )
    if found.revision != REVISION:
        raise DatabaseRefused(
            f"{path} has schema {found.revision or 'none'}, this version needs {REVISION}: "
            "run `alembic upgrade head`, or start the version that made it."
        )


@contextmanager
def _changing(path: Path, found: Found) -> Iterator[Connection]:
    """A connection to a database of ours, or to a new one."""
    with _connect(path, "BEGIN IMMEDIATE") as connection:
        try:
            connection.begin()
            # A damaged one must not be rewritten, and the sooner it is known the more a backup has.
            if found.revision not in (None, REVISION) or path.stat().st_size <= LOOKED_OVER_BYTES:
                require_sound(path, connection.exec_driver_sql(QUICK_CHECK).scalar())
        except OperationalError as error:
            raise _not_writable(path, error.orig) from error
        except DatabaseError as error:
            raise damaged(path, error.orig) from error
        connection.rollback()
        yield connection
        connection.commit()


@contextmanager
def _adopting(settings: Settings) -> Iterator[Connection]:
    """A connection to a new database, which in the end has the predecessor's place and content."""
    path, now = settings.database_path, clock.now()
    file_swap.remove_draft(path)
    try:
        with predecessor.held(path) as source:
            draft = file_swap.draft_of(path)
            with _connect(draft, "BEGIN IMMEDIATE") as connection:
                yield connection
                connection.commit()
                if look(draft).revision != REVISION:
                    raise DatabaseRefused(
                        f"{path} is a database of the predecessor and was left as it is: only "
                        "`alembic upgrade head` adopts it."
                    )
                log.info("database.adopting", path=str(path), size_bytes=path.stat().st_size)
                adopted = importer.fill(connection, source, settings, now)
            backup = file_swap.take_over(source, now)
    except (OSError, DatabaseError, pysqlite3.Error) as error:
        raise DatabaseRefused(
            f"{path} is a database of the predecessor and could not be adopted "
            f"({getattr(error, 'orig', error)}): make room on its disk, or restore a backup of it. "
            "Nothing was changed."
        ) from error
    finally:
        file_swap.remove_draft(path)
    log.warning(
        "database.adopted",
        backup=str(backup),
        documents=adopted.documents,
        batches=adopted.batches,
        calls=adopted.calls,
        jobs_waiting=adopted.jobs_waiting,
        note="the backup holds API keys in clear: keep it safe, and delete it once all is well",
    )


def look(path: Path) -> Found:
    """What is there, without changing a byte of it.

    Raises DatabaseRefused when the file is no database, damaged, or has tables that are not ours.
    """
    if not path.exists():
        return Found()
    if path.is_dir():
        raise DatabaseRefused(
            f"{path} is a folder: name a file, for example LOCAL_DB_PATH=/data/ilios.db."
        )
    try:
        with closing(readonly.open_file(path)) as connection:
            tables = predecessor.table_names(connection)
            if not tables:
                return Found()
            if "alembic_version" in tables:
                row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
                return Found(revision=None if row is None else str(row[0]))
            difference = predecessor.difference(connection)
    except pysqlite3.OperationalError as error:
        raise _not_writable(path, error) from error
    except pysqlite3.DatabaseError as error:
        raise damaged(path, error) from error
    if difference is None:
        return Found(is_predecessors=True)
    raise DatabaseRefused(
        f"{path} was made by another program (it has no alembic_version, and unlike a database of "
        f"the predecessor it has {difference}) and was left untouched: name a new file, for "
        "example LOCAL_DB_PATH=/data/ilios-new.db."
    )


def _not_writable(path: object, reason: object) -> DatabaseRefused:
    user = os.getuid()
    return DatabaseRefused(
        f"{path} cannot be written ({reason}): give it to user {user} (chown {user} {path}*), "
        "or stop the program that has locked it."
    )


@contextmanager
def _connect(path: Path, begin: str) -> Iterator[Connection]:
    """A connection whose transactions start with `begin`; DDL is part of them."""
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        module=pysqlite3,
        hide_parameters=True,  # what is adopted has no place in a log
    )

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
