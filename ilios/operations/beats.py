"""The heartbeat of the workers: of this host's supervisor, or of all nodes of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.operations import heartbeat
from ilios.operations.heartbeat import Heartbeat

ReadBeat = Callable[[], Heartbeat | None]
"""Returns the last heartbeat, which may be stale; None when there is none that can be read."""


def reader(settings: Settings, database: Database) -> ReadBeat:
    """Return what reads the heartbeat."""
    if not database.is_remote:
        return partial(heartbeat.read, data_folder.supervisor_state(settings))
    from ilios.operations.cluster_beats import ClusterBeats  # a single node has no use for it

    return ClusterBeats(database).read
