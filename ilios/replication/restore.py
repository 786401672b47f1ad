"""Restore an empty volume from the remote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db import derived, receiving
from ilios.db.driver import sqlite
from ilios.db.models import REVISION
from ilios.replication import change_log, large_values
from ilios.replication.errors import ForeignRemote, ReplicationRefused
from ilios.replication.ownership import Ownership, WriterLease
from ilios.replication.remote import Remote, Value
from ilios.replication.schema import Schema, Table, quoted

log = logs.get(__name__)

LEASE_SECONDS: Final = 120  #: renewed with each portion
ROWS_MAX: Final = 1000
PORTION_MAX_BYTES: Final = 4 * 1024 * 1024  #: of one answer; the server gives 10 MB at most


def restore(settings: Settings, remote: Remote, owned: Ownership) -> None:
    """Take the remote's lease, and copy the database to the volume.

    The database appears in one step when it is complete and on the disk; a process that is killed
    before leaves none, and the next start begins anew. Objects are not in the remote. Raises
    ReplicationRefused when the volume cannot hold the copy.
    """
    try:
        _restore(settings, remote, owned)
    except (sqlite.Error, OSError) as error:
        raise ReplicationRefused(
            f"The database cannot be restored to {settings.database_path} ({error}): "
            "give the volume more room, or repair it, and start again."
        ) from error


def _restore(settings: Settings, remote: Remote, owned: Ownership) -> None:
    schema = Schema.parse(owned.schema or "")
    path = settings.database_path
    draft = path.with_name(path.name + ".restoring")
    draft.unlink(missing_ok=True)
    log.info("replication.restoring", writer=owned.writer, revision=schema.revision)
    lease = WriterLease(
        remote, owned.token, data_folder.node_id(settings), remember=lambda _token: None
    )
    with closing(sqlite.connect(str(draft), isolation_level=None)) as connection:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        rows = _fill(connection, schema, remote, lease)
        if schema.revision == REVISION:  # else the start does, once it has migrated
            derived.install(connection)
        _begin_change_log(connection, lease.token)
        connection.execute("COMMIT")
    receiving.put_in_place(draft, path)
    log.info("replication.restored", rows=rows)
    if not settings.s3_bucket:
        log.warning("replication.objects_not_restored", reason="S3_BUCKET is not set")


def _fill(connection: Any, schema: Schema, remote: Remote, lease: WriterLease) -> int:
    for sql in schema.ddl:
        if not sql.startswith(("CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ")):
            raise ForeignRemote("The Turso database describes no schema of Ilios: name another.")
        connection.execute(sql)
    count = 0
    for table in schema.tables:
        marks = ", ".join("?" * len(table.columns))
        columns = ", ".join(quoted(column) for column in table.columns)
        insert = f"INSERT INTO {quoted(table.name)} ({columns}) VALUES ({marks})"
        for rows in _portions(remote, table, lease):
            connection.executemany(insert, (large_values.with_texts(remote, row) for row in rows))
            count += len(rows)
    return count


def _portions(
    remote: Remote, table: Table, lease: WriterLease
) -> Iterator[list[tuple[Value, ...]]]:
    """Yield all rows in order of the key. No other node changes them: the lease is ours."""
    after: tuple[Value, ...] | None = None
    while True:
        lease.write([], LEASE_SECONDS)
        count = _rows_per_read(remote, table, after)
        if count == 0:
            return
        rows = remote.read(f"{table.select(table.after(after))} LIMIT {count}", *(after or ()))
        yield rows
        after = table.key_of(rows[-1])


def _rows_per_read(remote: Remote, table: Table, after: tuple[Value, ...] | None) -> int:
    """Return how many of the next rows one answer can hold: at least 1, or 0 when none is left."""
    size = " + ".join(
        f"coalesce(length(CAST({quoted(column)} AS BLOB)), 0)" for column in table.columns
    )
    sql = f"SELECT {size} FROM {quoted(table.name)} {table.after(after)} LIMIT {ROWS_MAX}"
    total, count = 0, 0
    for (size_bytes,) in remote.read(sql, *(after or ())):
        total += int(size_bytes or 0)
        if count and total > PORTION_MAX_BYTES:
            break
        count += 1
    return count


def _begin_change_log(connection: Any, token: str) -> None:
    """Make it this volume's database, with an empty log of changes."""
    change_log.install(connection)
    connection.execute("DELETE FROM replication_log")
    change_log.intend_token(connection, token)
