"""Backups of the database: a snapshot while the service works, checked before it has its name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ilios.core.data_folder import DATABASE_SUFFIXES
from ilios.core.durable_files import publish
from ilios.core.errors import IliosError
from ilios.db import quick_check, readonly, schema_version
from ilios.db.driver import sqlite

COUNTED = {"documents": "documents", "pages": "pages", "jobs": "job_queue", "calls": "usage"}
"""What the summary counts, and the tables that have it."""


class BackupRefused(IliosError):
    """No backup was made; one line with the cause and the remedy."""

    code = "backup_refused"


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written: the schema's revision, and how much of what it holds."""

    path: Path
    size_bytes: int
    revision: str
    counts: dict[str, int]


def make(database: Path, target: Path, *, replace: bool = False) -> Backup:
    """Write a backup of a database to a file, which appears whole or not at all.

    The writers of the service do not wait. Raises BackupRefused, and DatabaseRefused when
    the database is not ours.
    """
    _require_target(database, target, replace=replace)
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
        _create(draft)
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


def _require_target(database: Path, target: Path, *, replace: bool) -> None:
    own = [database.with_name(database.name + suffix) for suffix in DATABASE_SUFFIXES]
    if target.resolve() in [path.resolve() for path in own]:
        raise BackupRefused(f"{target} is the service's own file: name another one.")
    if target.is_dir():
        raise BackupRefused(f"{target} is a folder: name a file in it.")
    if target.exists() and not replace:
        raise BackupRefused(f"{target} is there already: name another file, or use --force.")


def _create(draft: Path) -> None:
    """Make the file for its owner alone to read; when root does, the folder's owner owns it."""
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:
            folder = draft.parent.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)


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
        counts = {
            noun: copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for noun, table in COUNTED.items()
        }
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
