"""`/metrics` of a worker node."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests
from pydantic import SecretStr

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.operations import heartbeat
from ilios.operations.heartbeat import Heartbeat
from ilios.workers.metrics_server import MetricsServer
from tests.support.api_server import free_port
from tests.support.waiting import wait_until

TIMEOUT_S = 20.0
SCRAPER = {"Authorization": "Bearer scrape"}


@pytest.fixture
def node(settings: Settings) -> Settings:
    return settings.model_copy(update={"metrics_token": SecretStr("scrape")})


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def server(node: Settings, port: int) -> Iterator[MetricsServer]:
    server = MetricsServer(node, port)
    server.start()
    yield server
    server.stop()


def get(port: int, path: str = "/metrics", **headers: str) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=TIMEOUT_S)


def answers(port: int) -> bool:
    try:
        return get(port, **SCRAPER).ok
    except requests.ConnectionError:
        return False


def test_it_says_what_the_supervisor_says_and_what_the_workers_count(
    server: MetricsServer, node: Settings, port: int
) -> None:
    beat = Heartbeat(
        pid=1,
        beat_seconds=time.monotonic(),
        workers_configured=2,
        workers_ready=1,
        jobs_running=3,
    )
    heartbeat.write(data_folder.supervisor_state(node), beat)
    wait_until(lambda: answers(port), TIMEOUT_S)

    found = get(port, **SCRAPER)

    assert found.headers["Content-Type"].startswith("text/plain")
    assert 'ilios_worker_processes{state="ready"}' in found.text
    assert "ilios_disk_free_bytes" in found.text
    assert "ilios_conversions_failed_total" in found.text


def test_nobody_else_is_answered(server: MetricsServer, port: int) -> None:
    wait_until(lambda: answers(port), TIMEOUT_S)

    assert get(port).status_code == 401
    assert get(port, Authorization="Bearer other").status_code == 401
    assert get(port, "/", **SCRAPER).status_code == 404


def test_another_worker_answers_when_the_one_with_the_port_ends(
    server: MetricsServer, node: Settings, port: int
) -> None:
    wait_until(lambda: answers(port), TIMEOUT_S)
    second = MetricsServer(node, port)
    second.start()

    server.stop()

    wait_until(lambda: answers(port), TIMEOUT_S)
    second.stop()
