"""What a start has to do with the cluster, where there is one; little is imported where not."""

from __future__ import annotations

import os

from ilios.core.errors import DatabaseBusy, DatabaseRefused
from ilios.core.settings import Settings


def join(settings: Settings, kind: str) -> None:
    """Check that this node may work beside those that live, and have the keys of the cluster.

    Do nothing on a single node, whose database is a SQLite file. Raises StartupError.
    """
    if settings.database_url is not None:
        from ilios.cluster import membership

        try:
            membership.join(settings, kind)
        except DatabaseBusy as error:
            raise DatabaseRefused(
                "The database of DATABASE_URL was lost, or was busy for too long, as this node "
                "joined the others: look after its server, and start again."
            ) from error


def require_no_cluster(settings: Settings) -> None:
    """Raise StartupError for a first start on a SQLite file with the bucket of a cluster.

    It is a node that was not told its database: what it takes in, no other node would know.
    """
    if settings.database_url is not None or settings.s3_bucket is None:
        return
    # A folder that is closed to us is taken for an empty one here: what opens it says so.
    if not os.path.exists(settings.database_path):  # noqa: PTH110  # which raises for the first
        from ilios.cluster import membership

        membership.require_no_cluster(settings)


def have_keys(settings: Settings) -> None:
    """Have the keys of the cluster, for a command on the machine of a node. Raises StartupError."""
    if settings.database_url is not None:
        from ilios.cluster import membership

        membership.have_keys(settings)
