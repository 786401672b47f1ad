"""What a PostgreSQL database has to be for a service to work on it: ours, and of this version."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any, Final

from pydantic import SecretStr

from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db.models import REVISION
from ilios.db.postgres import (
    owner_totals,
    password_triggers,
    server_checks,
    versions,
    webhook_triggers,
)
from ilios.db.postgres.driver import connect
from ilios.db.revision import why_not_served

ANSWER_SECONDS: Final = 10.0  #: a start, and doctor, wait no longer

_REVISION: Final = "SELECT version_num FROM alembic_version"
_IS_OURS: Final = "SELECT to_regclass('alembic_version') IS NOT NULL"
_TRIGGERS: Final = """
    SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE NOT tgisinternal AND tgenabled <> 'D' AND relnamespace = current_schema()::regnamespace
"""
_INSTANCE: Final = "SELECT id FROM instance"


def connector(url: SecretStr, *, may_prepare: bool = True) -> Callable[[], Any]:
    """Return what opens a connection of the driver for a few questions."""
    return partial(
        connect, url.get_secret_value(), answer_seconds=ANSWER_SECONDS, may_prepare=may_prepare
    )


def require_current(settings: Settings, url: SecretStr) -> None:
    """Raise DatabaseRefused unless the server can be used and has the schema that this code knows.

    `url` is that of the server itself. One of a pooler has to lead to the same database.
    """
    name = server_checks.setting_of_server(settings)
    with closing(server_checks.opened(connector(url), name)) as connection:
        server_checks.require(connection, settings)
        found = revision(connection)
        if told := why_not_served(found):
            raise DatabaseRefused(f"The database of {name} {told}.")
        if found is not None and found > REVISION:
            versions.require_accepted(connection, name, found)
        elif found != REVISION:
            raise DatabaseRefused(
                f"The database of {name} has schema {found or 'none'}, this version needs "
                f"{REVISION}: run `ilios migrate`, or start the version that made it."
            )
        if settings.database_direct_url is not None and settings.database_url is not None:
            _require_same(connection, settings.database_url)


def revision(connection: Any) -> str | None:
    """Return the revision of a database's schema; None of one that has none."""
    if not _one(connection, _IS_OURS):
        return None
    found: str | None = _one(connection, _REVISION)
    return found


def missing_triggers(connection: Any) -> list[str]:
    """Return the names of our triggers that are not there."""
    rows = connection.execute(_TRIGGERS, prepare=False).fetchall()
    found = {name for (name,) in rows}
    modules = (owner_totals, webhook_triggers, password_triggers)
    wanted = (trigger.name for module in modules for trigger in module.triggers())
    return [name for name in wanted if name not in found]


def _require_same(direct: Any, pooled_url: SecretStr) -> None:
    open_pooled = connector(pooled_url, may_prepare=False)
    with closing(server_checks.opened(open_pooled, server_checks.URL)) as pooled:
        if revision(pooled) is None or _one(pooled, _INSTANCE) != _one(direct, _INSTANCE):
            raise DatabaseRefused(
                "DATABASE_URL and DATABASE_DIRECT_URL lead to two databases: name the same one in "
                "both, the second past the pooler."
            )


def _one(connection: Any, query: str) -> Any:
    row = connection.execute(query, prepare=False).fetchone()
    return None if row is None else row[0]
