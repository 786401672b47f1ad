"""What the replicator says of itself, up the pipe."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

OK: Final = "ok"


@dataclass(frozen=True, slots=True)
class ReplicatorStatus:
    """`text` is `ok`, what is being done, or what is the matter."""

    text: str
    lag_rows: int  #: about how many changes the remote lacks
    converged_at: float  #: when it last lacked none; monotonic, which all processes share

    def lag_seconds(self) -> float:
        """For how long the remote has lacked something."""
        return time.monotonic() - self.converged_at if self.lag_rows else 0.0


@dataclass(frozen=True, slots=True)
class Finish:
    """Down: send once more what there is, then end."""
