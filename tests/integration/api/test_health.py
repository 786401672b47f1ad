"""Health and probes."""

from __future__ import annotations

import time

import pytest

from ilios import data_folder, heartbeat
from ilios.heartbeat import Heartbeat
from ilios.settings import Settings
from tests.support.api_callers import Caller


@pytest.fixture
def _supervisor(api_settings: Settings) -> None:
    beat = Heartbeat(1, time.monotonic(), workers_configured=2, workers_ready=2, jobs_running=0)
    heartbeat.write(data_folder.supervisor_state(api_settings), beat)


@pytest.mark.usefixtures("_supervisor")
def test_a_service_with_a_supervisor_is_healthy(nobody: Caller) -> None:
    answer = nobody.get("/health")
    assert answer.status_code == 200
    body = answer.get_json()
    assert body.pop("timestamp").endswith("Z")
    assert body == {
        "status": "healthy",
        "services": {"database": "connected", "s3": "local", "workers": "ok", "queue": "ok"},
    }
    assert nobody.get("/readyz").status_code == 200


def test_without_a_supervisor_it_is_unhealthy_and_says_so(nobody: Caller) -> None:
    answer = nobody.get("/health")
    assert answer.status_code == 503
    assert answer.get_json()["status"] == "unhealthy"
    assert "supervisor" in answer.get_json()["cause"]
    assert nobody.get("/readyz").status_code == 503


def test_being_alive_needs_nothing(nobody: Caller) -> None:
    assert nobody.get("/livez").get_json() == {"status": "ok"}
