"""Web nodes, each with a data folder of its own, and workers that come later on another."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing

import pytest
import requests
from pydantic import SecretStr

from ilios.core.settings import Settings
from ilios.db.postgres.database import PostgresDatabase
from ilios.operations.node_admin import NodeAdmin
from tests.integration.cluster.conftest import MakeNode
from tests.support.api_server import PATIENT, Server, free_port
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

TIMEOUT_S = 60.0


@pytest.fixture
def trust(bucket: Mapping[str, object]) -> Mapping[str, str]:
    assert bucket
    return {"AWS_CA_BUNDLE": os.environ["AWS_CA_BUNDLE"]}


@pytest.fixture
def web(
    node: MakeNode, bucket: Mapping[str, object], trust: Mapping[str, str]
) -> Iterator[tuple[Server, Server]]:
    with ExitStack() as stack:

        def serve(name: str) -> Server:
            settings = node(
                name,
                port=free_port(),
                web_concurrency=1,
                api_key=SecretStr("key-a"),
                metrics_token=SecretStr("scrape"),
                **bucket,
            )
            server = Server(settings, PATIENT, trust)
            stack.enter_context(closing(server))
            return server

        yield serve("web-1"), serve("web-2")


def get(server: Server, path: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {'scrape' if path == '/metrics' else 'key-a'}"}
    return requests.get(server.url + path, headers=headers, timeout=TIMEOUT_S)


def test_what_one_web_node_takes_in_workers_convert_and_the_other_serves(
    web: tuple[Server, Server],
    node: MakeNode,
    bucket: Mapping[str, object],
    trust: Mapping[str, str],
    shared: PostgresDatabase,
) -> None:
    first, second = web
    health = get(first, "/health").json()
    assert (health["status"], health["services"]["workers"]) == ("healthy", "none")
    assert health["node"] == "web-1"
    sent = requests.post(
        first.url + "/api/documents/submit",
        headers={"Authorization": "Bearer key-a"},
        files={"file": ("page.txt", b"Hello from the first node")},
        timeout=TIMEOUT_S,
    ).json()

    settings: Settings = node("worker-1", worker_count=1, **bucket)
    with closing(SupervisorProcess(settings, "real", variables=trust)):
        wait_until(
            lambda: (
                get(second, f"/api/documents/status/{sent['id']}").json()["status"] == "completed"
            ),
            TIMEOUT_S,
        )
        assert "Hello from the first node" in get(second, f"/api/documents/{sent['id']}").text
        wait_until(
            lambda: (
                {one["name"] for one in get(second, "/health").json()["nodes"]}
                == {"web-1", "web-2", "worker-1"}
            ),
            TIMEOUT_S,
        )
        assert 'ilios_node_up{kind="workers",node="worker-1"} 1.0' in get(second, "/metrics").text

    NodeAdmin(shared).drain("web-2")
    assert get(second, "/readyz").status_code == 503
    assert get(first, "/readyz").status_code == 200
    second.stop()
    assert '"node":"web-2"' in second.log_path.read_text().replace(" ", "")
    for server in web:
        assert not list(server.settings.data_folder.rglob("*.db*"))
