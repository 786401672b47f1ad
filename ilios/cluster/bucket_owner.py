"""Which database works in the bucket under an instance id: one of two that have the same.

A database that was restored beside its original has the original's instance id, and each would
sweep the other's objects. So an object in the bucket names the database, by what no copy of it has
in common with it, and is written anew as long as that one works.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ilios.core import clock
from ilios.core.conversion_errors import ConversionError, ObjectMissing, StorageUnavailable
from ilios.core.errors import StartupError
from ilios.core.telemetry import logs
from ilios.db import instance
from ilios.db.database import Database
from ilios.db.postgres.cluster import database_identity
from ilios.storage import object_keys
from ilios.storage.base import ObjectStore

log = logs.get(__name__)

RENEWED_EVERY: Final = timedelta(minutes=5)
LIVES_FOR: Final = timedelta(minutes=30)  #: workers tidy up, and renew it, every ten minutes
_OWNER_MAX_BYTES: Final = 4096


class BucketOfAnother(StartupError):
    """Another database with this instance id works in the bucket."""

    code = "bucket_of_another"


@dataclass(frozen=True, slots=True)
class Owner:
    """Which database it is, where it lies, and when it was at work."""

    database: str
    seen_at: datetime


def claim(database: Database, store: ObjectStore) -> None:
    """Note that this database works in the bucket.

    Raises BucketOfAnother when another one with its instance id did so lately. A bucket that does
    not answer is another check's; a server that does not say which one it is leaves it open.
    """
    try:
        key, own, now = _own(database)
    except database.driver_error as error:
        log.warning("bucket.owner_unknown", reason=type(error).__name__)
        return
    try:
        found = _read(store, key)
        _require(found, own, key, now)
        if found is None or found.database != own or now - found.seen_at >= RENEWED_EVERY:
            _write(store, key, Owner(own, now))
    except StorageUnavailable as fault:
        log.warning("bucket.owner_unknown", reason=fault.logged)


def require(database: Database, store: ObjectStore) -> None:
    """Raise BucketOfAnother as `claim` does, and note nothing."""
    with suppress(StorageUnavailable, database.driver_error):
        key, own, now = _own(database)
        _require(_read(store, key), own, key, now)


def require_no_cluster(store: ObjectStore, now: datetime) -> None:
    """Raise BucketOfAnother if a cluster works in a bucket; for one that is not of a cluster.

    A bucket that does not answer is another check's.
    """
    try:
        is_there = any(now - one.stored_at < LIVES_FOR for one in store.listed(object_keys.OWNERS))
    except ConversionError:
        return
    if is_there:
        raise BucketOfAnother(
            "DATABASE_URL is not set, and the nodes of a cluster work in the bucket of S3_BUCKET: "
            "set DATABASE_URL as on those, or take a bucket of its own for a service on a file."
        )


def _own(database: Database) -> tuple[str, str, datetime]:
    """Return the key of the object, what is to stand in it, and the database's time."""
    with database.reading() as session:
        key = object_keys.owner_key(instance.instance_id(session))
        return key, database_identity(session.driver), clock.now()


def _require(found: Owner | None, own: str, key: str, now: datetime) -> None:
    if found is not None and found.database != own and now - found.seen_at < LIVES_FOR:
        raise BucketOfAnother(
            "Another database with the same instance id works in the bucket of S3_BUCKET, and "
            "each would delete the other's objects: stop the other service, or restore into "
            f"a bucket of its own. If it has ended, delete the object {key} of the bucket."
        )


def _read(store: ObjectStore, key: str) -> Owner | None:
    with suppress(ObjectMissing), store.open(key) as stream:
        try:
            fields: dict[str, Any] = json.loads(stream.read(_OWNER_MAX_BYTES))
            return Owner(str(fields["database"]), datetime.fromisoformat(fields["seenAt"]))
        except (ValueError, KeyError, TypeError):
            return None
    return None


def _write(store: ObjectStore, key: str, owner: Owner) -> None:
    fields = {"database": owner.database, "seenAt": clock.iso(owner.seen_at)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "owner.json"
        path.write_text(json.dumps(fields))
        store.put(key, path, "application/json")
