"""Places in the code where a process is held, as ilios.core.failpoints has them."""

from __future__ import annotations

from pathlib import Path

import psutil

from tests.support.waiting import wait_until

HELD_TIMEOUT_S = 20.0


class SyncPoints:
    """Those of the processes that have `sync_variables` in their environment."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._sync = folder

    @property
    def sync_variables(self) -> dict[str, str]:
        return {"ILIOS_SYNC_POINTS": str(self._sync)}

    def arm(self, point: str) -> None:
        """Hold the next thread that comes there."""
        (self._sync / point).touch()

    def is_holding(self, point: str) -> bool:
        return any(self._sync.glob(f"{point}@*"))

    def held_at(self, point: str) -> psutil.Process:
        """Return the process that is held there, as soon as there is one."""
        wait_until(lambda: self.is_holding(point), HELD_TIMEOUT_S)
        (held,) = self._sync.glob(f"{point}@*")
        return psutil.Process(int(held.name.partition("@")[2]))

    def disarm(self) -> None:
        """Let everybody go on."""
        for path in self._sync.iterdir():
            path.unlink(missing_ok=True)
