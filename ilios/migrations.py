"""Which schema a database has, and the lock under which it is changed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pysqlite3
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.exc import DatabaseError

from ilios.data_folder import prepare
from ilios.database import BUSY_TIMEOUT_MS, require_safe_sqlite
from ilios.errors import DatabaseRefused
from ilios.settings import Settings

ALEMBIC_INI = Path(__file__).parent.parent / "alembic.ini"


@contextmanager
def exclusive(settings: Settings) -> Iterator[Connection]:
    """A connection for migrations, under a lock, to a database that is ours to change.

    Foreign keys are off, else a batch recreation would cascade into the child rows.
    Raises DatabaseRefused for a database that is somebody else's or newer than this code.
    """
    require_safe_sqlite()
    prepare(settings)
    path = settings.database_path
    with _lock(path.with_name(path.name + ".migrate-lock")), _connect(path) as connection:
        refuse_foreign(connection)
        yield connection
        connection.commit()


def require_current(settings: Settings) -> None:
    """Refuse to serve a database whose schema is not the one that this code knows."""
    path = settings.database_path
    if not path.exists():
        raise DatabaseRefused(f"{path} does not exist: run `alembic upgrade head` first.")
    with _connect(path) as connection:
        refuse_foreign(connection)
        current = MigrationContext.configure(connection).get_current_revision()
    if current != _scripts().get_current_head():
        raise DatabaseRefused(
            f"{path} has schema {current or 'none'}, this version needs "
            f"{_scripts().get_current_head()}: run `alembic upgrade head` first."
        )


def refuse_foreign(connection: Connection) -> None:
    """Raise DatabaseRefused unless the database is empty or has a schema of ours."""
    path = connection.engine.url.database
    try:
        tables = inspect(connection).get_table_names()
    except DatabaseError as error:
        raise DatabaseRefused(f"{path} cannot be read as a database: {error.orig}.") from error
    if not tables:
        return
    if "alembic_version" not in tables:
        raise DatabaseRefused(
            f"{path} was made by another program (its tables have no alembic_version) and was left "
            "untouched: name a new file, for example LOCAL_DB_PATH=/data/ilios-new.db."
        )
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseRefused(
            f"{path} has schema {revision}, which is newer than this version of Ilios: "
            "start the newer version, or restore the backup made before the upgrade."
        )


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(Config(ALEMBIC_INI))


@contextmanager
def _connect(path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite+pysqlite:///{path}", module=pysqlite3)
    try:
        with engine.connect() as connection:
            for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=OFF"):
                connection.exec_driver_sql(f"PRAGMA {pragma}")
            connection.commit()
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
