"""The heartbeat: a file in which the supervisor describes itself at least once per second."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from ilios.core.durable_files import replace
from ilios.engines.governor import GovernorState

STALE_SECONDS = 5.0
NOT_USED = "not used"  #: of the provider, while the embedded engine converts


class BlockReason(StrEnum):
    """Why no job starts; a provider's reasons block its lane only."""

    PAUSED = "paused"  #: `ilios queue pause`
    DRAINING = "draining"  #: the supervisor ends
    DISK_FULL = "disk_full"  #: less is free than the reserve, or a write found no room
    STORE_UNREACHABLE = "store_unreachable"
    PROVIDER_MISCONFIGURED = "provider_misconfigured"  #: no call can succeed
    PROVIDER_UNAVAILABLE = "provider_unavailable"  #: an outage, or a pause that it asked for
    DATABASE_BUSY = "database_busy"  #: the last attempt to claim found it locked or out of order


class WorkerState(StrEnum):
    STARTING = "starting"  #: the process runs, and has not reported yet that it can work
    READY = "ready"
    DOWN = "down"  #: the process has ended, and is started again after a pause


@dataclass(frozen=True, slots=True)
class WorkerBeat:
    """The state of a worker; `restarts` since the supervisor started."""

    name: str
    state: WorkerState
    restarts: int
    pid: int | None = None
    jobs: int = 0  #: that it holds
    slots: int = 0  #: that it can hold in ordinary places, of all lanes together
    up_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The state of a supervisor at `beat_seconds`.

    That is the monotonic clock, which all processes of a machine share.
    """

    pid: int
    beat_seconds: float
    workers_configured: int
    workers_ready: int
    jobs_running: int
    guests_running: int = 0  #: of those, beyond the ordinary places
    claims_blocked: BlockReason | None = None  #: None while jobs may start
    provider: str = NOT_USED  #: the governor's view of the provider: `ok`, or what is the matter
    storage_fault: str | None = None  #: of the object store; None while it answers
    governor: GovernorState | None = None  #: None while the embedded engine converts
    provider_jobs: int = 0  #: in flight, of those that the governor counts
    workers: tuple[WorkerBeat, ...] = ()
    turso: str | None = None  #: `ok`, or what is the matter; None when replication is off
    turso_lag_rows: int = 0  #: about how many changes Turso lacks
    turso_lag_seconds: float = 0.0  #: for how long it has lacked some

    @property
    def is_fresh(self) -> bool:
        return 0 <= time.monotonic() - self.beat_seconds < STALE_SECONDS


def write(path: Path, heartbeat: Heartbeat) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    replace(path, json.dumps(asdict(heartbeat)).encode())


def read(path: Path) -> Heartbeat | None:
    """Return the last heartbeat; None when there is none that can be read."""
    try:
        return _heartbeat(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def of_fields(given: dict[str, Any]) -> Heartbeat | None:
    """Return a heartbeat from what `asdict` made of it, in a version that may know more.

    None for one that lacks what this version needs.
    """
    governor = given.get("governor")
    try:
        return _heartbeat(
            **_known(Heartbeat, given)
            | {"workers": [_known(WorkerBeat, worker) for worker in given["workers"]]}
            | {"governor": _known(GovernorState, governor) if governor else None}
        )
    except (KeyError, TypeError, ValueError):
        return None


def _known(kind: Any, given: dict[str, Any]) -> dict[str, Any]:
    return {one.name: given[one.name] for one in fields(kind) if one.name in given}


def _heartbeat(
    *,
    workers: list[dict[str, Any]],
    governor: dict[str, Any] | None,
    claims_blocked: str | None,
    **plain: Any,
) -> Heartbeat:
    return Heartbeat(
        **plain,
        claims_blocked=BlockReason(claims_blocked) if claims_blocked else None,
        workers=tuple(WorkerBeat(**worker) for worker in workers),
        governor=GovernorState(**governor) if governor else None,
    )
