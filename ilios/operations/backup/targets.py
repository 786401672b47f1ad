"""The databases that a backup is restored into: neither is served before its last step."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Protocol

from ilios.core.settings import Settings
from ilios.db import receiving, revision
from ilios.db.database import Database
from ilios.db.models import REVISION
from ilios.db.opening import open_database
from ilios.db.sqlite_database import SqliteDatabase
from ilios.operations.backup.errors import RestoreRefused
from ilios.operations.backup.manifest import Manifest


class Target(Protocol):
    """An empty database."""

    database: Database

    def fill(self) -> None:
        """Put the rows of the backup into it."""
        ...

    def finish(self) -> None:
        """Let it be served."""
        ...


def open_target(settings: Settings, folder: Path, found: Manifest) -> Target:
    """Return what a backup is restored into.

    Raises RestoreRefused and DatabaseRefused when there is something in it.
    """
    backup = folder / found.database
    if settings.database_url is None:
        return _SqliteTarget(settings.database_path, backup)
    return _PostgresTarget(settings.past_pooler, backup, found.instance)


class _SqliteTarget:
    def __init__(self, path: Path, backup: Path) -> None:
        if path.exists():
            raise RestoreRefused(
                f"{path} is there already: restore into an empty data folder, or move it away."
            )
        self._path = path
        self._backup = backup
        self._draft = receiving.draft_of(path)
        self._database = SqliteDatabase(self._draft)
        self.database: Database = self._database

    def fill(self) -> None:
        for suffix in ("-wal", "-shm"):  # of a run that was killed
            self._draft.with_name(self._draft.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self._backup, self._draft)
        self._draft.chmod(0o600)

    def finish(self) -> None:
        receiving.publish_draft(self._database, self._path)


class _PostgresTarget:
    def __init__(self, settings: Settings, backup: Path, instance: str) -> None:
        from ilios.db.postgres import programs, server_checks, starting  # an extra
        from ilios.db.postgres import receiving as postgres_receiving

        self._programs = programs
        assert settings.database_url is not None  # noqa: S101
        self._url = settings.database_url.get_secret_value()
        self._backup = backup
        server = server_checks.opened(starting.connector(settings.database_url), "DATABASE_URL")
        with closing(server) as connection:
            server_checks.require(connection, settings)
            found = postgres_receiving.restored_instance(connection)
            version = programs.server_version(connection)
        self.database = open_database(settings)
        if found not in (None, instance):
            raise RestoreRefused(
                "The database of DATABASE_URL has what was begun from another backup: name an "
                "empty one."
            )
        self._is_filled = found is not None
        self._restore = programs.find(programs.RESTORE, settings.postgres_programs, version)

    def fill(self) -> None:
        if self._is_filled:
            return  # by a run that was cut off later: it is one transaction
        self._programs.run(
            self._restore,
            self._url,
            "--single-transaction",
            "--exit-on-error",
            "--no-owner",
            "--no-privileges",
            self._backup,
        )

    def finish(self) -> None:
        with self.database.writing() as session:
            revision.note(session.driver, REVISION)
