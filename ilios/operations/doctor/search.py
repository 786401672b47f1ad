"""The search index: is it there, does it fit itself, and how far is it? Only reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ilios.core.settings import Settings
from ilios.db import quick_check, search_backfill, search_index
from ilios.db.sqlite_database import dialect
from ilios.db.watch import Watch
from ilios.operations.doctor import rows
from ilios.operations.doctor.finding import Finding, error, ok, warning

CHECK: Final = "search index"


def examine(settings: Settings) -> Iterator[Finding]:
    """Have the index go through itself."""
    return rows.examine(settings, CHECK, _look, _of_postgres)


def _of_postgres(_connection: Any) -> Finding:
    return ok(CHECK, "PostgreSQL keeps it with the pages.")


def _look(connection: Any) -> Finding:
    if not search_index.is_installed(connection):
        return error(CHECK, "It is not all there.", "Restart the service: a start makes it.")
    fault = quick_check.index_fault(connection.execute)
    if fault != "ok":
        return error(CHECK, f"It does not fit itself: {fault}.", "Run: ilios search rebuild")
    if search_backfill.is_due(Watch(connection, dialect()), search_index.DOCUMENTS):
        return warning(
            CHECK,
            "It was made anew, and has not listed yet what it is to have.",
            "Let the service run: its workers do it bit by bit.",
        )
    ((waiting,),) = connection.execute("SELECT count(*) FROM search_pending").fetchall()
    if waiting:
        return warning(
            CHECK,
            f"{waiting} documents wait to be indexed, and are not found by all of their words.",
            "Let the service run: its workers do it bit by bit.",
        )
    return ok(CHECK, "It fits itself, and has all documents.")
