"""The supervisor as a node of a cluster: its signs of life, and what it learns with them.

A single node has none of this. For the supervisor's one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from ilios.cluster import call_places, membership, nodes
from ilios.cluster.kinds import WORKERS
from ilios.cluster.nodes import BEAT_SECONDS, Said
from ilios.cluster.shared_governor import SharedGovernor
from ilios.core import clock
from ilios.core.owner_places import guest_places
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db.database import Database, Scope
from ilios.db.models.cluster import Node
from ilios.engines import registry
from ilios.operations.heartbeat import Heartbeat
from ilios.workers.pool import WorkerPool
from ilios.workers.start_gate import StartGate, jobs_of_provider

log = logs.get(__name__)

LANE: Final = registry.MISTRAL  #: of the calls that all nodes share


class ClusterNode:
    """This node, beside others: see ADR 0052."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        workers: WorkerPool,
        gate: StartGate,
        describe: Callable[[], Heartbeat],
    ) -> None:
        self._me = membership.identity(settings, WORKERS)
        self._settings = settings
        self._database = database
        self._workers = workers
        self._gate = gate
        self._describe = describe
        self._jobs_most = jobs_of_provider(settings) if gate.has_provider else 0
        self._calls_most = calls_of_provider(settings) if gate.has_provider else 0
        self._next_beat_at = 0.0
        self.has_company = False  #: other nodes with workers live, as of the last sign of life
        self._is_limited = False  #: likewise: somebody limits calls
        # Until it is known whether anybody limits calls, workers that are ready take no such jobs.
        self._workers.withhold_calls(LANE)

    def beat(self) -> None:
        """Give a sign of life when it is time, and take in what it brings.

        Raises the errors of the database: then this node knows no more what it may do, and is to
        claim nothing.
        """
        governor = self._gate.governor
        is_urgent = isinstance(governor, SharedGovernor) and governor.is_urgent
        if time.monotonic() < self._next_beat_at and not is_urgent:
            return
        with self._database.writing(Scope.ROWS) as session:
            drain_since, places = self._exchange(session, clock.now())
        self._next_beat_at = time.monotonic() + BEAT_SECONDS
        if isinstance(governor, SharedGovernor):
            governor.said()
        self._gate.note_drain(since=drain_since)
        self._is_limited = places is not None
        self._workers.limit_calls(LANE, places)

    def leave(self) -> None:
        """Say that this node ends: what it held is others' at once."""
        membership.leave(self._database, self._me)

    def _exchange(self, session: Session, now: datetime) -> tuple[datetime | None, int | None]:
        """Return since when an operator has drained this node, and the calls that it may make.

        Its row says all that its workers may still have in flight, also when they are to have less.
        """
        found = self._found(session, now)
        self.has_company = any(node.id != self._me.id for node in found)
        said = self._said()
        places = call_places.grant(found, self._me, said)
        held = self._calls_most
        if places is not None:
            held = max(places, self._workers.calls_held(LANE))
        drain_since = nodes.say(session, self._me, said.holding(held), now)
        governor = self._gate.governor
        if isinstance(governor, SharedGovernor):
            wanted = {node.id: node.jobs_most for node in found}
            governor.see(self._me.id, wanted | {self._me.id: said.jobs_most})
            governor.exchange(session)
        return drain_since, places

    def _found(self, session: Session, now: datetime) -> Sequence[Node]:
        """Return the nodes that live, which hold no more than they do now until the commit."""
        own = self._settings.provider_concurrency
        if not self._is_limited and own is None:
            found = nodes.holding(session, now)
            if call_places.limit_of(found, own) is None:
                return found
        call_places.lock(session)
        return nodes.holding(session, now)

    def _said(self) -> Said:
        calls = self._calls_most
        if not self._gate.may_claim:  # it finishes what it has begun
            calls = min(calls, self._workers.jobs_in(LANE))
        return Said(
            jobs_most=self._jobs_most if self._gate.may_claim else 0,
            calls_wanted=calls,
            calls_limit=self._settings.provider_concurrency,
            state=asdict(self._describe()),
        )


def calls_of_provider(settings: Settings) -> int:
    """Return how many calls these workers may have in flight, those of guests too."""
    calls = settings.worker_concurrency
    return settings.worker_count * (calls + guest_places(calls))
