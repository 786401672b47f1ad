"""Makes the tables of the target equal to those of the source, and knows when they are.

A pass goes through both in the order of their keys, a portion at a time, and writes what differs.
It needs no note of what an earlier one has done: one that is killed is followed by another, which
finds equal what has arrived.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from sqlalchemy.orm import Session

from ilios.db.database import Database
from ilios.db.models import ApiKey, Base, DailyUsage, OwnerTotals
from ilios.operations.transfer.errors import TransferFailed
from ilios.operations.transfer.table_rows import Key, Row, TableRows, encoded

PORTION_ROWS: Final = 2_000  #: of the source, compared in one look
PORTION_BYTES: Final = 8 * 1024 * 1024  #: of them, give or take a row
DERIVED: Final = (OwnerTotals.__tablename__,)
"""Tables that triggers keep: they are made anew from the others."""
SUMS: Final = (DailyUsage.__tablename__,)
"""Tables in which each connection to PostgreSQL adds to a row of its own."""
WHOLE: Final = (ApiKey.__tablename__,)
"""Tables of few rows, of which one may take over what another had alone, such as a name."""

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TableState:
    """What a table holds: how many rows, and a hash of all of them in the order of the key."""

    name: str
    rows: int
    sha256: str


@dataclass(slots=True)
class Differences:
    """What one look has found; `upto` is the last key that it has seen, None at the end."""

    upto: Key | None = None
    rows: int = 0
    changed: list[Row] = field(default_factory=list)  #: as the source has them
    gone: list[Key] = field(default_factory=list)  #: of rows that only the target has
    encoded: list[bytes] = field(default_factory=list)  #: rows of the source

    @property
    def are_none(self) -> bool:
        return not self.changed and not self.gone


def moved() -> list[TableRows]:
    """Return the tables that are moved, those that others refer to first."""
    tables = (one for one in Base.metadata.sorted_tables if one.name not in DERIVED)
    return [TableRows(one, is_sum=one.name in SUMS) for one in tables]


def copy_all(source: Database, target: Database, report: Report) -> int:
    """Copy what differs while the source goes on; return how many rows those were."""
    total = 0
    for table in moved():
        after: Key | None = None
        changed = 0
        while True:
            with source.reading() as session, target.reading() as other:
                found = compare(table, session, other, after)
            _apply(table, target, found)
            changed += len(found.changed) + len(found.gone)
            if (after := found.upto) is None:
                break
        if changed:
            report(f"{table.name}: {changed} rows copied")
        total += changed
    return total


def copy_rest(session: Session, target: Database, report: Report) -> list[TableState]:
    """Copy what differs from a source that stands still, and return what both hold then.

    Whatever was written is read again and compared. Raises TransferFailed when it is not the same.
    """
    states = []
    for table in moved():
        states.append(_copied(table, session, target))
        with target.reading() as other:
            counts = table.count(session), table.count(other)
        if counts != (states[-1].rows, states[-1].rows):
            raise TransferFailed(
                f"{table.name} has {counts[0]} rows in the source and {counts[1]} in the target, "
                f"and {states[-1].rows} were compared: run the command again."
            )
        report(f"{table.name}: {states[-1].rows} rows, SHA-256 {states[-1].sha256}")
    return states


def _copied(table: TableRows, session: Session, target: Database) -> TableState:
    """Make one table of the target equal; return what it holds."""
    digest = hashlib.sha256()
    rows, after = 0, None
    while True:
        with target.reading() as other:
            found = compare(table, session, other, after)
        if not found.are_none:
            _apply(table, target, found)
            with target.reading() as other:
                found = compare(table, session, other, after)
            if not found.are_none:
                raise TransferFailed(
                    f"{len(found.changed) + len(found.gone)} rows of {table.name} are not in the "
                    "target as they were written: see the log of its server, and run the command "
                    "again."
                )
        for row in found.encoded:
            digest.update(len(row).to_bytes(8, "big") + row)
        rows += found.rows
        if (after := found.upto) is None:
            return TableState(table.name, rows, digest.hexdigest())


def compare(table: TableRows, source: Session, target: Session, after: Key | None) -> Differences:
    """Compare a portion of a table, from behind a key on."""
    found = Differences()
    with closing(table.each(source, after)) as rows:
        mine = _portion(table, rows, found)
        is_end = next(rows, None) is None
    found.rows = len(mine)
    found.upto = None if is_end else table.key_of(mine[-1])
    with closing(table.each(target, after, found.upto)) as rows:
        _merge(table, mine, rows, found)
    return found


def _portion(table: TableRows, rows: Iterator[Row], found: Differences) -> list[Row]:
    mine = []
    size = 0
    for row in islice(rows, None if table.name in WHOLE else PORTION_ROWS):
        mine.append(row)
        found.encoded.append(encoded(row))
        size += len(found.encoded[-1])
        if size > PORTION_BYTES:
            break
    return mine


def _merge(table: TableRows, mine: list[Row], theirs: Iterable[Row], found: Differences) -> None:
    """Note what differs; both are in the order of the key."""
    place = 0
    for other in theirs:
        key = table.key_of(other)
        while place < len(mine) and table.key_of(mine[place]) < key:
            found.changed.append(mine[place])
            place += 1
        if place == len(mine) or table.key_of(mine[place]) != key:
            found.gone.append(key)
            continue
        if found.encoded[place] != encoded(other):
            found.changed.append(mine[place])
        place += 1
    found.changed += mine[place:]


def _apply(table: TableRows, target: Database, found: Differences) -> None:
    if found.are_none:
        return
    changed: list[Any] = [table.key_of(row) for row in found.changed]
    with target.writing() as session:
        # All of them first: a value that must be unique may have gone from one row to another.
        table.remove(session, [*changed, *found.gone])
        table.write(session, found.changed)
