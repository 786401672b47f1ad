"""The rows of one table in the order of its key, with the statements that read and write them.

A row is read as either database would have it: see FORGOTTEN, and what is said of sums.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
)

from ilios.db.models import DocumentPassword
from ilios.db.prepared import Prepared, Runner

Key = tuple[Any, ...]
Row = tuple[Any, ...]
NUL: Final = "\0"
REPLACEMENT: Final = "\ufffd"
"""In the place of U+0000, which PostgreSQL takes in no text."""
FORGOTTEN: Final = (DocumentPassword.__tablename__, DocumentPassword.sealed.key)
"""A column in which '' is what NULL is: a file of SQLite has that until its log was emptied."""


class TableRows:
    """Reads and writes one table, on either database."""

    def __init__(self, table: Table, *, is_sum: bool = False) -> None:
        """`is_sum`: PostgreSQL has several rows of a key, whose sum counts, and is read as one."""
        self.name = table.name
        self._columns = [column.name for column in table.columns]
        key = list(table.primary_key.columns)
        self._key = [self._columns.index(column.name) for column in key]
        self._texts = [n for n, one in enumerate(table.columns) if isinstance(one.type, String)]
        self._reads: dict[tuple[bool, bool], Prepared] = {}
        self._table = table
        self._is_sum = is_sum
        keys = select(*key).distinct().subquery() if is_sum else table
        self._count = Prepared(select(func.count()).select_from(keys))
        has_forgotten = table.name == FORGOTTEN[0]
        self._forgotten = self._columns.index(FORGOTTEN[1]) if has_forgotten else None
        self._insert = Prepared(
            insert(table).values({column: bindparam(f"new_{column}") for column in self._columns})
        )
        self._delete = Prepared(
            delete(table).where(*(one == bindparam(f"of_{one.name}") for one in key))
        )

    def each(self, on: Runner, after: Key | None = None, upto: Key | None = None) -> Generator[Row]:
        """Yield the rows behind one key and up to another, in order. Close it if it is left."""
        statement = self._read(after is not None, upto is not None)
        for row in statement.each(on, **self._bound("after", after), **self._bound("upto", upto)):
            yield self._as_stored(row)

    def count(self, on: Runner) -> int:
        ((found,),) = self._count.all(on)
        return int(found)

    def key_of(self, row: Row) -> Key:
        return tuple(row[place] for place in self._key)

    def write(self, on: Runner, rows: Iterable[Row]) -> None:
        """Insert rows whose keys are not there."""
        names = [f"new_{column}" for column in self._columns]
        values = [dict(zip(names, row, strict=True)) for row in rows]
        if values:
            self._insert.run_many(on, values)

    def remove(self, on: Runner, keys: Iterable[Key]) -> None:
        """Delete the rows of keys, as far as they are there."""
        values = [self._bound("of", key) for key in keys]
        if values:
            self._delete.run_many(on, values)

    def _read(self, has_after: bool, has_upto: bool) -> Prepared:
        found = self._reads.get((has_after, has_upto))
        if found is None:
            key = [self._table.columns[self._columns[place]] for place in self._key]
            conditions = []
            if has_after:
                conditions.append(_row_value(key) > _bound_value("after", key))
            if has_upto:
                conditions.append(_row_value(key) <= _bound_value("upto", key))
            selected = select(*map(self._value, self._table.columns)).where(*conditions)
            grouped = selected.group_by(*key) if self._is_sum else selected
            found = Prepared(grouped.order_by(*key))
            self._reads[has_after, has_upto] = found
        return found

    def _value(self, column: Column[Any]) -> ColumnElement[Any]:
        return func.sum(column) if self._is_sum and not column.primary_key else column

    def _bound(self, prefix: str, key: Key | None) -> dict[str, Any]:
        if key is None:
            return {}
        names = [f"{prefix}_{self._columns[place]}" for place in self._key]
        return dict(zip(names, key, strict=True))

    def _as_stored(self, row: Row) -> Row:
        """Return a row as both databases can hold it."""
        is_forgotten = self._forgotten is not None and row[self._forgotten] == ""
        has_nul = any(isinstance(row[n], str) and NUL in row[n] for n in self._texts)
        if not (is_forgotten or has_nul):
            return row
        values = list(row)
        if self._forgotten is not None:
            values[self._forgotten] = values[self._forgotten] or None
        for place in self._texts:
            if isinstance(values[place], str):
                values[place] = values[place].replace(NUL, REPLACEMENT)
        return tuple(values)


def encoded(row: Row) -> bytes:
    """Return a row as bytes that are equal for equal rows, whichever database it is of."""
    return json.dumps(row, default=str, sort_keys=True, ensure_ascii=False).encode(
        errors="surrogatepass"
    )


def _row_value(columns: list[Any]) -> Any:
    return columns[0] if len(columns) == 1 else tuple_(*columns)


def _bound_value(prefix: str, columns: list[Any]) -> ColumnElement[Any]:
    bound = [bindparam(f"{prefix}_{one.name}", type_=one.type) for one in columns]
    return bound[0] if len(bound) == 1 else tuple_(*bound)
