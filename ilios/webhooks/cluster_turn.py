"""The turn to send among the processes of all nodes: a lease in the database, by its clock."""

from __future__ import annotations

import time

from ilios.cluster import roles
from ilios.cluster.roles import RENEW_SECONDS, SENDER
from ilios.core import clock, ids
from ilios.core.settings import Settings
from ilios.db.database import Database, Scope


class ClusterTurn:
    """A lease, which expires when its process renews it no more. For one thread."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._node = settings.node
        self._database = database
        self._holder = ids.new_id()
        self._renew_at = 0.0
        self._is_held = False

    def take(self) -> bool:
        """Take the lease, or renew it when it is time. Raises the errors of the database."""
        if self._is_held and time.monotonic() < self._renew_at:
            return True
        self._is_held = False  # unless the database says so
        with self._database.writing(Scope.ROWS) as session:
            is_held = roles.take(session, SENDER, self._holder, self._node, clock.now())
        self._is_held, self._renew_at = is_held, time.monotonic() + RENEW_SECONDS
        return is_held

    def give_back(self) -> None:
        if self._is_held:
            self._is_held = False
            with self._database.writing(Scope.ROWS) as session:
                roles.give_back(session, SENDER, self._holder)
