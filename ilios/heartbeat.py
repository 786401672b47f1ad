"""What the supervisor says of itself once a second, for `/health` and for operators to read."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

STALE_SECONDS = 5.0
NOT_USED = "not used"  #: of the provider, while the embedded engine converts


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`beat_seconds` is the monotonic clock, which all processes of a machine share."""

    pid: int
    beat_seconds: float
    workers_configured: int
    workers_ready: int
    jobs_running: int
    provider: str = NOT_USED  #: what the governor makes of the provider
    provider_files_removed: int = 0  #: left-overs of ours, since the supervisor started
    storage_fault: str | None = None  #: of the object store; None while it answers
    turso: str | None = None  #: `ok`, or what is the matter; None when replication is off
    turso_lag_rows: int = 0  #: about how many changes Turso lacks
    turso_lag_seconds: float = 0.0  #: since when it lacks some

    @property
    def is_fresh(self) -> bool:
        return 0 <= time.monotonic() - self.beat_seconds < STALE_SECONDS


def write(path: Path, heartbeat: Heartbeat) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(heartbeat)))
    draft.replace(path)


def read(path: Path) -> Heartbeat | None:
    """The last heartbeat; None when there is none that can be read."""
    try:
        return Heartbeat(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
