"""`ilios nodes`, as operators run it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from ilios.cluster import membership, nodes
from ilios.cluster.kinds import WORKERS
from ilios.cluster.nodes import Said
from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db.postgres.database import PostgresDatabase
from tests.postgres_server.process import PostgresServer
from tests.support.commands import Operator


@pytest.fixture
def node(
    postgres_server: PostgresServer, postgres_template: str, tmp_path: Path
) -> Iterator[Settings]:
    """Provide a node that has just said that it lives."""
    with postgres_server.database(postgres_template) as name:
        url = postgres_server.url(name)
        settings = Settings(data_dir=tmp_path, database_url=SecretStr(url), node_name="host-1")
        data_folder.prepare(settings)
        with closing(PostgresDatabase(url)) as database, database.writing() as session:
            said = Said(state={"jobs_running": 3, "claims_blocked": None})
            nodes.say(session, membership.identity(settings, WORKERS), said, clock.now())
        yield settings
    clock.follow(None)


def test_nodes_are_listed_drained_and_resumed(node: Settings) -> None:
    operator = Operator(node)

    def state() -> str:
        (found,) = json.loads(operator.run("nodes", "list", "--json").stdout)["nodes"]
        assert (found["name"], found["kind"], found["jobs"]) == ("host-1", "workers", 3)
        return str(found["state"])

    assert state() == "ok"
    assert operator.run("nodes", "drain", "host-1").stdout.startswith("host-1 (workers) takes no")
    assert state() == "drained"
    assert "host-1" in operator.run("nodes", "list").stdout
    assert operator.run("nodes", "resume", "host-1").returncode == 0
    assert state() == "ok"


def test_a_name_that_no_node_has_is_refused_in_one_line(node: Settings) -> None:
    done = Operator(node).run("nodes", "drain", "host-9")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ilios: There is no node host-9: `ilios nodes list` has them all.\n"


def test_a_service_on_a_file_is_one_node(settings: Settings) -> None:
    done = Operator(settings).run("nodes", "list")

    assert done.returncode == 1
    assert "a service on a SQLite file is one node" in done.stderr
