"""The messages between the replicator and its supervisor."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

OK: Final = "ok"


@dataclass(frozen=True, slots=True)
class ReplicatorStatus:
    """Sent up the pipe. `text` is `ok`, what is being done, or the fault."""

    text: str
    lag_rows: int  #: about how many changes the remote lacks
    converged_at: float  #: when it last lacked none; monotonic, which all processes share

    def lag_seconds(self) -> float:
        """Return for how long the remote has lacked a change; 0 when it lacks none."""
        return time.monotonic() - self.converged_at if self.lag_rows else 0.0


@dataclass(frozen=True, slots=True)
class Finish:
    """Sent down the pipe: send once more what there is, then end."""
