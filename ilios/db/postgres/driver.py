"""PostgreSQL's driver, psycopg, which comes with the extra `postgres` (ADR 0048)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, Self

from ilios.core.errors import DatabaseRefused

try:
    import psycopg
    import psycopg.abc
    import psycopg.types.string
    from psycopg.pq import TransactionStatus
except ImportError as error:  # it, or the library of PostgreSQL that it stands on
    raise DatabaseRefused(
        "DATABASE_URL is set, but the driver of PostgreSQL is not installed: "
        "install it with `pip install ilios[postgres]`, or unset DATABASE_URL."
    ) from error

__all__ = ["TransactionStatus", "connect", "psycopg"]

PREPARED_AFTER: Final = 5  #: executions of a statement on a connection
WAIT_INTERVAL_SECONDS: Final = 0.1  #: psycopg's own, between two looks at signals
CONNECT_SECONDS: Final = 5  #: for each host of the URL
ANSWER_SECONDS: Final = 60.0
"""For which an answer is waited for: far longer than any statement of a service takes."""
DEFAULTS: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_SECONDS,
    "application_name": "ilios",
    "client_encoding": "UTF8",
    # A host that is gone says nothing: it is asked after these seconds, and given up after ten.
    "keepalives_idle": 5,
    "keepalives_interval": 1,
    "keepalives_count": 5,
    "tcp_user_timeout": 10_000,  # milliseconds
}


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is given up when an answer does not come in time.

    Its errors have the first line of what the server says alone: the others quote rows.
    """

    answer_seconds: float | None = None  #: for which each answer is waited; None: without end

    def wait(
        self, gen: Any, interval: float = WAIT_INTERVAL_SECONDS, timeout: float | None = None
    ) -> Any:
        """Do as psycopg does. Raises psycopg.OperationalError when the time is over."""
        try:
            return super().wait(gen, interval, self.answer_seconds if timeout is None else timeout)
        except psycopg.Error as error:
            if first := error.diag.message_primary:
                error.args = (first,)
            elif timeout is None and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()  # what would come now is no answer to what is asked next
            raise


class WritingConnection(_Connection):
    """A connection that counts the rows which were changed on it, as SQLite's do.

    A write of whose outcome nothing is asked waits for the next statement of its transaction, or
    for the commit, and goes with it: that saves a way there and back.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.total_changes = 0
        self.deferred: list[tuple[str, Any]] = []

    def defer(self, sql: str, values: Any) -> None:
        """Write with what comes next; an error of it is raised there."""
        self.total_changes += 1
        self.deferred.append((sql, values))
        if self.pgconn.transaction_status != TransactionStatus.INTRANS:
            with self.behind_deferred():
                pass

    @contextmanager
    def behind_deferred(self) -> Iterator[None]:
        """Send what was deferred, and with it what is executed in the block."""
        deferred, self.deferred = self.deferred, []
        with self.pipeline():
            if deferred:
                cursor = super().cursor()
                for sql, values in deferred:  # nothing of them is fetched
                    psycopg.Cursor.execute(cursor, sql, values)
            yield

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        if self.deferred and (args or kwargs.get("name")):  # one of the server's, which cannot wait
            with self.behind_deferred():
                pass
        return super().cursor(*args, **kwargs)

    def commit(self) -> None:
        with self.behind_deferred() if self.deferred else nullcontext():
            super().commit()

    def rollback(self) -> None:
        self.deferred.clear()
        super().rollback()


class _Cursor(psycopg.Cursor[tuple[Any, ...]]):
    """What such a connection executes with."""

    __slots__ = ()

    def execute(self, *args: Any, **kwargs: Any) -> Self:
        with _behind_deferred(self.connection):
            super().execute(*args, **kwargs)
        self._count()
        return self

    def executemany(self, *args: Any, **kwargs: Any) -> None:
        with _behind_deferred(self.connection):
            super().executemany(*args, **kwargs)
        self._count()

    def _count(self) -> None:
        connection: psycopg.Connection[Any] = self.connection
        if isinstance(connection, WritingConnection) and _is_change(self.statusmessage):
            connection.total_changes += self.rowcount


def _behind_deferred(connection: psycopg.Connection[Any]) -> AbstractContextManager[None]:
    if isinstance(connection, WritingConnection) and connection.deferred:
        return connection.behind_deferred()
    return nullcontext()


def _is_change(tag: str | None) -> bool:
    """Return whether a command changes rows, by what the server calls it."""
    return tag is not None and tag.startswith(("INSERT", "UPDATE", "DELETE"))


class _Number(psycopg.adapt.Loader):
    """Reads what a sum of large integers is to PostgreSQL, of which none here has a fraction."""

    def load(self, data: psycopg.abc.Buffer) -> int | float:
        text = bytes(data)
        return int(text) if text.lstrip(b"-").isdigit() else float(text)


class _Text(psycopg.types.string.StrDumperUnknown):
    """Writes a text, with U+FFFD in place of NUL, which no text of PostgreSQL has.

    What is stored is cleaned before: this is for what is looked for, and is then not found.
    """

    def dump(self, obj: str) -> psycopg.abc.Buffer | None:
        try:
            return super().dump(obj)
        except psycopg.DataError:
            return super().dump(obj.replace("\0", "\ufffd"))


def connect(
    url: str, *, answer_seconds: float | None = ANSWER_SECONDS, may_prepare: bool = True
) -> WritingConnection:
    """Open a connection, on which the driver begins no transaction of its own.

    What the URL says goes before the defaults here. `may_prepare`: statements may be prepared on
    the server, which a pooler does not allow. Raises psycopg.OperationalError.
    """
    given = psycopg.conninfo.conninfo_to_dict(url)
    connection = WritingConnection.connect(
        psycopg.conninfo.make_conninfo(**(DEFAULTS | given)),
        autocommit=True,
        prepare_threshold=PREPARED_AFTER if may_prepare else None,
        cursor_factory=_Cursor,
    )
    connection.answer_seconds = answer_seconds
    connection.adapters.register_loader("numeric", _Number)
    connection.adapters.register_dumper(str, _Text)
    return connection
