"""May this volume replicate to the remote that the settings name?"""

from __future__ import annotations

from typing import Final

from ilios.core.settings import Settings
from ilios.replication import ownership
from ilios.replication.errors import ForeignRemote, OtherWriter
from ilios.replication.ownership import FORMAT, Found, Ownership
from ilios.replication.remote import Remote
from ilios.replication.volume import Volume, inspect_volume

TABLES_NAMED: Final = 3

ANOTHER: Final = "name an empty database in TURSO_DATABASE_URL"


def examine(settings: Settings) -> None:
    """Look whether the remote can be used as configured; changes nothing anywhere.

    Raises ReplicationRefused with the cause and the remedy. Does nothing when replication is off.
    """
    if settings.use_embedded_replica:
        remote = Remote.of(settings)
        judge(ownership.look(remote), inspect_volume(settings))
        remote.require_writing()


def judge(found: Found, volume: Volume) -> None:
    """Raises ForeignRemote or OtherWriter unless the remote is this volume's to write to.

    That is: the remote is empty; or nobody but this volume has written to it; or the volume is
    empty, the remote has a whole copy, and its writer is gone.
    """
    held = found.marker
    if held is None:
        if found.tables:
            raise _foreign(f"something else (its tables: {_names(found.tables)})")
        return
    if held.format != FORMAT:
        raise ForeignRemote(
            "The Turso database was written by a newer version of Ilios: start that version, "
            f"or {ANOTHER}."
        )
    if volume.is_empty:
        _judge_source(held, volume)
    elif held.instance != volume.instance:
        raise _foreign(f"the copy of another database (instance {held.instance})")
    elif not _is_own(held, volume):
        raise _other_writer(held, f"or {ANOTHER}")


def _judge_source(held: Ownership, volume: Volume) -> None:
    """Whether an empty volume may be filled from it."""
    if held.schema is None:
        raise _foreign("a first copy that was never finished, so there is nothing to restore")
    if held.lease_seconds > 0 and held.writer != volume.node:
        raise _other_writer(held, "or wait until its lease has ended")


def _is_own(held: Ownership, volume: Volume) -> bool:
    if volume.tokens:
        return held.token in volume.tokens
    return held.writer == volume.node  # replication was off meanwhile


def _foreign(what: str) -> ForeignRemote:
    return ForeignRemote(
        f"The Turso database holds {what} and was left untouched: {ANOTHER}, or empty this one."
    )


def _other_writer(held: Ownership, otherwise: str) -> OtherWriter:
    if held.lease_seconds > 0:
        return OtherWriter(
            f"Node {held.writer} writes to the Turso database (its lease ends in "
            f"{held.lease_seconds} s if it is gone): stop one of the two, {otherwise}.",
            held.token,
            held.lease_seconds,
        )
    return OtherWriter(
        f"Node {held.writer} has written to the Turso database, and this volume lacks it: empty "
        f"this volume to go on from there, {otherwise}.",
        held.token,
        0,
    )


def _names(tables: tuple[str, ...]) -> str:
    more = ", …" if len(tables) > TABLES_NAMED else ""
    return ", ".join(tables[:TABLES_NAMED]) + more
