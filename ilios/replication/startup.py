"""What is done before the service starts: check the remote, and restore an empty volume."""

from __future__ import annotations

import os
import time
from typing import Final

from ilios.core import clock, data_folder
from ilios.core.processes import lock_file
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db.sqlite_database import SqliteDatabase
from ilios.queue import release
from ilios.replication import ownership, preflight, restore
from ilios.replication.errors import OtherWriter, RemoteUnreachable
from ilios.replication.remote import Remote
from ilios.replication.volume import inspect_volume

log = logs.get(__name__)

LOCK_WAIT_SECONDS: Final = 3600.0  #: another start is restoring
LEASE_POLL_SECONDS: Final = 1.0


def prepare_volume(settings: Settings) -> None:
    """Restore an empty volume from the remote; refuse a volume that may not write to the remote.

    Raises ReplicationRefused with the cause and the remedy. A remote that is out of reach stops
    an empty volume only: one with a database serves, and sends later.
    """
    if not settings.use_embedded_replica:
        return
    data_folder.prepare(settings)
    logs.configure(settings, "restore")
    path = settings.database_path
    lock = lock_file(path.with_name(path.name + ".restore-lock"), LOCK_WAIT_SECONDS)
    try:
        _prepare(settings)
    finally:
        os.close(lock)


def _prepare(settings: Settings) -> None:
    remote = Remote.of(settings)
    data_folder.node_id(settings)
    volume = inspect_volume(settings)
    try:
        contents = ownership.inspect_remote(remote)
    except RemoteUnreachable as error:
        if volume.is_empty:
            raise RemoteUnreachable(
                f"{error.detail.rstrip('.')}. This volume is empty, so it cannot start without it; "
                "USE_EMBEDDED_REPLICA=false would begin a new database."
            ) from error
        log.warning("replication.unreachable", reason=error.detail)
        return
    try:
        preflight.require_ours(contents, volume)
    except OtherWriter as error:
        if not volume.is_empty:
            raise
        _wait_for_end_of(error, remote)
        contents = ownership.inspect_remote(remote)
        preflight.require_ours(contents, volume)
    remote.require_writing()
    if volume.is_empty and contents.ownership is not None:
        restore.restore(settings, remote, contents.ownership)
        _free_jobs(settings)


def _free_jobs(settings: Settings) -> None:
    """End all leases of jobs: the workers that owned them ran on the lost volume."""
    database = SqliteDatabase(settings.database_path, settings.sqlite_synchronous)
    with database.writing() as session:
        release.end_leases(session, clock.now())
    database.close()


def _wait_for_end_of(other: OtherWriter, remote: Remote) -> None:
    """Wait for the end of the other node's lease. Raises OtherWriter when the node renews it."""
    log.warning("replication.waiting", reason=other.detail, at_most_s=other.lease_seconds)
    deadline = time.monotonic() + other.lease_seconds + LEASE_POLL_SECONDS
    while time.monotonic() < deadline:
        time.sleep(LEASE_POLL_SECONDS)
        owned = ownership.inspect_remote(remote).ownership
        if owned is None or owned.lease_seconds <= 0:
            return
        if owned.token != other.token:
            raise other
