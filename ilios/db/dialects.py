"""Words that SQLite and PostgreSQL do not share: constructs that each has in its own.

Nothing else outside of `ilios.db` says anything in the SQL of one of them, but for what searches
the indexes that only SQLite has: ilios.documents.names and ilios.documents.search.
"""

from __future__ import annotations

from typing import Any, Self

from sqlalchemy import Boolean, SQLColumnExpression, String, Text
from sqlalchemy.dialects.sqlite.dml import Insert, OnConflictDoNothing, OnConflictDoUpdate
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from ilios.db.driver_session import DriverSession
from ilios.db.prepared import Runner
from ilios.db.watch import Watch

POSTGRESQL = "postgresql"
LIKE_ESCAPE = "/"  #: in patterns of `any_case_like`


def is_postgres(on: Runner) -> bool:
    """Return whether a statement would run on PostgreSQL."""
    if isinstance(on, DriverSession | Watch):
        return on.dialect.name == POSTGRESQL
    dialect = on.get_bind().dialect if isinstance(on, Session) else on.dialect
    return dialect.name == POSTGRESQL


class _DoUpdate(OnConflictDoUpdate):
    inherit_cache = True
    constraint_target = None  #: PostgreSQL's compiler asks for it, and for nothing else of its own


class _DoNothing(OnConflictDoNothing):
    inherit_cache = True
    constraint_target = None  #: likewise


class Upsert(Insert):
    """An INSERT with ON CONFLICT, which both databases take from the same words."""

    inherit_cache = True

    def on_conflict_do_update(
        self,
        index_elements: Any = None,
        index_where: Any = None,
        set_: Any = None,
        where: Any = None,
    ) -> Self:
        """Have it update the row that is there."""
        return self.ext(_DoUpdate(index_elements, index_where, set_, where))

    def on_conflict_do_nothing(self, index_elements: Any = None, index_where: Any = None) -> Self:
        """Have it leave the row that is there."""
        return self.ext(_DoNothing(index_elements, index_where))


def upsert(table: Any) -> Upsert:
    """Return an INSERT into a table, to be given what it does on a conflict."""
    return Upsert(table)


class utc_day(FunctionElement[str]):  # noqa: N801  # a function of SQL
    """The day of a moment in UTC, as text: `2026-11-30`."""

    type = String()
    inherit_cache = True
    name = "utc_day"


@compiles(utc_day, "sqlite")
def _utc_day_of_text(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"substr({compiler.process(element.clauses, **options)}, 1, 10)"


@compiles(utc_day, POSTGRESQL)
def _utc_day_of_moment(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


class moment_text(FunctionElement[str]):  # noqa: N801  # likewise
    """A moment as SQLite has it, text that sorts as time does: `2026-11-30 05:00:00.000000`."""

    type = Text()
    inherit_cache = True
    name = "moment_text"


@compiles(moment_text, "sqlite")
def _moment_on_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(moment_text, POSTGRESQL)
def _moment_on_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"


class is_in(FunctionElement[bool]):  # noqa: N801  # likewise
    """Whether a column has one of the texts in a JSON list: its length may change.

    PostgreSQL looks for them in the column's index, whatever it knows of the rows that there are.
    """

    type = Boolean()
    inherit_cache = True
    name = "is_in"

    def self_group(self, against: Any = None) -> Self:  # noqa: ARG002
        """Return it as it is: to SQLite, `= 1` would be no use of an index."""
        return self


@compiles(is_in, "sqlite")
def _is_in_on_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    column, listed = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({listed})))"


@compiles(is_in, POSTGRESQL)
def _is_in_on_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    column, listed = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} = ANY (ARRAY(SELECT json_array_elements_text(CAST({listed} AS json)))))"


class is_among(FunctionElement[bool]):  # noqa: N801  # likewise
    """Whether a column has one of the texts of a subquery, which is looked at once, and first."""

    type = Boolean()
    inherit_cache = True
    name = "is_among"

    def self_group(self, against: Any = None) -> Self:  # noqa: ARG002
        """Return it as it is, likewise."""
        return self


@compiles(is_among, "sqlite")
def _is_among_on_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    column, found = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} IN {found})"


@compiles(is_among, POSTGRESQL)
def _is_among_on_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    column, found = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} = ANY (ARRAY{found}))"


class any_case_like(FunctionElement[bool]):  # noqa: N801  # likewise
    """Whether a column has a pattern of LIKE, in either case of each letter.

    SQLite knows the cases of ASCII letters only.
    """

    type = Boolean()
    inherit_cache = True
    name = "any_case_like"


@compiles(any_case_like, "sqlite")
def _like_on_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    column, wanted = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} LIKE {wanted} ESCAPE '{LIKE_ESCAPE}')"


@compiles(any_case_like, POSTGRESQL)
def _like_on_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    column, wanted = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} ILIKE {wanted} ESCAPE '{LIKE_ESCAPE}')"


class by_writer(FunctionElement[Any]):  # noqa: N801  # likewise
    """The last column of the key of a table of sums.

    On PostgreSQL each connection adds to a row of its own: see ilios.db.postgres.schema.
    """

    inherit_cache = True
    name = "by_writer"


@compiles(by_writer, "sqlite")
def _by_writer_on_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(by_writer, POSTGRESQL)
def _by_writer_on_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.clauses, **options)}, writer"


class unindexed(FunctionElement[Any]):  # noqa: N801  # likewise
    """A column without use of its index: to SQLite, whose planner knows no counts of rows."""

    inherit_cache = True
    name = "unindexed"

    def __init__(self, column: SQLColumnExpression[Any]) -> None:
        super().__init__(column)
        self.type = self.clauses.clauses[0].type


@compiles(unindexed, "sqlite")
def _unindexed_on_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


@compiles(unindexed, POSTGRESQL)
def _unindexed_on_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)
