"""Health and probes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.operations import heartbeat
from ilios.operations.heartbeat import BlockReason, Heartbeat
from tests.support.api_callers import Caller

BEAT = Heartbeat(1, 0, workers_configured=2, workers_ready=2, jobs_running=0)


@pytest.fixture
def beat(api_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have a supervisor say something of itself, which holds for as long as a test takes."""
    monkeypatch.setattr(heartbeat, "STALE_SECONDS", 600.0)

    def beat(**fields: Any) -> None:
        said = replace(BEAT, beat_seconds=time.monotonic(), **fields)
        heartbeat.write(data_folder.supervisor_state(api_settings), said)

    return beat


def test_a_service_with_a_supervisor_is_healthy(nobody: Caller, beat: Callable[..., None]) -> None:
    beat()

    answer = nobody.get("/health")
    assert answer.status_code == 200
    body = answer.get_json()
    assert body.pop("timestamp").endswith("Z")
    assert body == {
        "status": "healthy",
        "services": {
            "database": "connected",
            "s3": "local",
            "workers": "ok",
            "queue": "ok",
            "provider": "not used",
            "disk": "ok",
            "search": "ok",
        },
        "claimsBlocked": None,
    }
    assert nobody.get("/readyz").status_code == 200


def test_a_fault_of_the_provider_is_named_and_makes_nothing_unhealthy(
    nobody: Caller, beat: Callable[..., None]
) -> None:
    fault = "misconfigured: Mistral refuses MISTRAL_API_KEY (401)."
    beat(provider=fault)

    answer = nobody.get("/health")

    assert answer.status_code == 200
    assert answer.get_json()["status"] == "healthy"
    assert answer.get_json()["services"]["provider"] == fault


def test_a_fault_of_the_object_store_is_named_and_makes_nothing_unhealthy(
    nobody: Caller, beat: Callable[..., None]
) -> None:
    beat(storage_fault="The object store has no bucket documents.")

    answer = nobody.get("/health")

    assert answer.status_code == 200
    body = answer.get_json()
    assert body["status"] == "healthy"
    assert body["services"]["s3"] == "unavailable: The object store has no bucket documents."


@pytest.mark.parametrize("reason", BlockReason)
def test_the_reason_why_no_job_starts_is_named_and_makes_nothing_unhealthy(
    nobody: Caller, beat: Callable[..., None], reason: BlockReason
) -> None:
    beat(claims_blocked=reason)

    answer = nobody.get("/health")

    assert answer.status_code == 200
    assert answer.get_json()["status"] == "healthy"
    assert answer.get_json()["claimsBlocked"] == reason.value


def test_what_turso_lacks_is_said_and_makes_nothing_unhealthy(
    nobody: Caller, beat: Callable[..., None]
) -> None:
    beat(turso="unreachable", turso_lag_rows=7, turso_lag_seconds=12.34)

    answer = nobody.get("/health")

    assert answer.status_code == 200
    assert answer.get_json()["services"]["turso"] == "unreachable"
    assert answer.get_json()["replication"] == {"lagRows": 7, "lagSeconds": 12.3}


def test_without_a_supervisor_it_is_unhealthy_and_says_so(nobody: Caller) -> None:
    answer = nobody.get("/health")
    assert answer.status_code == 503
    assert answer.get_json()["status"] == "unhealthy"
    assert "supervisor" in answer.get_json()["cause"]
    assert answer.get_json()["claimsBlocked"] is None
    assert nobody.get("/readyz").status_code == 503


def test_being_alive_needs_nothing(nobody: Caller) -> None:
    assert nobody.get("/livez").get_json() == {"status": "ok"}
