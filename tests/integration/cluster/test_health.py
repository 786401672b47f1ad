"""The health of a web node of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from datetime import timedelta

import pytest

from ilios.api.server.node_beats import NodeBeats
from ilios.cluster import membership, nodes
from ilios.cluster.kinds import WEB, WORKERS
from ilios.cluster.nodes import Said
from ilios.core import clock
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db.postgres.database import PostgresDatabase
from ilios.operations.beats import reader
from ilios.operations.cluster_health import ClusterExaminer
from ilios.operations.health import Health
from ilios.operations.heartbeat import BlockReason, Heartbeat, WorkerBeat, WorkerState
from ilios.operations.node_admin import NodeAdmin
from tests.integration.cluster.conftest import MakeNode

Examine = Callable[[], Health]
BEAT = Heartbeat(
    pid=1,
    beat_seconds=0.0,
    workers_configured=2,
    workers_ready=2,
    jobs_running=3,
    provider="ok",
    workers=(WorkerBeat("worker-0", WorkerState.READY, restarts=0),),
)


@pytest.fixture
def web(node: MakeNode) -> Settings:
    return node("web-1")


@pytest.fixture
def examine(web: Settings, shared: PostgresDatabase) -> Examine:
    return ClusterExaminer(web, shared, "configured", DiskReserve(web)).examine


def say(database: PostgresDatabase, settings: Settings, beat: Heartbeat, **more: object) -> None:
    """Let a node with workers say what it does."""
    said = Said(state={**asdict(beat), **more})
    with database.writing() as session:
        nodes.say(session, membership.identity(settings, WORKERS), said, clock.now())


def test_a_web_node_is_healthy_without_workers(examine: Examine) -> None:
    found = examine()

    assert (found.workers, found.cause, found.node) == ("none", None, "web-1")
    assert found.provider == "unknown"


def test_all_nodes_with_workers_are_one_to_clients(
    examine: Examine, node: MakeNode, shared: PostgresDatabase, web: Settings
) -> None:
    say(shared, node("worker-1"), BEAT)
    blocked = replace(BEAT, workers_ready=1, claims_blocked=BlockReason.STORE_UNREACHABLE)
    say(shared, node("worker-2"), blocked, of_a_newer_version="unknown here")

    found = examine()

    assert (found.workers, found.cause) == ("3 of 4 ready", None)
    assert found.claims_blocked is None  # one of them claims
    assert [(one.name, one.state) for one in found.nodes] == [
        ("worker-1", "ok"),
        ("worker-2", "store_unreachable"),
    ]
    together = reader(web, shared)()
    assert together is not None
    assert together.jobs_running == 6
    assert [one.name for one in together.workers] == ["worker-1/worker-0", "worker-2/worker-0"]


def test_a_web_node_says_that_it_lives_and_is_not_ready_once_it_is_drained(
    web: Settings, examine: Examine, shared: PostgresDatabase
) -> None:
    beats = NodeBeats(web)
    beats.beat()
    try:
        assert [(one.name, one.kind) for one in examine().nodes] == [("web-1", WEB)]
        assert not examine().is_drained

        NodeAdmin(shared).drain("web-1")

        assert examine().is_drained
        other = NodeBeats(web)  # of another process, which leaves it to the first
        other.beat()
        assert other._lock is None
    finally:
        beats._stopped.set()
        beats._database.close()


def test_a_silent_node_is_not_counted(
    examine: Examine, node: MakeNode, shared: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(shared, node("worker-1"), BEAT)
    later = clock.now() + nodes.SILENT + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    assert examine().workers == "none"


def test_a_database_that_does_not_answer_is_the_cause(web: Settings) -> None:
    with closing(PostgresDatabase("postgresql://127.0.0.1:1/none")) as absent:
        found = ClusterExaminer(web, absent, "configured", DiskReserve(web)).examine()

    assert found.cause is not None
    assert found.nodes == ()
    assert found.node == "web-1"
