"""Nodes with one thing wrong: a start says so in one line with the remedy, and the doctor too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from ilios.cluster import membership, nodes
from ilios.cluster.joining import join
from ilios.cluster.kinds import WORKERS
from ilios.cluster.nodes import Said
from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db.models.cluster import COMPATIBILITY, LEAST_COMPATIBLE
from ilios.db.postgres.database import PostgresDatabase
from ilios.storage.opening import open_store
from tests.integration.cluster.conftest import Expand, MakeNode
from tests.postgres_server.process import PostgresServer
from tests.support.api_server import free_port
from tests.support.commands import Operator

WEB_ALONE: Final = "web"
MIGRATE: Final = "migrate"
LONG: Final = timedelta(hours=1)


@dataclass
class Here:
    """A node that is in order, beside one that works; for a test to spoil."""

    operator: Operator
    other: Settings
    shared: PostgresDatabase
    server: PostgresServer
    expand: Expand
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def settings(self) -> Settings:
        return self.operator.settings

    def change(self, **settings: Any) -> None:
        self.operator.settings = self.settings.model_copy(update=settings)

    def say(self, **identity: Any) -> None:
        """Let the other node live, of a version that may be another."""
        me = replace(membership.identity(self.other, WORKERS), **identity)
        with self.shared.writing() as session:
            nodes.say(session, me, Said(), clock.now() + LONG)  # however long a start takes

    def execute(self, statement: str) -> None:
        with self.shared.watching() as watch:
            watch.driver.execute(statement)


Seed = Callable[[Here], None]


@pytest.fixture
def here(
    node: MakeNode,
    bucket: Mapping[str, object],
    shared: PostgresDatabase,
    postgres_server: PostgresServer,
    expand: Expand,
) -> Iterator[Here]:
    other, mine = (
        node(name, port=free_port(), web_concurrency=1, worker_count=1, **bucket)
        for name in ("host-2", "host-1")
    )
    join(other, WORKERS)
    settings = mine.model_copy(update={"log_format": "console"})
    trust = {"AWS_CA_BUNDLE": os.environ["AWS_CA_BUNDLE"]}
    open_store(settings)
    here = Here(Operator(settings, trust), other, shared, postgres_server, expand)
    with here.stack:
        yield here


def a_node_of_a_version_too_old(here: Here) -> None:
    here.say(version="0.0.9", compatibility=LEAST_COMPATIBLE - 1)


def a_node_of_a_version_too_new(here: Here) -> None:
    here.say(version="9.9.9", least_compatible=COMPATIBILITY + 1)


def a_schema_of_a_version_too_new(here: Here) -> None:
    here.expand(least_compatible=COMPATIBILITY + 1)


def a_schema_of_the_version_before(here: Here) -> None:
    here.execute("UPDATE alembic_version SET version_num = '0001'")


def a_copy_of_the_database_on_the_bucket(here: Here) -> None:
    url = here.settings.database_url
    assert url is not None
    name = url.get_secret_value().partition("@/")[2].partition("?")[0]
    here.shared.close()
    copy = here.stack.enter_context(here.server.database(name))
    here.change(database_url=SecretStr(url.get_secret_value().replace(name, copy)))


def a_node_that_was_not_told_the_database(here: Here) -> None:
    here.change(database_url=None, node_name=None)


def a_node_with_a_name_and_no_database(here: Here) -> None:
    here.change(database_url=None)


def a_second_node_without_the_bucket(here: Here) -> None:
    here.say()
    of_bucket = [name for name in Settings.model_fields if name.startswith(("s3_", "aws_"))]
    here.change(**{name: Settings.model_fields[name].default for name in of_bucket})


def a_copied_data_folder(here: Here) -> None:
    here.say(id=data_folder.node_id(here.settings), host="another")


def a_key_of_another_service(here: Here) -> None:
    data_folder.signing_key(here.settings).write_text("ab" * 32 + "\n")
    data_folder.signing_key(here.settings).chmod(0o600)


def a_pool_that_is_too_small(here: Here) -> None:
    here.change(database_pool_size=1)


REFUSED: Final = [
    (
        a_node_of_a_version_too_old,
        WORKERS,
        "Node host-2 (workers) runs Ilios 0.0.9, which cannot work beside",
        "Update it to the version in between, or stop it",
    ),
    (
        a_node_of_a_version_too_new,
        WEB_ALONE,
        "which cannot work beside 9.9.9 on node host-2",
        "Start that version here",
    ),
    (
        a_schema_of_a_version_too_new,
        WEB_ALONE,
        "which is newer than this version",
        "Start the newer version",
    ),
    (
        a_copy_of_the_database_on_the_bucket,
        WORKERS,
        "Another database with the same instance id works in the bucket",
        "Stop the other service, or restore into a bucket of its own",
    ),
    (
        a_node_that_was_not_told_the_database,
        MIGRATE,
        "DATABASE_URL is not set, and the nodes of a cluster work in the bucket",
        "Set DATABASE_URL as on those",
    ),
    (
        a_node_with_a_name_and_no_database,
        WORKERS,
        "NODE_NAME is set without DATABASE_URL",
        "set DATABASE_URL",
    ),
    (
        a_second_node_without_the_bucket,
        WORKERS,
        "Node host-2 works on the same database, and this one has no bucket",
        "Set S3_BUCKET as there",
    ),
    (
        a_copied_data_folder,
        WORKERS,
        "lives under the id of this data folder",
        "delete the file node-id",
    ),
    (
        a_key_of_another_service,
        WEB_ALONE,
        "holds a key that is not the one of this database",
        "a DATA_DIR of its own",
    ),
    (a_pool_that_is_too_small, WORKERS, "DATABASE_POOL_SIZE is '1'", "DATABASE_POOL_SIZE=5"),
]


@pytest.mark.parametrize(("seed", "command", "says", "remedy"), REFUSED)
def test_a_node_is_refused_in_one_line_with_the_remedy_and_the_doctor_finds_it_too(
    here: Here, seed: Seed, command: str, says: str, remedy: str
) -> None:
    seed(here)

    done = here.operator.run(command)
    diagnosis = here.operator.diagnosis()

    said = (done.stderr + done.stdout).splitlines()
    assert len(said) == 1, said
    assert done.returncode
    assert says in said[0]
    assert remedy.lower() in said[0].lower()
    found = ["{detail} {remedy}".format_map(one) for one in diagnosis.of("error")]
    assert any(says in one and remedy.lower() in one.lower() for one in found), found
    assert diagnosis.exit_code


@pytest.mark.parametrize("command", [WEB_ALONE, WORKERS])
def test_what_does_not_migrate_refuses_a_schema_of_before_and_no_database(
    here: Here, command: str, tmp_path: Path
) -> None:
    a_schema_of_the_version_before(here)
    (old,) = here.operator.run(command).stderr.splitlines()
    here.change(database_url=None, node_name=None, data_dir=tmp_path / "empty")
    (absent,) = here.operator.run(command).stderr.splitlines()

    assert "has schema 0001" in old
    assert "run `ilios migrate`" in old
    assert "or set DATABASE_URL, if this is a node of a cluster" in absent
