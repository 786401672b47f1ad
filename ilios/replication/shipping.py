"""Send changes: a round brings the copy to a state that the database had, in one transaction."""

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

ENTRIES_PER_DELETE = 10_000  #: of the log, in one transaction


class Shipper:
    """Runs one round at a time; `report` is called after each request, with what is being done."""

    def __init__(
        self,
        database: Database,
        remote: Remote,
        node: str,
        lease_seconds: int,
        report: Callable[[str], None] = lambda _doing: None,
    ) -> None:
        self._database = database
        self._remote = remote
        self._node = node
        self._lease_seconds = lease_seconds
        self._report = report
        self._lease: WriterLease | None = None  #: None until we know what the remote holds
        self._remote_schema: str | None = None

    def ship(self, *, last: bool = False) -> None:
        """Send what has changed, and renew the lease; end it with the last round.

        Raises ReplicationRefused; what was not sent stays in the log.
        """
        try:
            self._ship(last=last)
        except RemoteFault:
            # If another node has written, this finds out and raises. Else an earlier request of
            # ours arrived late, and the round is repeated with the token that it left.
            self._lease = None
            self._ship(last=last)
        except ReplicationRefused:
            self._lease = None  # whether the request was executed is not known
            raise

    def _ship(self, *, last: bool) -> None:
        lease = self._lease or self._acquire_lease()
        with self._database.reading() as session:
            connection = driver_connection(session)
            wanted = schema.of_database(connection)
            whole = change_log.needs_full_copy(connection)
            after = change_log.last_position(connection)
        if whole or wanted.text != self._remote_schema:
            self._report("sending everything")
            self._stage_everything(lease, wanted)
            final = self._replacement(wanted)
        else:
            after, final = 0, []
        changes = self._stage_long_changes(lease, wanted, after, final)
        self._write_pieces(lease, changes)
        final += [_applied(change) for change in changes.changes]
        lease.write(final, 0 if last else self._lease_seconds)
        self._remote_schema = wanted.text
        self._confirm(lease.token, changes.upto)

    def _acquire_lease(self) -> WriterLease:
        """Find out what the remote holds, and take its lease if we may write to it."""
        with self._database.reading() as session:
            volume = volume_of(session, self._node)
        contents = ownership.inspect_remote(self._remote)
        preflight.require_ours(contents, volume)
        if contents.ownership is None:
            token = ids.new_id()
            self._intend_token(token)
            statements = ownership.create(
                str(volume.instance), self._node, token, self._lease_seconds
            )
            self._remote.transact(statements)
            self._remote_schema = None
        else:
            token = contents.ownership.token
            # Without a token, replication was off meanwhile, and the log knows it.
            self._remote_schema = contents.ownership.schema if volume.tokens else None
        self._lease = WriterLease(self._remote, token, self._node, self._intend_token)
        return self._lease

    def _stage_everything(self, lease: WriterLease, wanted: Schema) -> None:
        """Send every row into new tables beside those in use. Changes meanwhile are in the log."""
        self._write(lease, [(sql, ()) for table in wanted.tables for sql in table.stage_all()])
        for table in wanted.tables:
            for rows in snapshot.portions(self._database, table):
                self._write_texts(lease, rows)
                upsert = table.upsert(NEW)
                self._write(lease, [(upsert, large_values.with_references(row)) for row in rows])

    def _replacement(self, wanted: Schema) -> list[Statement]:
        """Return what puts the new tables in the place of those in use."""
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
        self, lease: WriterLease, wanted: Schema, after: int, final: list[Statement]
    ) -> Changes:
        """Stage changes until the rest fits into one request, and return that rest.

        A row that changes again after it was staged comes again, so what is staged and the rest
        are together as of the rest's snapshot. Adds to `final` what merges them.
        """
        changes = snapshot.changes(self._database, wanted, after)
        merge: list[Statement] = []
        while not changes.is_all:
            if not merge:
                self._write(lease, [(sql, ()) for t in wanted.tables for sql in t.stage_changes()])
                merge = [(sql, ()) for table in wanted.tables for sql in table.merge_changes()]
            self._write_pieces(lease, changes)
            self._write(lease, [_staged(change) for change in changes.changes])
            changes = snapshot.changes(self._database, wanted, changes.upto)
        final += merge
        return changes

    def _write_pieces(self, lease: WriterLease, changes: Changes) -> None:
        self._write_texts(lease, [change.row for change in changes.changes if change.row])

    def _write_texts(self, lease: WriterLease, rows: Sequence[tuple[object, ...]]) -> None:
        for text in _long_texts(rows):
            batch: list[Statement] = []
            for statement in large_values.statements(text):
                batch.append(statement)
                if len(batch) == large_values.PIECES_PER_REQUEST:
                    self._write(lease, batch)
                    batch = []
            self._write(lease, batch)

    def _write(self, lease: WriterLease, statements: Sequence[Statement]) -> None:
        if statements:
            lease.write(statements, self._lease_seconds)
            self._report("")

    def _intend_token(self, token: str) -> None:
        with self._database.writing() as session:
            change_log.intend_token(driver_connection(session), token)

    def _confirm(self, token: str, upto: int) -> None:
        more = True
        while more:
            with self._database.writing() as session:
                connection = driver_connection(session)
                change_log.confirm_token(connection, token)
                more = change_log.delete_entries(connection, upto, ENTRIES_PER_DELETE)


def _long_texts(rows: Sequence[tuple[object, ...]]) -> Iterator[str]:
    for row in rows:
        yield from (
            value for value in row if isinstance(value, str) and large_values.is_long(value)
        )


def _applied(change: Change) -> Statement:
    if change.row is None:
        return change.table.delete(), change.key
    return change.table.upsert(), large_values.with_references(change.row)


def _staged(change: Change) -> Statement:
    if change.row is None:
        return change.table.upsert_changed(), (1, *change.table.nothing_but_key(change.key))
    return change.table.upsert_changed(), (0, *large_values.with_references(change.row))
