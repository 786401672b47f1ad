"""The connection that migrations run on: one process at a time, on a database that is ours.

Alembic itself is imported by `alembic/env.py` only: a running service does not need it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from ilios.core import clock, file_systems
from ilios.core.data_folder import prepare
from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.core.spare_file import WRITE_ROOM_BYTES, free_bytes
from ilios.core.telemetry import logs
from ilios.db import (
    owner_totals,
    password_triggers,
    schema_version,
    search_index,
    webhook_triggers,
)
from ilios.db.driver import require_safe_sqlite, sqlite
from ilios.db.models import REVISION
from ilios.db.quick_check import damaged, first_fault, require_sound
from ilios.db.revision import why_not_served
from ilios.db.schema_version import SchemaVersion, not_writable
from ilios.db.sqlite_database import BUSY_TIMEOUT_MS, INCREMENTAL
from ilios.migration.legacy import file_swap, importer, predecessor

log = logs.get(__name__)

CHECKED_MAX_BYTES = 1024**3
"""A database up to this size is checked at each start, which takes a second or two.

Not its search index: see ilios.db.quick_check.
"""


@contextmanager
def exclusive(settings: Settings, known_revisions: set[str]) -> Iterator[Connection | None]:
    """Open a connection for migrations, under a lock; None where a newer version has migrated.

    Foreign keys are off, else a batch recreation would cascade into the child rows. For a database
    of the predecessor the connection is to a new one, which takes its place and its content once
    it is at the newest schema. Raises DatabaseRefused for a database that is damaged, of another
    program, or newer than this code.
    """
    if settings.database_url is not None:
        from ilios.db.postgres import migrating  # an extra

        prepare(settings)
        with migrating.exclusive(settings, known_revisions) as own:
            yield own
        return
    require_safe_sqlite()
    prepare(settings)
    path = settings.database_path
    file_systems.require_local(path.parent)
    if path.exists() and not os.access(path, os.W_OK):
        # SQLite would not say so before the first write: it makes such a transaction a reader's.
        raise not_writable(path, "permission denied")
    with _migration_lock(path.with_name(path.name + ".migrate-lock")):
        found = schema_version.read(path)
        if told := why_not_served(found.revision):
            raise DatabaseRefused(f"{path} {told}.")
        if found.revision is not None and found.revision not in known_revisions:
            raise DatabaseRefused(
                f"{path} has schema {found.revision}, which is newer than this version of Ilios: "
                "start the newer version, or restore the backup made before the upgrade."
            )
        try:
            with (
                _adopted_database(settings)
                if found.is_predecessor
                else _own_database(path, found) as connection
            ):
                yield connection
        except OperationalError as error:
            if free_bytes(path.parent) >= WRITE_ROOM_BYTES:
                raise
            raise DatabaseRefused(
                f"{path} is on a full disk, and nothing is left of the space that is kept for "
                "that: free a few MiB of it, or enlarge the volume."
            ) from error


def follow_schema(connection: Connection, settings: Settings) -> None:
    """Make what belongs to the newest schema and is not made by a migration."""
    if settings.database_url is not None:
        from ilios.db.postgres import schema

        schema.follow(connection)
        return
    owner_totals.follow_schema(connection)
    search_index.follow_schema(connection)
    webhook_triggers.follow_schema(connection)
    password_triggers.follow_schema(connection)


@contextmanager
def _own_database(path: Path, found: SchemaVersion) -> Iterator[Connection]:
    """Open a connection to a database of ours, or to a new one."""
    with _connect(path, "BEGIN IMMEDIATE") as connection:
        try:
            connection.begin()
            # A damaged one must not be rewritten, and is to be known while backups are recent.
            if found.revision not in (None, REVISION) or path.stat().st_size <= CHECKED_MAX_BYTES:
                require_sound(path, first_fault(connection.exec_driver_sql))
        except OperationalError as error:
            raise not_writable(path, error.orig) from error
        except DatabaseError as error:
            raise damaged(path, error.orig) from error
        connection.rollback()
        yield connection
        connection.commit()


@contextmanager
def _adopted_database(settings: Settings) -> Iterator[Connection]:
    """Open a connection to a new database, which then gets the predecessor's content and place."""
    path, now = settings.database_path, clock.now()
    file_swap.remove_draft(path)
    try:
        with predecessor.open_exclusively(path) as source:
            draft = file_swap.draft_of(path)
            with _connect(draft, "BEGIN IMMEDIATE") as connection:
                yield connection
                connection.commit()
                if schema_version.read(draft).revision != REVISION:
                    raise DatabaseRefused(
                        f"{path} is a database of the predecessor and was left as it is: only "
                        "`alembic upgrade head` adopts it."
                    )
                log.info("database.adopting", path=str(path), size_bytes=path.stat().st_size)
                adopted = importer.import_all(connection, source, settings, now)
                search_index.index_later(connection.connection.driver_connection)
            backup = file_swap.swap(source, now)
    except (OSError, DatabaseError, sqlite.Error) as error:
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


@contextmanager
def _connect(path: Path, begin: str) -> Iterator[Connection]:
    """Open a connection whose transactions start with `begin`; DDL is part of them."""
    is_old = path.exists() and path.stat().st_size > 0
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        module=sqlite,
        hide_parameters=True,  # what is adopted has no place in a log
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes after the first CREATE
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=OFF",
            # Of a new file only: of one that has it already, SQLite would write its header again.
            *(() if is_old else (f"auto_vacuum={INCREMENTAL}",)),
            # Else a table that is made anew cannot take its name while a trigger asks for it.
            "legacy_alter_table=ON",
        ):
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
def _migration_lock(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
