"""The table of nodes: who lives, by the database's clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from ilios.cluster import membership, nodes
from ilios.cluster.kinds import WEB, WORKERS
from ilios.cluster.nodes import GONE, SILENT, Identity, Said
from ilios.core import clock
from ilios.db.models.cluster import Node
from ilios.db.postgres.database import PostgresDatabase
from ilios.operations.node_admin import NodeAdmin, NodeNotFound
from ilios.queue import jobs
from tests.integration.cluster.conftest import MakeNode


@pytest.fixture
def me(node: MakeNode) -> Identity:
    return membership.identity(node("host-1"), WORKERS)


def say(database: PostgresDatabase, node: Identity, said: Said | None = None) -> bool:
    """Give a sign of life; return whether the node is drained."""
    with database.writing() as session:
        return nodes.say(session, node, said or Said(), clock.now()) is not None


def live(database: PostgresDatabase, within: timedelta = SILENT) -> list[Node]:
    with database.watching() as watch:
        return nodes.live(watch, clock.now(), within)


def age(database: PostgresDatabase, seconds: float) -> None:
    """Let all nodes have been silent for so long."""
    earlier = text("UPDATE nodes SET seen_at = seen_at - make_interval(secs => :seconds)")
    with database.writing() as session:
        session.execute(earlier, {"seconds": seconds})


def test_a_node_lives_as_long_as_it_says_so(shared: PostgresDatabase, me: Identity) -> None:
    say(shared, me, Said(jobs_most=4, state={"jobs_running": 2}))
    (found,) = live(shared)
    assert (found.id, found.name, found.kind, found.jobs_most) == (me.id, "host-1", WORKERS, 4)
    assert found.state == {"jobs_running": 2}

    age(shared, SILENT.total_seconds())

    assert live(shared) == []
    assert [one.id for one in live(shared, GONE)] == [me.id]
    say(shared, me)
    assert [one.id for one in live(shared)] == [me.id]


def test_what_a_silent_node_held_is_others_when_its_jobs_are() -> None:
    assert jobs.LEASE == GONE


def test_web_and_workers_of_one_data_folder_are_two_nodes(
    shared: PostgresDatabase, me: Identity
) -> None:
    say(shared, me)
    say(shared, replace(me, kind=WEB))

    assert [one.kind for one in live(shared)] == [WEB, WORKERS]
    with shared.watching() as watch:
        assert [one.kind for one in nodes.holding(watch, clock.now())] == [WORKERS]


def test_a_node_that_leaves_is_gone_at_once(shared: PostgresDatabase, me: Identity) -> None:
    say(shared, me)

    membership.leave(shared, me)

    assert live(shared, GONE) == []


def test_a_drained_node_is_told_so_until_it_is_resumed_also_after_a_restart(
    shared: PostgresDatabase, me: Identity
) -> None:
    admin = NodeAdmin(shared)
    assert not say(shared, me)

    assert [one.name for one in admin.drain("host-1")] == ["host-1"]

    assert say(shared, me)
    membership.leave(shared, me)
    assert live(shared, GONE) == []
    assert say(shared, replace(me, started_at=clock.now()))
    admin.resume(me.id)
    assert not say(shared, me)


def test_a_node_that_nobody_knows_cannot_be_drained(shared: PostgresDatabase) -> None:
    with pytest.raises(NodeNotFound, match="no node host-9"):
        NodeAdmin(shared).drain("host-9")


def test_nodes_of_long_ago_are_forgotten(shared: PostgresDatabase, me: Identity) -> None:
    say(shared, me)
    age(shared, 2 * 86_400)
    say(shared, replace(me, id="c" * 24))

    NodeAdmin(shared).drain("c" * 24)

    assert [one.id for one in live(shared, timedelta(days=9))] == ["c" * 24]
