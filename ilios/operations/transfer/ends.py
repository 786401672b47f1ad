"""The two ends of a move, as settings: the service as it is, and as it is to be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ilios.core import settings
from ilios.core.settings import Settings
from ilios.operations.transfer.errors import TransferRefused

SQLITE: Final = "sqlite:///"
POSTGRESQL: Final = ("postgresql://", "postgres://")
BUCKET: Final = "s3://"
FOLDER: Final = "folder"  #: objects go into DATA_DIR
_NO_BUCKET: Final[dict[str, Any]] = {
    "s3_bucket": None,
    "aws_access_key_id": None,
    "aws_secret_access_key": None,
}


@dataclass(frozen=True, slots=True)
class Ends:
    """Both have the same data folder."""

    source: Settings
    target: Settings

    @property
    def moves_objects(self) -> bool:
        return self.source.s3_bucket != self.target.s3_bucket

    @property
    def target_name(self) -> str:
        """Return what the target's database is called, without its password."""
        return "PostgreSQL" if self.target.database_url else str(self.target.database_path)


def read(to: str, objects: str | None, data_dir: Path | None = None) -> Ends:
    """Return the ends of a move `to` a database, and of the objects to where `objects` says.

    What they do not say is in the environment. PostgreSQL is reached past a pooler. A bucket is
    opened with its access keys, which are those of the bucket that the objects are in, if they are
    in one. Raises TransferRefused and SettingsError.
    """
    given: dict[str, Any] = {} if data_dir is None else {"data_dir": data_dir}
    has_bucket = bool(os.environ.get("S3_BUCKET"))
    source = settings.load(**given, **({} if has_bucket else _NO_BUCKET))
    target = settings.load(
        data_dir=source.data_folder, **_database(to, source), **_store(objects, source)
    )
    return Ends(source.past_pooler, target)


def _database(to: str, source: Settings) -> dict[str, Any]:
    if to.startswith(POSTGRESQL):
        if source.database_url is not None:
            raise TransferRefused(
                "DATABASE_URL is set, so that this service is on PostgreSQL already. From one "
                "server to another go `ilios backup` and `ilios restore`; to leave it, name "
                "--to sqlite:///data/ilios.db."
            )
        return {"database_url": to, "database_direct_url": None, "local_db_path": None}
    if not to.startswith(SQLITE) or to == SQLITE:
        raise TransferRefused(
            "--to names no database: give postgresql://user:password@host/database, or "
            "sqlite:////data/ilios.db with four slashes for a path from the root."
        )
    if source.database_url is None:
        raise TransferRefused(
            "DATABASE_URL is not set, so that this service is on SQLite already. From one file to "
            "another go `ilios backup` and `ilios restore`."
        )
    path = Path(to.removeprefix(SQLITE)).absolute()
    if path.exists():
        raise TransferRefused(
            f"{path} is there already: start the service with it if a move has ended there, or "
            "name another file."
        )
    return {"database_url": None, "database_direct_url": None, "local_db_path": path}


def _store(objects: str | None, source: Settings) -> dict[str, Any]:
    """Return the settings of the target's objects; they stay where they are if nothing is said."""
    if objects is None:
        return {} if source.s3_bucket else _NO_BUCKET
    if objects == FOLDER:
        return _NO_BUCKET
    bucket = objects.removeprefix(BUCKET).rstrip("/")
    if not objects.startswith(BUCKET) or not bucket:
        raise TransferRefused(
            "--objects names no place: give s3://bucket, or `folder` for that of DATA_DIR."
        )
    return {"s3_bucket": bucket}
