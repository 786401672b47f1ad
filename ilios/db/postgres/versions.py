"""Which versions of Ilios a schema takes, so that two of them may work on one database for a while.

What they do beside the schema, ilios.cluster.compatibility compares.
"""

from __future__ import annotations

from typing import Any, Final

from ilios.core.errors import DatabaseRefused
from ilios.db.models import REVISION
from ilios.db.models.cluster import COMPATIBILITY, LEAST_COMPATIBLE

_HAS_NODES: Final = "SELECT to_regclass('nodes') IS NOT NULL"
_LEAST: Final = "SELECT least_compatible FROM cluster"
_REVISION: Final = "SELECT version_num FROM alembic_version"
_TOO_OLD: Final = (
    "SELECT name, kind, version FROM nodes WHERE compatibility < %s "
    "AND seen_at > clock_timestamp() - interval '60 seconds' ORDER BY name LIMIT 1"
)


def is_newer_and_takes_us(connection: Any, revision: str | None) -> bool:
    """Return whether a schema is that of a newer version, and takes nodes of this one.

    Takes a connection of the driver, as all functions here.
    """
    if revision is None or revision <= REVISION or not _one(connection, _HAS_NODES):
        return False
    least = _one(connection, _LEAST)
    return least is not None and least <= COMPATIBILITY


def require_accepted(connection: Any, name: str, revision: str | None) -> None:
    """Raise DatabaseRefused for a schema that this version neither knows nor may work on."""
    if not is_newer_and_takes_us(connection, revision):
        raise DatabaseRefused(
            f"The database of {name} has schema {revision}, which is newer than this version "
            "of Ilios: start the newer version, or restore the backup made before the upgrade."
        )


def require_followers(connection: Any) -> None:
    """Raise DatabaseRefused if a node lives that could not go on with this version's schema."""
    if _one(connection, _REVISION) == REVISION or not _one(connection, _HAS_NODES):
        return
    found = connection.execute(_TOO_OLD, (LEAST_COMPATIBLE,), prepare=False).fetchone()
    if found is not None:
        name, kind, version = found
        raise DatabaseRefused(
            f"Node {name} ({kind}) runs Ilios {version}, which cannot go on with the schema of "
            "this version: update it to the version in between, or stop it, first. One that was "
            "killed counts for a minute."
        )


def _one(connection: Any, query: str) -> Any:
    row = connection.execute(query, prepare=False).fetchone()
    return None if row is None else row[0]
