"""The one row by which a remote database says whose copy it is, and who may write to it.

Every transaction names the token that the last one left and leaves one of its own, so one that
arrives late, or from somebody who missed what was written meanwhile, changes nothing. The lease is
measured by the remote's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ilios.core import ids
from ilios.replication.large_values import CREATE
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
class Found:
    """What a remote holds: a marker, or tables without one, or nothing."""

    marker: Ownership | None
    tables: tuple[str, ...]


def look(remote: Remote) -> Found:
    rows = remote.read("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    tables = tuple(str(name) for (name,) in rows if not str(name).startswith(MAINTENANCE))
    if "ilios_replica" not in tables:
        return Found(None, tables)
    row = remote.read(
        "SELECT format, instance, writer, token, lease_until - unixepoch(), schema "
        "FROM ilios_replica"
    )
    return Found(Ownership(*row[0]) if row else None, tables)  # type: ignore[arg-type]  # our columns


def create(instance: str, writer: str, token: str, lease_seconds: int) -> list[Statement]:
    """Make an empty remote ours; fails when it has become somebody's meanwhile."""
    insert = (
        "INSERT INTO ilios_replica (id, format, instance, writer, token, lease_until) "
        "VALUES (1, ?, ?, ?, ?, unixepoch() + ?)"
    )
    values = (FORMAT, instance, writer, token, lease_seconds)
    return [(_CREATE, ()), (CREATE, ()), (insert, values)]


def declare_whole(schema: str) -> Statement:
    """From here on the remote can be restored from."""
    return ("UPDATE ilios_replica SET schema = ?", (schema,))


class WriterLease:
    """The right to write to a remote, as long as nobody else has written to it."""

    def __init__(
        self, remote: Remote, token: str, writer: str, remember: Callable[[str], None]
    ) -> None:
        self.token = token  #: that the remote holds
        self._remote = remote
        self._writer = writer
        self._remember = remember

    def write(self, statements: Sequence[Statement], lease_seconds: int) -> None:
        """One transaction, which also renews the lease.

        Raises RemoteFault when somebody else has written; nothing is changed then.
        """
        token = ids.new_id()
        self._remember(token)
        fence: Statement = (_FENCE, (self._writer, token, self.token, lease_seconds))
        self._remote.transact([fence, *statements])
        self.token = token
