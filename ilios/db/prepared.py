"""Statements that are compiled once, and run on the driver's connection.

SQLAlchemy builds and compiles them well, but to execute a small one takes it twenty times as long
as SQLite. Here its own constructs are compiled once for the dialect in use; what is left for each
execution are the parameters, the driver, and the types of what comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from functools import cached_property
from itertools import count
from typing import Any, Final, NamedTuple
from weakref import WeakSet

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Delete,
    Enum,
    Float,
    Insert,
    Integer,
    Select,
    Update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import TypeEngine

from ilios.db import row_sets
from ilios.db.driver_session import DriverSession, raise_as_sqlalchemys
from ilios.db.watch import Watch

Statement = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]] | Insert | Update | Delete
Runner = Session | Connection | Watch
"""What a statement runs on: a session or connection, whose open transaction it becomes a part of
and where it sees what was flushed; or Watch, where it is a transaction of its own."""
_WITH_DRIVER: Final = (DriverSession, Watch)  #: they name it themselves
Process = Callable[[Any], Any]
FLOAT8_OID: Final = 701  #: of `double precision`, in pg_type
IN_TRANSACTION: Final = 2  #: PQTRANS_INTRANS of libpq: cursors of the server end with it
_cursors: Final = count()


class Prepared:
    """A statement whose parameters are its bindparams, and the columns that an INSERT writes.

    A list whose length changes cannot be one. All methods raise sqlalchemy.exc.DBAPIError, as
    SQLAlchemy's own do, and TypeError when parameters are missing or unknown.
    """

    def __init__(self, statement: Statement, columns: Iterable[str] | None = None) -> None:
        """Give the `columns` of an INSERT that leaves some to their defaults."""
        _known.add(self)
        self._statement = statement
        self._columns = None if columns is None else list(columns)
        self._compiled: _Compiled | None = None

    def all(self, on: Runner, **parameters: object) -> list[tuple[Any, ...]]:
        """Return all rows, their values in the types of the columns."""
        compiled, driver = self._prepare(on)
        return compiled.typed(compiled.read(compiled.execute(driver, parameters).fetchall))

    def first(self, on: Runner, **parameters: object) -> tuple[Any, ...] | None:
        """Return the first row, or None without any."""
        rows = self.all(on, **parameters)
        return rows[0] if rows else None

    def each(self, on: Runner, **parameters: object) -> Generator[tuple[Any, ...]]:
        """Yield the rows one by one. Close it unless it is read to the end: it holds a snapshot."""
        compiled, driver = self._prepare(on)
        with closing(compiled.execute(driver, parameters, streamed=True)) as cursor:
            while (row := compiled.read(cursor.fetchone)) is not None:
                yield from compiled.typed([row])

    def run(self, on: Runner, **parameters: object) -> int:
        """Write, and return how many rows that concerned."""
        compiled, driver = self._prepare(on)
        rows: int = compiled.execute(driver, parameters).rowcount
        return rows

    def send(self, on: Runner, **parameters: object) -> None:
        """Write, and ask for nothing.

        PostgreSQL does it with what the transaction executes next, or commits: an error of it is
        raised there.
        """
        compiled, driver = self._prepare(on)
        compiled.send(driver, parameters)

    def run_many(self, on: Runner, rows: Iterable[dict[str, object]]) -> None:
        """Write once with each of these parameters.

        On PostgreSQL one statement does it, with what the transaction executes next: no two may
        concern the same row.
        """
        compiled, driver = self._prepare(on)
        compiled.execute_many(driver, list(rows))

    def _prepare(self, on: Runner) -> tuple[_Compiled, Any]:
        if isinstance(on, _WITH_DRIVER):
            driver, dialect = on.driver, on.dialect
        else:
            connection = on.connection() if isinstance(on, Session) else on
            driver, dialect = connection.connection.driver_connection, connection.dialect
        return self._compile(dialect), driver

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._compiled
        if compiled is None or type(compiled.dialect) is not type(dialect):
            self._compiled = compiled = _Compiled(self._statement, self._columns, dialect)
        return compiled


class Asked(NamedTuple):
    """A statement and its parameters."""

    statement: Prepared
    parameters: Mapping[str, object]

    def all(self, on: Runner) -> list[tuple[Any, ...]]:
        """Return all rows."""
        return self.statement.all(on, **self.parameters)


def all_at_once(on: DriverSession | Watch, asked: Iterable[Asked]) -> list[list[tuple[Any, ...]]]:
    """Return all rows of each statement, which go there and come back together.

    Each sees what those before it have done. PostgreSQL only.
    """
    found = []
    with on.driver.behind_deferred():
        for statement, parameters in asked:
            compiled, driver = statement._prepare(on)
            found.append((compiled, compiled.execute(driver, dict(parameters))))
    return [compiled.typed(compiled.read(cursor.fetchall)) for compiled, cursor in found]


_known: Final[WeakSet[Prepared]] = WeakSet()


def compile_all(dialect: Dialect) -> None:
    """Compile the statements of all modules that are imported, for the forks of this process.

    To do so in a fork would copy the memory that SQLAlchemy's compiler works with.
    """
    for prepared in list(_known):
        prepared._compile(dialect)


class _Compiled:
    """A statement in the words of a dialect."""

    def __init__(self, statement: Statement, columns: list[str] | None, dialect: Dialect) -> None:
        compiled: Any = _with_literals(statement).compile(dialect=dialect, column_keys=columns)
        binds = compiled.binds
        asked = {name: None for name, bind in binds.items() if bind.required}
        if any(binds[name].expanding for name in asked):
            raise TypeError("a list whose length changes cannot be prepared")
        state = compiled.construct_expanded_state(asked)
        parameters = state.parameters | _defaults(compiled)
        self.dialect: Final = dialect
        self._may_wait = dialect.name == "postgresql"  #: for the next statement
        self._sql: str = state.statement
        self._names = asked.keys()
        #: The names in the order of their placeholders; None where the driver takes names.
        self._order: list[str] | None = state.positiontup if compiled.positional else None
        self._constants: dict[str, object] = {}
        self._processed: list[tuple[str, Process]] = []
        for name in dict.fromkeys(self._order or parameters):
            process = state.processors.get(name)
            if process is None and name in binds:
                process = _of(binds[name].type, dialect).bind_processor(dialect)
            if name not in asked:
                self._constants[name] = process(parameters[name]) if process else parameters[name]
            elif process is not None:
                self._processed.append((name, process))
        self._many = _Many(self._sql, {name: binds[name].type for name in asked}, dialect)
        self._results = [
            (place, process)
            for place, column in enumerate(statement.exported_columns)
            if (process := _result_processor(column.type, dialect))
        ]

    def execute(self, driver: Any, parameters: dict[str, object], *, streamed: bool = False) -> Any:
        """Return the driver's cursor, whose rows have to be read to the end.

        `streamed`: or to be closed before; they are not all in memory at once.
        """
        values = self._values_of(parameters)
        try:
            cursor = self._streaming(driver) if streamed else driver.cursor()
            try:
                cursor.execute(self._sql, values)
            except BaseException:
                cursor.close()
                raise
        except self.dialect.loaded_dbapi.Error as error:
            raise_as_sqlalchemys(error, self._sql, self.dialect)
        return cursor

    def _streaming(self, driver: Any) -> Any:
        """Return a cursor that gets its rows one by one: of PostgreSQL's the server has to know."""
        if self.dialect.name == "postgresql" and driver.info.transaction_status == IN_TRANSACTION:
            return driver.cursor(f"each_{next(_cursors)}")
        return driver.cursor()

    def read(self, fetch: Callable[[], Any]) -> Any:
        """Return what the driver gives: it looks for most rows when they are read."""
        try:
            return fetch()
        except self.dialect.loaded_dbapi.Error as error:
            raise_as_sqlalchemys(error, self._sql, self.dialect)

    def send(self, driver: Any, parameters: dict[str, object]) -> None:
        if self._may_wait:
            driver.defer(self._sql, self._values_of(parameters))
        else:
            self.execute(driver, parameters)

    def execute_many(self, driver: Any, rows: list[dict[str, object]]) -> None:
        try:
            if len(rows) > 1 and self._may_wait and (as_set := self._as_set(rows)) is not None:
                driver.defer(*as_set)
            elif len(rows) <= 1 and self._may_wait:
                for row in rows:
                    driver.defer(self._sql, self._values_of(row))
            else:
                driver.cursor().executemany(self._sql, list(map(self._values_of, rows)))
        except self.dialect.loaded_dbapi.Error as error:
            raise_as_sqlalchemys(error, self._sql, self.dialect)

    def _as_set(self, rows: list[dict[str, object]]) -> tuple[str, dict[str, object]] | None:
        """Return one statement for all rows and its parameters; None where it cannot be."""
        if len(rows) > row_sets.ROWS_MAX or (sql := self._many.sql) is None:
            return None
        for parameters in rows:
            self._require_names(parameters)
        listed = self._many.listed(rows, self._processed)
        return None if listed is None else (sql, self._constants | {row_sets.ROWS: listed})

    def typed(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Return the rows with their values in the types of the columns."""
        if not self._results:
            return rows
        typed = []
        for row in rows:
            values = list(row)
            for place, process in self._results:
                values[place] = process(values[place])
            typed.append(tuple(values))
        return typed

    def _require_names(self, parameters: dict[str, object]) -> None:
        if parameters.keys() != self._names:
            raise TypeError(f"parameters {sorted(parameters)} in place of {sorted(self._names)}")

    def _values_of(self, parameters: dict[str, object]) -> Any:
        self._require_names(parameters)
        values = self._constants | parameters
        for name, process in self._processed:
            values[name] = process(values[name])
        return values if self._order is None else [values[name] for name in self._order]


class _Many:
    """A statement of PostgreSQL in its form for many rows, made when it is used."""

    def __init__(self, sql: str, types: dict[str, TypeEngine[Any]], dialect: Dialect) -> None:
        self._of_one, self._types, self._dialect = sql, types, dialect

    @cached_property
    def sql(self) -> str | None:
        return row_sets.statement(self._of_one, self._types, self._dialect)

    @cached_property
    def _as_they_are(self) -> set[str]:
        types = self._types.items()
        return {name for name, type_ in types if row_sets.is_json(type_, self._dialect)}

    def listed(
        self, rows: list[dict[str, object]], processed: list[tuple[str, Process]]
    ) -> str | None:
        """Return the rows as the statement takes them."""
        steps = [step for step in processed if step[0] not in self._as_they_are]
        return row_sets.encoded(
            row | {name: process(row[name]) for name, process in steps} for row in rows
        )


def _defaults(compiled: Any) -> dict[str, object]:
    """Return the defaults of columns that an INSERT is not given values for."""
    columns = compiled.insert_prefetch
    computed = [column.key for column in columns if not column.default.is_scalar]
    if computed:
        raise TypeError(f"values of {computed} are computed: give them")
    return {column.key: column.default.arg for column in columns}


def _with_literals(statement: Statement) -> Any:
    """Return the statement with its constant numbers and statuses written out, LIMIT above all.

    SQLite (3.53, not yet 3.40) plans by the number that is bound to a LIMIT, and so compiles the
    statement anew for each execution: that takes five times as long as to find the row.
    """

    def written_out(element: Any, **_: object) -> Any:
        is_constant = isinstance(element, BindParameter) and not element.required
        if is_constant and isinstance(element.type, Integer | Enum):
            return element.render_literal_execute()
        return None

    return replacement_traverse(statement, {}, written_out)


def _result_processor(type_: TypeEngine[Any], dialect: Dialect) -> Process | None:
    """Return what makes the driver's value one of the column's type; None if it is one."""
    coltype = FLOAT8_OID if isinstance(type_, Float) else None  # PostgreSQL's dialect wants to know
    return _of(type_, dialect).result_processor(dialect, coltype)


def _of(type_: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return type_.dialect_impl(dialect)
