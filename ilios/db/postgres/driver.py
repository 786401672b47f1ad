"""PostgreSQL's driver, psycopg, which comes with the extra `postgres` (ADR 0048)."""

from __future__ import annotations

from typing import Any, Final

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
ANSWER_SECONDS: Final = 60.0
"""For which an answer is waited for: far longer than any statement of a service takes."""
DEFAULTS: Final[dict[str, Any]] = {
    "connect_timeout": 5,  # seconds, of each host of the URL
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
) -> psycopg.Connection[tuple[Any, ...]]:
    """Open a connection, on which the driver begins no transaction of its own.

    What the URL says goes before the defaults here. `may_prepare`: statements may be prepared on
    the server, which a pooler does not allow. Raises psycopg.OperationalError.
    """
    given = psycopg.conninfo.conninfo_to_dict(url)
    connection = _Connection.connect(
        psycopg.conninfo.make_conninfo(**(DEFAULTS | given)),
        autocommit=True,
        prepare_threshold=PREPARED_AFTER if may_prepare else None,
    )
    connection.answer_seconds = answer_seconds
    connection.adapters.register_loader("numeric", _Number)
    connection.adapters.register_dumper(str, _Text)
    return connection
