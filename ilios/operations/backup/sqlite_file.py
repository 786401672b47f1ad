"""Copies of a SQLite file: a snapshot while the service works, checked before it has its name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ilios.core.data_folder import DATABASE_SUFFIXES
from ilios.core.durable_files import publish
from ilios.db import quick_check, readonly, schema_version
from ilios.db.driver import sqlite
from ilios.operations.backup.database_files import Backup, counts_of, create, require_target
from ilios.operations.backup.errors import BackupRefused


def make(database: Path, target: Path, *, replace: bool = False) -> Backup:
    """Write a backup of a database to a file, which appears whole or not at all.

    The writers of the service do not wait. Raises BackupRefused, and DatabaseRefused when
    the database is not ours.
    """
    own = [database.with_name(database.name + suffix) for suffix in DATABASE_SUFFIXES]
    require_target(target, own, replace=replace)
    if not database.exists():
        raise BackupRefused(f"There is no database {database}: set DATA_DIR to the service's own.")
    if readonly.has_sidecar(database, "-journal"):
        raise BackupRefused(
            f"{database} is being migrated, or its writer was killed: start the service first."
        )
    if schema_version.read(database).revision is None:
        raise BackupRefused(f"{database} holds nothing of Ilios yet: start the service first.")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        create(draft)
        _copy(database, draft)
        made = _checked(draft, target)
        publish(draft, target)
    except OSError as error:
        raise BackupRefused(
            f"{target} cannot be written ({error.strerror}): name a file in another folder."
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return made


def _copy(database: Path, draft: Path) -> None:
    with _driver_errors(database), _reading(database, may_change=True) as connection:
        connection.execute("VACUUM INTO ?", (str(draft),))


def _checked(draft: Path, target: Path) -> Backup:
    """Check the copy, and return what it holds. Raises BackupRefused when it is corrupt."""
    with _driver_errors(draft), _reading(draft) as copy:
        fault: object = quick_check.first_fault(copy.execute)
        if fault == "ok":
            fault = copy.execute("PRAGMA foreign_key_check").fetchone()
        if fault:
            raise BackupRefused(
                f"The copy is not whole ({fault}): the database is corrupt; keep the last good "
                "backup, and see `ilios doctor`."
            )
        (revision,) = copy.execute("SELECT version_num FROM alembic_version").fetchone()
        counts = counts_of(copy)
    return Backup(target, draft.stat().st_size, revision, counts)


@contextmanager
def _reading(path: Path, *, may_change: bool = False) -> Iterator[Any]:
    connection = readonly.open_file(path, may_change=may_change)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _driver_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite.DatabaseError as error:
        full = getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
        remedy = "free some disk, or name a file on another" if full else "see `ilios doctor`"
        raise BackupRefused(f"{path} cannot be copied ({error}): {remedy}.") from error
