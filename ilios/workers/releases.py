"""Jobs that are to go back to the queue: a dead worker's, a stop's, the last supervisor's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.queue.jobs import Lease
from ilios.workers import interrupted_jobs
from ilios.workers.dispatcher import Dispatcher


class PendingReleases:
    """Collects leases until the database takes them. Used by the supervisor's one thread only."""

    def __init__(
        self,
        settings: Settings,
        node: str,
        dispatcher: Dispatcher,
        is_alone: Callable[[], bool] = lambda: True,
    ) -> None:
        """`is_alone`: no other node of a cluster works on what waits, by settings of its own."""
        self._settings = settings
        self._node = node
        self._dispatcher = dispatcher
        self._is_alone = is_alone
        self._kept_path = data_folder.interrupted(settings)
        self._is_first = True
        self._lost: list[Lease] = []  #: begun by workers that died since: each costs an attempt
        self._unharmed: list[Lease] = []  #: never begun, or interrupted: these cost none

    def add_unharmed(self, leases: Iterable[Lease]) -> None:
        """Add jobs that were never begun, or that were interrupted by no fault of their own."""
        self._unharmed += leases

    def add_lost(self, leases: Iterable[Lease]) -> None:
        """Add jobs that a worker had begun when it died, and that may be the cause."""
        self._lost += leases

    def release(self) -> None:
        """Give all of them back; at first, what an earlier supervisor of this node held as well.

        What the database does not take stays here. Raises its errors.
        """
        if self._is_first:
            self._release_predecessor()
            self._is_first = False
        if self._lost:
            self._dispatcher.release_lost(self._lost)
            self._lost = []
        if self._unharmed:
            self._dispatcher.give_back(self._unharmed)
            self._unharmed = []

    def keep(self) -> None:
        """Note for the next supervisor which of them are to cost no attempt.

        Those that are lost stay under this node's name, and cost one; so do all on a full disk.
        """
        with contextlib.suppress(OSError):
            interrupted_jobs.keep(self._kept_path, self._unharmed)

    def forget(self) -> None:
        """Remove the note: nothing is left."""
        interrupted_jobs.forget(self._kept_path)

    def _release_predecessor(self) -> None:
        if kept := interrupted_jobs.kept(self._kept_path):
            self._dispatcher.give_back(kept)
        self.forget()
        self._dispatcher.release_node(self._node)
        # A restored database's are of the node that was lost.
        self._dispatcher.release_expired(clock.now())
        if self._is_alone():
            self._dispatcher.assign_lanes(self._settings)
            self._dispatcher.hasten_webhooks()
