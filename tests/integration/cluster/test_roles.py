"""Roles that one process of all nodes has."""

from __future__ import annotations

import pytest

from ilios.cluster import roles
from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.postgres.database import PostgresDatabase
from ilios.webhooks.cluster_turn import ClusterTurn
from ilios.webhooks.turns import open_turn
from tests.integration.cluster.conftest import MakeNode


@pytest.fixture
def settings_of_node(node: MakeNode) -> Settings:
    return node("host-1")


def test_one_has_the_turn_until_it_gives_it_back(
    shared: PostgresDatabase, settings_of_node: Settings
) -> None:
    first, second = (open_turn(settings_of_node, shared) for _ in range(2))
    assert isinstance(first, ClusterTurn)
    assert first.take()
    assert not second.take()
    assert first.take()

    first.give_back()

    assert second.take()
    assert not first.take()


def test_a_lease_that_is_not_renewed_is_anothers(
    shared: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shared.writing() as session:
        now = clock.now()
        assert roles.take(session, roles.SENDER, "a" * 24, "host-1", now)
        assert not roles.take(session, roles.SENDER, "b" * 24, "host-2", now)

        assert roles.take(session, roles.SENDER, "b" * 24, "host-2", now + 2 * roles.LEASE)
        assert not roles.take(session, roles.SENDER, "a" * 24, "host-1", now + 2 * roles.LEASE)
