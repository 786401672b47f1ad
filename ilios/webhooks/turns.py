"""The turn to send: one process of a service has it, by a lock of its host or a lease."""

from __future__ import annotations

import os
from typing import Protocol

from ilios.core import data_folder
from ilios.core.processes import lock_file
from ilios.core.settings import Settings
from ilios.db.database import Database


class Turn(Protocol):
    """Taken by one process at a time. For one thread."""

    def take(self) -> bool:
        """Take the turn, or go on with it; return whether it is this process's."""

    def give_back(self) -> None:
        """Let another process have it at once."""


class HostTurn:
    """A lock of the data folder: it ends with its process."""

    def __init__(self, settings: Settings) -> None:
        self._path = data_folder.webhook_sender_lock(settings)
        self._lock: int | None = None

    def take(self) -> bool:
        """Take the lock, which is kept until it is given back."""
        if self._lock is None:
            try:
                self._lock = lock_file(self._path, 0)
            except BlockingIOError:
                return False
        return True

    def give_back(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def open_turn(settings: Settings, database: Database) -> Turn:
    """Return the turn among the processes of this service."""
    if not database.is_remote:
        return HostTurn(settings)
    from ilios.webhooks.cluster_turn import ClusterTurn  # a single node has no use for it

    return ClusterTurn(settings, database)
