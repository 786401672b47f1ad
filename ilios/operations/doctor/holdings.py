"""What keys hold, as noted for their limits, against documents and pages. Only reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final

from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db import owner_totals, readonly, schema_version
from ilios.db.driver import sqlite
from ilios.db.models import REVISION
from ilios.operations.doctor.finding import Finding, error, ok, skipped

CHECK: Final = "stored bytes"


def examine(settings: Settings) -> Iterator[Finding]:
    """Count anew what each owner holds, and compare it with what submits are checked against."""
    path = settings.database_path
    if readonly.has_sidecar(path, "-journal"):  # a reader would have to roll it back, and write
        yield skipped(CHECK, "The database is being written just now, or its writer was killed.")
        return
    try:
        if schema_version.read(path).revision != REVISION:
            yield skipped(CHECK, "There is no database of this version to count in.")
            return
        with closing(readonly.open_file(path)) as connection:
            are_kept = owner_totals.are_installed(connection)
            wrong = len(owner_totals.differences(connection))
    except (DatabaseRefused, sqlite.DatabaseError):
        yield skipped(CHECK, "Repair the database first.")
        return
    if not are_kept:
        yield error(
            CHECK,
            "The database's triggers that keep the sums of what keys hold are not all there.",
            "Restart the service: a start makes them, and counts anew.",
        )
    elif wrong:
        yield error(
            CHECK,
            f"What {wrong} keys hold is noted wrongly, so that their limits are met too early or "
            "too late.",
            "Run: ilios keys recount",
        )
    else:
        yield ok(CHECK, "What keys hold is noted as their documents add up to.")
