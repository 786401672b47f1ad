"""Checks of what stands in the rows of the database. They only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db import readonly, schema_version
from ilios.db.driver import sqlite
from ilios.db.driver_session import DriverSession
from ilios.db.models import REVISION
from ilios.operations.doctor import postgres
from ilios.operations.doctor.finding import Finding, skipped

Look = Callable[[Any], Finding]
"""Looks at a database through a connection that only reads."""


def examine(
    settings: Settings,
    check: str,
    look: Look,
    look_at_postgres: Callable[[DriverSession], Finding],
) -> Iterator[Finding]:
    """Yield what there is to say of a database of this version, or why it cannot be looked at.

    What triggers PostgreSQL has, ilios.operations.doctor.postgres looks at for all checks.
    """
    if settings.database_url is not None:
        yield postgres.looked_at(settings, check, look_at_postgres)
        return
    path = settings.database_path
    if readonly.has_sidecar(path, "-journal"):  # a reader would have to roll it back, and write
        yield skipped(check, "The database is being written just now, or its writer was killed.")
        return
    try:
        if schema_version.read(path).revision != REVISION:
            yield skipped(check, "There is no database of this version to look at.")
            return
        with closing(readonly.open_file(path)) as connection:
            yield look(connection)
    except (DatabaseRefused, sqlite.DatabaseError):
        yield skipped(check, "Repair the database first.")
