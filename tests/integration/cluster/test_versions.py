"""Versions next to each other on one database, and those that are too far from each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ilios.cluster import membership, nodes
from ilios.cluster.compatibility import NodesIncompatible
from ilios.cluster.joining import join
from ilios.cluster.kinds import WEB, WORKERS
from ilios.cluster.nodes import Said
from ilios.core import clock
from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db import schema_version
from ilios.db.models.cluster import COMPATIBILITY, LEAST_COMPATIBLE
from ilios.db.postgres.database import PostgresDatabase
from tests.integration.cluster.conftest import NEXT, Expand, MakeNode
from tests.support.migrating import alembic


@pytest.fixture
def settings_here(node: MakeNode) -> Settings:
    return node("host-1")


def test_a_node_works_on_the_schema_of_the_next_version_that_takes_it(
    settings_here: Settings, expand: Expand
) -> None:
    expand()

    schema_version.require_current(settings_here)
    join(settings_here, WEB)
    done = alembic(settings_here, "upgrade", "head")  # as each start of the service does

    assert done.returncode == 0, done.stderr
    schema_version.require_current(settings_here)


def test_a_schema_that_takes_this_version_no_more_is_refused(
    settings_here: Settings, expand: Expand
) -> None:
    expand(least_compatible=COMPATIBILITY + 1)

    with pytest.raises(DatabaseRefused, match=f"schema {NEXT}"):
        schema_version.require_current(settings_here)
    done = alembic(settings_here, "upgrade", "head")
    assert done.returncode == 1
    assert "newer than this version" in done.stderr


def test_a_schema_that_is_older_is_to_be_migrated_first(
    settings_here: Settings, shared: PostgresDatabase
) -> None:
    with shared.watching() as watch:
        watch.driver.execute("UPDATE alembic_version SET version_num = '0001'")

    with pytest.raises(DatabaseRefused, match="run `ilios migrate`"):
        schema_version.require_current(settings_here)


def say(shared: PostgresDatabase, other: Settings, compatibility: int) -> None:
    """Let another node live, of a version that may be another."""
    me = replace(membership.identity(other, WORKERS), version="0.9.0", compatibility=compatibility)
    with shared.writing() as session:
        nodes.say(session, me, Said(), clock.now())


def test_a_node_that_is_too_old_for_this_version_stops_a_start_and_a_migration(
    settings_here: Settings, node: MakeNode, shared: PostgresDatabase
) -> None:
    say(shared, node("host-2"), LEAST_COMPATIBLE - 1)

    with pytest.raises(NodesIncompatible, match=r"host-2 \(workers\) runs Ilios 0.9.0"):
        join(settings_here, WEB)

    with shared.watching() as watch:  # a database from before this version's last script
        watch.driver.execute("UPDATE alembic_version SET version_num = '0017'")
    done = alembic(settings_here, "upgrade", "head")
    assert done.returncode == 1
    assert "cannot go on with the schema of this version" in done.stderr


def test_a_node_of_the_version_before_does_not_stop_a_start(
    node: MakeNode, bucket: Mapping[str, object], shared: PostgresDatabase
) -> None:
    say(shared, node("host-2"), COMPATIBILITY)

    join(node("host-1", **bucket), WEB)
