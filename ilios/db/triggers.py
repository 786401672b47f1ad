"""Triggers that the database keeps our rows with: those of one subject share the prefix of a name.

They are made at a start, not by migrations: one that makes a table anew leaves it without. All
functions take a connection of the driver, inside a transaction of the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def of_bodies(prefix: str, bodies: Mapping[str, str]) -> dict[str, str]:
    """Return name and SQL of each trigger, by what stands before and after its BEGIN."""
    return {
        prefix + head.split()[0]: f"CREATE TRIGGER {prefix}{head} BEGIN {body} END"
        for head, body in bodies.items()
    }


def are_installed(connection: Any, prefix: str, wanted: Mapping[str, str]) -> bool:
    """Return whether the triggers of a prefix are these, and no others."""
    return _present(connection, prefix) == wanted


def install(connection: Any, prefix: str, wanted: Mapping[str, str]) -> bool:
    """Make the triggers of a prefix, unless all are as they should be; return whether it did."""
    present = _present(connection, prefix)
    if present == wanted:
        return False
    for name in present:
        connection.execute(f"DROP TRIGGER {name}")
    for sql in wanted.values():
        connection.execute(sql)
    return True


def _present(connection: Any, prefix: str) -> dict[str, str]:
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE ? ESCAPE '\\'",
        (prefix.replace("_", "\\_") + "%",),
    ).fetchall()
    return dict(found)
