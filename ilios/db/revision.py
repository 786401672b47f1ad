"""The revision of an open database, for what is made after all migrations and not by one."""

from __future__ import annotations

from typing import Any

from ilios.db.models import REVISION


def is_newest(connection: Any) -> bool:
    """Return whether a database has the newest schema; `connection` is one of the driver."""
    named = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
    if not connection.execute(named).fetchall():
        return False
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return bool(found == (REVISION,))
