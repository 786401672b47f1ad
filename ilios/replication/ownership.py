"""Ownership of a remote database: one row says whose copy it is, and which node may write to it.

A fencing token orders writers: every transaction names the token that the last one left and leaves
its own. So one that arrives late, or from a node that missed a write, changes nothing. The lease is
measured by the remote's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ilios.core import ids
from ilios.replication.large_values import CREATE_PIECES
from ilios.replication.remote import Remote, Statement

FORMAT: Final = 1
MAINTENANCE: Final = ("sqlite_", "libsql_", "_litestream_")  #: of tables that servers make

_CREATE: Final = (
    "CREATE TABLE ilios_replica (id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, "
    "instance TEXT NOT NULL, writer TEXT NOT NULL, token TEXT NOT NULL, "
    "lease_until INTEGER NOT NULL, schema TEXT)"
)
# Another token, and the subquery gives NULL, which the column refuses: the transaction ends there.
_FENCE: Final = (
    "INSERT INTO ilios_replica (id, format, instance, writer, token, lease_until) VALUES "
    "(1, 0, '', ?, (SELECT ? FROM ilios_replica WHERE id = 1 AND token = ?), unixepoch() + ?) "
    "ON CONFLICT (id) DO UPDATE SET writer = excluded.writer, token = excluded.token, "
    "lease_until = excluded.lease_until"
)


@dataclass(frozen=True, slots=True)
class Ownership:
    format: int
    instance: str  #: id of the database whose copy it is
    writer: str  #: node that wrote last
    token: str
    lease_seconds: int  #: for which the writer is to be left alone; 0 or less when it is gone
    schema: str | None  #: see ilios.replication.schema; None until there is a whole copy


@dataclass(frozen=True, slots=True)
class RemoteContents:
    """What a remote holds: a copy with its owner, tables of something else, or nothing."""

    ownership: Ownership | None
    tables: tuple[str, ...]


def inspect_remote(remote: Remote) -> RemoteContents:
    rows = remote.read("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    tables = tuple(str(name) for (name,) in rows if not str(name).startswith(MAINTENANCE))
    if "ilios_replica" not in tables:
        return RemoteContents(None, tables)
    row = remote.read(
        "SELECT format, instance, writer, token, lease_until - unixepoch(), schema "
        "FROM ilios_replica"
    )
    return RemoteContents(Ownership(*row[0]) if row else None, tables)  # type: ignore[arg-type]  # our columns


def create(instance: str, writer: str, token: str, lease_seconds: int) -> list[Statement]:
    """Return what makes an empty remote ours; it fails when the remote is no longer empty."""
    insert = (
        "INSERT INTO ilios_replica (id, format, instance, writer, token, lease_until) "
        "VALUES (1, ?, ?, ?, ?, unixepoch() + ?)"
    )
    values = (FORMAT, instance, writer, token, lease_seconds)
    return [(_CREATE, ()), (CREATE_PIECES, ()), (insert, values)]


def declare_whole(schema: str) -> Statement:
    """Return what declares the copy complete: from then on a volume can be restored from it."""
    return ("UPDATE ilios_replica SET schema = ?", (schema,))


class WriterLease:
    """The right to write to a remote, as long as no other node has written to it.

    `remember` is called with each token before it is sent.
    """

    def __init__(
        self, remote: Remote, token: str, writer: str, remember: Callable[[str], None]
    ) -> None:
        self.token = token  #: that the remote holds
        self._remote = remote
        self._writer = writer
        self._remember = remember

    def write(self, statements: Sequence[Statement], lease_seconds: int) -> None:
        """Run one transaction, which also renews the lease.

        Raises RemoteFault when another node has written; nothing is changed then.
        """
        token = ids.new_id()
        self._remember(token)
        fence: Statement = (_FENCE, (self._writer, token, self.token, lease_seconds))
        self._remote.transact([fence, *statements])
        self.token = token
