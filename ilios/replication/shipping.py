"""Brings the remote copy to a state that the database had: all of it in one transaction there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ilios.core import ids
from ilios.db.database import Database
from ilios.replication import change_log, large_values, ownership, preflight, schema, snapshot
from ilios.replication.errors import RemoteFault, ReplicationRefused
from ilios.replication.ownership import WriterLease
from ilios.replication.remote import Remote, Statement
from ilios.replication.schema import NEW, Schema
from ilios.replication.snapshot import Change, Changes
from ilios.replication.volume import driver_connection, volume_of

FORGET_AT_ONCE = 10_000  #: entries of the log deleted in one turn of the write lock


class Shipper:
    """One round at a time. `say` hears of each request, and what is being done."""

    def __init__(
        self,
        database: Database,
        remote: Remote,
        node: str,
        lease_seconds: int,
        say: Callable[[str], None] = lambda _doing: None,
    ) -> None:
        self._database = database
        self._remote = remote
        self._node = node
        self._lease_seconds = lease_seconds
        self._say = say
        self._pen: WriterLease | None = None  #: None until we know what the remote holds
        self._remote_schema: str | None = None

    def ship(self, *, last: bool = False) -> None:
        """Send what has changed and renew the lease, or end it with the last round.

        Raises ReplicationRefused; what was not sent stays in the log.
        """
        try:
            self._ship(last=last)
        except RemoteFault:
            # Perhaps somebody else has written: look, which says so. Else it was an earlier
            # request of ours that came late, and now it has not.
            self._pen = None
            self._ship(last=last)
        except ReplicationRefused:
            self._pen = None  # nobody knows whether the request was executed
            raise

    def _ship(self, *, last: bool) -> None:
        pen = self._pen or self._take_up()
        with self._database.reading() as session:
            connection = driver_connection(session)
            wanted = schema.of_database(connection)
            whole = change_log.wants_everything(connection)
            after = change_log.newest(connection)
        if whole or wanted.text != self._remote_schema:
            self._say("sending everything")
            self._stage_everything(pen, wanted)
            final = self._replacement(wanted)
        else:
            after, final = 0, []
        changes = self._stage_long_changes(pen, wanted, after, final)
        self._write_pieces(pen, changes)
        final += [_applied(change) for change in changes.changes]
        pen.write(final, 0 if last else self._lease_seconds)
        self._remote_schema = wanted.text
        self._settle(pen.token, changes.upto)

    def _take_up(self) -> WriterLease:
        """Find out what the remote holds, and whether it is ours to write to."""
        with self._database.reading() as session:
            volume = volume_of(session, self._node)
        found = ownership.look(self._remote)
        preflight.judge(found, volume)
        if found.marker is None:
            token = ids.new_id()
            self._intend(token)
            statements = ownership.create(
                str(volume.instance), self._node, token, self._lease_seconds
            )
            self._remote.transact(statements)
            self._remote_schema = None
        else:
            token = found.marker.token
            # Without a token, replication was off meanwhile, and the log knows it.
            self._remote_schema = found.marker.schema if volume.tokens else None
        self._pen = WriterLease(self._remote, token, self._node, self._intend)
        return self._pen

    def _stage_everything(self, pen: WriterLease, wanted: Schema) -> None:
        """Every row into new tables beside those in use. What changes meanwhile is in the log."""
        self._write(pen, [(sql, ()) for table in wanted.tables for sql in table.stage_all()])
        for table in wanted.tables:
            for rows in snapshot.portions(self._database, table):
                self._write_texts(pen, rows)
                upsert = table.upsert(NEW)
                self._write(pen, [(upsert, large_values.shortened(row)) for row in rows])

    def _replacement(self, wanted: Schema) -> list[Statement]:
        """Put the new tables in the place of those in use."""
        before = Schema.parse(self._remote_schema).tables if self._remote_schema else ()
        kept = {table.name for table in wanted.tables}
        dropped = [*(table for table in before if table.name not in kept), *wanted.tables]
        return [
            *((table.drop(), ()) for table in dropped),
            *((table.rename_new(), ()) for table in wanted.tables),
            ownership.declare_whole(wanted.text),
            large_values.remove_unused(wanted.tables),
        ]

    def _stage_long_changes(
        self, pen: WriterLease, wanted: Schema, after: int, final: list[Statement]
    ) -> Changes:
        """Stage changes until the rest fits into one request, and give that rest.

        A row that changes again after it was staged comes again, so what is staged and the rest
        are together as of the rest's snapshot. Adds to `final` what merges them.
        """
        changes = snapshot.changes(self._database, wanted, after)
        merge: list[Statement] = []
        while not changes.is_all:
            if not merge:
                self._write(pen, [(sql, ()) for t in wanted.tables for sql in t.stage_changes()])
                merge = [(sql, ()) for table in wanted.tables for sql in table.merge_changes()]
            self._write_pieces(pen, changes)
            self._write(pen, [_staged(change) for change in changes.changes])
            changes = snapshot.changes(self._database, wanted, changes.upto)
        final += merge
        return changes

    def _write_pieces(self, pen: WriterLease, changes: Changes) -> None:
        self._write_texts(pen, [change.row for change in changes.changes if change.row])

    def _write_texts(self, pen: WriterLease, rows: Sequence[tuple[object, ...]]) -> None:
        for text in _long_texts(rows):
            batch: list[Statement] = []
            for statement in large_values.statements(text):
                batch.append(statement)
                if len(batch) == large_values.AT_ONCE:
                    self._write(pen, batch)
                    batch = []
            self._write(pen, batch)

    def _write(self, pen: WriterLease, statements: Sequence[Statement]) -> None:
        if statements:
            pen.write(statements, self._lease_seconds)
            self._say("")

    def _intend(self, token: str) -> None:
        with self._database.writing() as session:
            change_log.intend(driver_connection(session), token)

    def _settle(self, token: str, upto: int) -> None:
        more = True
        while more:
            with self._database.writing() as session:
                connection = driver_connection(session)
                change_log.settle(connection, token)
                more = change_log.forget(connection, upto, FORGET_AT_ONCE)


def _long_texts(rows: Sequence[tuple[object, ...]]) -> Iterator[str]:
    for row in rows:
        yield from (
            value for value in row if isinstance(value, str) and large_values.is_long(value)
        )


def _applied(change: Change) -> Statement:
    if change.row is None:
        return change.table.delete(), change.key
    return change.table.upsert(), large_values.shortened(change.row)


def _staged(change: Change) -> Statement:
    if change.row is None:
        return change.table.upsert_changed(), (1, *change.table.nothing_but_key(change.key))
    return change.table.upsert_changed(), (0, *large_values.shortened(change.row))
