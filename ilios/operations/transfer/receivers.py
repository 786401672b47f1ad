"""What a service is moved into: each prepares a database, fills what belongs to the tables, and
lets it be served at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final, Protocol

import ilios
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.db import receiving, schema_version
from ilios.db.database import Database
from ilios.db.opening import open_database

_UPGRADE: Final = ("-c", "from ilios.db.migrations import upgrade; upgrade()")


class Receiver(Protocol):
    """A database that is being filled, and that no version serves until `finish`."""

    database: Database
    token: str | None  #: of the move; None when an earlier one has finished it

    def attach(self) -> None:
        """Make what belongs to the tables, once all rows are there; workers index the words."""
        ...

    def finish(self) -> None:
        """Let it be served."""
        ...


def open_receiver(target: Settings, instance_id: str) -> Receiver:
    """Return what receives an instance. Raises StartupError for a target that cannot."""
    if target.database_url is not None:
        return _PostgresReceiver(target, instance_id)
    return _SqliteReceiver(target, instance_id)


class _PostgresReceiver:
    def __init__(self, target: Settings, instance_id: str) -> None:
        from ilios.db.postgres import receiving as postgres_receiving  # an extra

        self._receiving = postgres_receiving
        self._target = target
        self.token = postgres_receiving.begin(target, instance_id)
        self.database = open_database(target)

    def attach(self) -> None:
        self._receiving.attach(self._target)

    def finish(self) -> None:
        self._receiving.finish(self._target)


class _SqliteReceiver:
    def __init__(self, target: Settings, instance_id: str) -> None:
        self._path = target.database_path
        draft = receiving.draft_of(self._path)
        if schema_version.read(draft).revision is None:
            _migrate(draft, target)
        self._receiving = receiving.ReceivingDatabase(draft)
        self.database: Database = self._receiving
        self.token: str | None = receiving.begin(self._receiving, instance_id)

    def attach(self) -> None:
        receiving.attach(self._receiving)

    def finish(self) -> None:
        receiving.finish(self._receiving, self._path)


def _migrate(draft: Path, target: Settings) -> None:
    """Make a file at the newest schema: in a process of its own, which reads its own settings."""
    variables = {
        **os.environ,
        "LOCAL_DB_PATH": str(draft),
        "DATA_DIR": str(target.data_folder),
        **dict.fromkeys(("DATABASE_URL", "DATABASE_URL_FILE"), ""),
        **dict.fromkeys(("DATABASE_DIRECT_URL", "DATABASE_DIRECT_URL_FILE"), ""),
        "LOG_FORMAT": "console",
        "PYTHONPATH": os.pathsep.join(
            filter(None, (str(Path(ilios.__file__).parents[1]), os.environ.get("PYTHONPATH")))
        ),
    }
    done = subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, *_UPGRADE], env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split())
        raise StartupError(f"{draft} cannot be made ({reason}).")
