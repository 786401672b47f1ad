"""May this volume replicate to the remote that the settings name?"""

from __future__ import annotations

from typing import Final

from ilios.core.settings import Settings
from ilios.replication import ownership
from ilios.replication.errors import ForeignRemote, OtherWriter
from ilios.replication.ownership import FORMAT, Ownership, RemoteContents
from ilios.replication.remote import Remote
from ilios.replication.volume import Volume, inspect_volume

TABLES_NAMED: Final = 3

ANOTHER: Final = "name an empty database in TURSO_DATABASE_URL"


def examine(settings: Settings) -> None:
    """Check that the remote can be used as configured; change nothing anywhere.

    Raises ReplicationRefused with the cause and the remedy. Does nothing when replication is off.
    """
    if settings.use_embedded_replica:
        remote = Remote.of(settings)
        require_ours(ownership.inspect_remote(remote), inspect_volume(settings))
        remote.require_writing()


def require_ours(contents: RemoteContents, volume: Volume) -> None:
    """Raise ForeignRemote or OtherWriter unless this volume may write to the remote.

    It may when the remote is empty; when only this volume has written to it; and when the volume is
    empty, the remote has a complete copy, and the lease of its writer has ended.
    """
    owned = contents.ownership
    if owned is None:
        if contents.tables:
            raise _foreign(f"something else (its tables: {_names(contents.tables)})")
        return
    if owned.format != FORMAT:
        raise ForeignRemote(
            "The Turso database was written by a newer version of Ilios: start that version, "
            f"or {ANOTHER}."
        )
    if volume.is_empty:
        _require_source(owned, volume)
    elif owned.instance != volume.instance:
        raise _foreign(f"the copy of another database (instance {owned.instance})")
    elif not _is_own(owned, volume):
        raise _other_writer(owned, f"or {ANOTHER}")


def _require_source(owned: Ownership, volume: Volume) -> None:
    """Raise unless an empty volume may be restored from the remote."""
    if owned.schema is None:
        raise _foreign("a first copy that was never finished, so there is nothing to restore")
    if owned.lease_seconds > 0 and owned.writer != volume.node:
        raise _other_writer(owned, "or wait until its lease has ended")


def _is_own(owned: Ownership, volume: Volume) -> bool:
    if volume.tokens:
        return owned.token in volume.tokens
    return owned.writer == volume.node  # replication was off meanwhile


def _foreign(what: str) -> ForeignRemote:
    return ForeignRemote(
        f"The Turso database holds {what} and was left untouched: {ANOTHER}, or empty this one."
    )


def _other_writer(owned: Ownership, otherwise: str) -> OtherWriter:
    if owned.lease_seconds > 0:
        return OtherWriter(
            f"Node {owned.writer} writes to the Turso database (its lease ends in "
            f"{owned.lease_seconds} s if it is gone): stop one of the two, {otherwise}.",
            owned.token,
            owned.lease_seconds,
        )
    return OtherWriter(
        f"Node {owned.writer} has written to the Turso database, and this volume lacks it: empty "
        f"this volume to go on from there, {otherwise}.",
        owned.token,
        0,
    )


def _names(tables: tuple[str, ...]) -> str:
    more = ", …" if len(tables) > TABLES_NAMED else ""
    return ", ".join(tables[:TABLES_NAMED]) + more
