"""The health of a node of a cluster: its own, and what the others say in the database."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ilios.cluster.kinds import WEB
from ilios.core import data_folder
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.operations.cluster_beats import ClusterBeats, together
from ilios.operations.health import Examiner, Health, workers_of
from ilios.operations.heartbeat import Heartbeat

NO_WORKERS: Final = "none"  #: of nodes with workers, which may come at any time


class ClusterExaminer(Examiner):
    """Examines what a web node needs, which is healthy without workers too: documents wait."""

    def __init__(
        self, settings: Settings, database: Database, storage_name: str, disk_reserve: DiskReserve
    ) -> None:
        self._beats = ClusterBeats(database)
        super().__init__(database, storage_name, self._beats.read, disk_reserve)
        self._name = settings.node
        self._id = data_folder.node_id(settings)

    def examine(self) -> Health:
        """Ask the database and the disk; take the rest from what the nodes have said last."""
        of_database = self._of_database()
        *_, fault = of_database
        live = self._beats.each() if fault is None else []
        is_drained = any(one.is_drained for one in live if (one.id, one.kind) == (self._id, WEB))
        found = self._health(of_database, together(live))
        return replace(found, node=self._name, nodes=tuple(live), is_drained=is_drained)

    def _workers(self, beat: Heartbeat | None) -> tuple[str, str | None]:
        return workers_of(beat) if beat is not None else (NO_WORKERS, None)
