"""PostgreSQL's driver, psycopg, which comes with the extra `postgres` (ADR 0048)."""

from __future__ import annotations

from typing import Any, Final

from ilios.core.errors import DatabaseRefused

try:
    import psycopg
    import psycopg.abc
    import psycopg.types.string
except ModuleNotFoundError as error:
    raise DatabaseRefused(
        "DATABASE_URL is set, but the driver of PostgreSQL is not installed: "
        "install it with `pip install ilios[postgres]`, or unset DATABASE_URL."
    ) from error

__all__ = ["connect", "psycopg"]

DEFAULTS: Final[dict[str, Any]] = {
    "connect_timeout": 10,  # seconds
    "application_name": "ilios",
    "client_encoding": "UTF8",
}


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


def connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Open a connection, on which the driver begins no transaction of its own.

    What the URL says goes before the defaults here. Raises psycopg.OperationalError.
    """
    given = psycopg.conninfo.conninfo_to_dict(url)
    connection = psycopg.connect(
        psycopg.conninfo.make_conninfo(**(DEFAULTS | given)), autocommit=True
    )
    connection.adapters.register_loader("numeric", _Number)
    connection.adapters.register_dumper(str, _Text)
    return connection
