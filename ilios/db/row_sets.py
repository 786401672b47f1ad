"""One statement of PostgreSQL for many rows: they come as a list in JSON.

Made of the text of an INSERT or UPDATE of one row, whose placeholders become columns of the list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, LargeBinary, String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

ROWS: Final = "rows_of_it"  #: the parameter that has the list
ROWS_MAX: Final = 500  #: of one statement; more go one by one
CHARACTERS_MAX: Final = 1024 * 1024  #: of the list likewise: the server takes it apart in memory
_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s")
_NUL: Final = r"\u0000"


def statement(sql: str, types: Mapping[str, TypeEngine[Any]], dialect: Dialect) -> str | None:
    """Return the statement for many rows, by that for one and the types of its parameters.

    None for one whose parameters JSON has no words for.
    """
    is_one_that_may = sql.startswith(("INSERT", "UPDATE"))
    if not is_one_that_may or any(isinstance(_of(t, dialect), LargeBinary) for t in types.values()):
        return None
    listed = ", ".join(f'"{name}" {_named(type_, dialect)}' for name, type_ in types.items())
    source = f"FROM json_to_recordset(CAST(%({ROWS})s AS json)) AS given ({listed})"
    sql = " ".join(sql.split())
    if sql.startswith("INSERT"):
        at = _at(sql, " VALUES (")
        start = at + len(" VALUES (")
        end = start + _at(sql[start:] + ")", ")")
        head, values, tail = sql[:at], sql[start:end], sql[end + 1 :]
        return f"{head} SELECT {_of_rows(values, types)} {source}{_of_rows(tail, types)}"
    at = _at(sql, " WHERE ")
    return f"{_of_rows(sql[:at], types)} {source}{_of_rows(sql[at:], types)}"


def is_json(type_: TypeEngine[Any], dialect: Dialect) -> bool:
    """Return whether a value of this type goes into the list as it is."""
    return isinstance(_of(type_, dialect), JSON)


def encoded(rows: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the list; None for rows that have what JSON, or PostgreSQL's, cannot say.

    Also for what is too long to be one.
    """
    try:
        text = _ENCODER.encode(list(rows))
    except ValueError:  # not a number
        return None
    return None if len(text) > CHARACTERS_MAX or _NUL in text else text


def _as_text(value: Any) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no value of a list in JSON")


_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_text
)


def _of_rows(sql: str, types: Mapping[str, Any]) -> str:
    """Return SQL with columns of the list for its placeholders, but for those of constants."""

    def replaced(found: re.Match[str]) -> str:
        return f'given."{found[1]}"' if found[1] in types else found[0]

    return _PLACEHOLDER.sub(replaced, sql)


def _at(sql: str, word: str) -> int:
    """Return where a word stands outside of any brackets and texts."""
    depth, in_text = 0, False
    for place, letter in enumerate(sql):
        if not depth and not in_text and sql.startswith(word, place):
            return place
        if letter == "'":
            in_text = not in_text
        elif not in_text:
            depth += (letter == "(") - (letter == ")")
    raise ValueError(f"no {word.strip()} in a statement for many rows")


def _named(type_: TypeEngine[Any], dialect: Dialect) -> str:
    if isinstance(_of(type_, dialect), String):  # an Enum is one, too
        return "text"
    return dialect.type_compiler_instance.process(type_)


def _of(type_: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    """Return the type that is the database's."""
    found = type_.dialect_impl(dialect)
    return getattr(found, "impl_instance", found)
