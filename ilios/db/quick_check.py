"""SQLite's quick check of a file; of ours, of all tables but those of the search index.

A check of the whole file would have FTS5 go through its index, which takes fifteen seconds a GB,
and would call a database damaged whose index does not fit itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ilios.core.errors import DatabaseRefused
from ilios.db.search_index import INDEX, PREFIX

QUICK_CHECK: Final = "PRAGMA quick_check(1)"
"""Reads the whole file, and gives one row: `ok`, or what is wrong."""


def require_sound(path: Path, verdict: object) -> None:
    """Raise DatabaseRefused when QUICK_CHECK said anything but `ok` of a file."""
    if verdict != "ok":
        raise damaged(path, verdict)


def damaged(path: Path, cause: object) -> DatabaseRefused:
    """Return the error for a file that SQLite cannot read."""
    in_one_line = " ".join(str(cause).split())
    return DatabaseRefused(
        f"{path} cannot be read as a database ({in_one_line}): restore a backup, "
        "or name a new file, for example LOCAL_DB_PATH=/data/ilios-new.db."
    )


def first_fault(execute: Callable[[str], Any]) -> str:
    """Return `ok`, or what is wrong; `execute` runs a statement, and gives a cursor of its rows.

    Reads every table and its indexes.
    """
    pattern = PREFIX.replace("_", "\\_") + "%"
    tables = execute(
        "SELECT name FROM sqlite_master "  # noqa: S608  # a constant
        f"WHERE type = 'table' AND name NOT LIKE '{pattern}' ESCAPE '\\'"
    ).fetchall()
    for name in ("sqlite_schema", *(name for (name,) in tables)):
        verdict = str(execute(f'PRAGMA quick_check("{name}")').fetchall()[0][0])
        if verdict != "ok":
            return verdict
    return "ok"


def index_fault(execute: Callable[[str], Any]) -> str:
    """Return `ok`, or what is wrong with the search index. Takes seconds a GB."""
    return str(execute(f'PRAGMA quick_check("{INDEX.name}")').fetchall()[0][0])
