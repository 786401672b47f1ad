"""What the nodes of a cluster say of themselves: each by itself, and as one heartbeat of all."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ilios.cluster import nodes
from ilios.cluster.kinds import WORKERS
from ilios.core import clock
from ilios.core.bounded_calls import BoundedCall
from ilios.core.errors import DatabaseBusy
from ilios.db.database import Database
from ilios.db.models.cluster import Node
from ilios.engines.governor import BreakerState, GovernorState
from ilios.operations import heartbeat
from ilios.operations.heartbeat import BlockReason, Heartbeat, WorkerBeat

ANSWER_SECONDS: Final = 2.0  #: for which the database is waited for
_BY_SEVERITY: Final = (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED)


@dataclass(frozen=True, slots=True)
class NodeBeat:
    """A node that lives; `beat` is what its supervisor says, None for one without workers."""

    id: str
    name: str
    kind: str
    version: str
    is_drained: bool
    beat: Heartbeat | None

    @property
    def state(self) -> str:
        """What it does, in a word: `ok`, `drained`, or why it claims nothing."""
        if self.is_drained:
            return "drained"
        blocked = self.beat.claims_blocked if self.beat else None
        return blocked.value if blocked else "ok"


class ClusterBeats:
    """Reads them from the database, which is waited for only so long. For all threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked = BoundedCall(self._ask, ANSWER_SECONDS)

    def each(self) -> list[NodeBeat]:
        """Return the nodes that live, by name; none while the database does not answer."""
        try:
            return self._asked()
        except (SQLAlchemyError, DatabaseBusy, TimeoutError):
            return []

    def read(self) -> Heartbeat | None:
        """Return what all nodes with workers say; None without any, or a database that answers."""
        return together(self.each())

    def _ask(self) -> list[NodeBeat]:
        with self._database.reading() as session:  # which brings the time of the database
            return [_beat(node) for node in nodes.live(session, clock.now())]


def _beat(node: Node) -> NodeBeat:
    return NodeBeat(
        node.id,
        node.name,
        node.kind,
        node.version,
        node.drain_since is not None,
        heartbeat.of_fields(node.state) if node.kind == WORKERS and node.state else None,
    )


def together(found: Iterable[NodeBeat]) -> Heartbeat | None:
    """Return one heartbeat of all nodes with workers; None without any."""
    beats = [(one, one.beat) for one in found if one.beat is not None]
    if not beats:
        return None
    said = [beat for _, beat in beats]
    return Heartbeat(
        pid=0,
        beat_seconds=time.monotonic(),  # they live, by what they have said in the last seconds
        workers_configured=sum(beat.workers_configured for beat in said),
        workers_ready=sum(beat.workers_ready for beat in said),
        jobs_running=sum(beat.jobs_running for beat in said),
        guests_running=sum(beat.guests_running for beat in said),
        claims_blocked=_reason(said),
        provider=_provider(said),
        storage_fault=next((beat.storage_fault for beat in said if beat.storage_fault), None),
        governor=_governor([beat.governor for beat in said if beat.governor is not None]),
        provider_jobs=sum(beat.provider_jobs for beat in said),
        workers=tuple(_named(worker, one.name) for one, beat in beats for worker in beat.workers),
    )


def _reason(said: Sequence[Heartbeat]) -> BlockReason | None:
    """Return why no node claims; None while one does."""
    reasons = [beat.claims_blocked for beat in said]
    return None if None in reasons else reasons[0]


def _provider(said: Sequence[Heartbeat]) -> str:
    """Return what is the matter with the provider, by the first node that finds anything."""
    found = [beat.provider for beat in said if beat.provider != heartbeat.NOT_USED]
    return next((one for one in found if one != "ok"), "ok") if found else heartbeat.NOT_USED


def _governor(states: Sequence[GovernorState]) -> GovernorState | None:
    if not states:
        return None
    return GovernorState(
        min((state.breaker for state in states), key=_BY_SEVERITY.index),
        sum(state.allowed for state in states),
        sum(state.most for state in states),
        max(state.wait_seconds for state in states),
    )


def _named(worker: WorkerBeat, node: str) -> WorkerBeat:
    return replace(worker, name=f"{node}/{worker.name}")
