"""`/metrics`: who may read it, and that its labels are bounded."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from ilios.accounts import keys
from ilios.accounts.keys import Scope, Terms
from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.core.telemetry import shared_counters
from ilios.db.database import Database
from ilios.operations import heartbeat
from ilios.operations.heartbeat import BlockReason, Heartbeat
from tests.support import documents
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY
from tests.support.issuing import issue

TOKEN = "scrape-me"
MakeApp = Callable[[Settings], Flask]


@pytest.fixture(autouse=True)
def _counts_of_its_own(settings: Settings) -> object:
    shared_counters.share(*data_folder.metrics(settings))
    yield
    shared_counters.close()


@pytest.fixture
def make_caller(make_app: MakeApp, settings: Settings) -> Callable[..., Caller]:
    def make(key: str | None = None, **changes: object) -> Caller:
        return Caller(make_app(settings.model_copy(update=changes)).test_client(), key)

    return make


def samples(caller: Caller) -> dict[tuple[str, frozenset[str]], float]:
    """Return what `/metrics` shows, by name and values of labels."""
    answer = caller.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def key_with(database: Database, scope: Scope) -> str:
    with database.writing() as session:
        secret = keys.new_secret()
        keys.create(session, Terms(scope.value, frozenset({scope})), secret, clock.now())
    return secret


def test_without_key_and_token_it_is_open(make_caller: Callable[..., Caller]) -> None:
    assert make_caller().get("/metrics").status_code == 200


@pytest.mark.parametrize("api_key", [None, SecretStr(KEY)])
@pytest.mark.parametrize(
    ("sent", "status"), [(TOKEN, 200), (None, 401), (KEY, 401), (TOKEN + "x", 401), ("ü", 401)]
)
def test_a_token_opens_it_and_nothing_else_does(
    make_caller: Callable[..., Caller], api_key: SecretStr | None, sent: str | None, status: int
) -> None:
    answer = make_caller(sent, metrics_token=SecretStr(TOKEN), api_key=api_key).get("/metrics")

    assert answer.status_code == status
    if status == 401:
        assert answer.content_type == "application/problem+json"
        assert answer.get_json()["code"] == "unauthorized"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("scope", "status"), [(Scope.ADMIN, 200), (Scope.READ, 401)])
def test_from_the_first_key_on_it_takes_keys_that_look_after_the_service(
    make_caller: Callable[..., Caller], database: Database, scope: Scope, status: int
) -> None:
    secret = key_with(database, scope)

    assert make_caller(None).get("/metrics").status_code == 401
    assert make_caller(secret).get("/metrics").status_code == status


def test_requests_are_counted_by_route_and_status_never_by_path(
    make_caller: Callable[..., Caller],
) -> None:
    caller = make_caller()
    for number in range(3):
        assert caller.get(f"/api/documents/status/{'a' * 23}{number}").status_code == 404
        assert caller.get(f"/wp-login-{number}.php").status_code == 404
    assert caller.call("PROPFIND", "/health").status_code == 405

    found = samples(caller)

    name = "ilios_http_requests_total"
    counted = {labels: n for (found_name, labels), n in found.items() if n and found_name == name}
    assert counted == {
        frozenset({"GET", "/api/documents/status/<id:document_id>", "404"}): 3,
        frozenset({"GET", "none", "404"}): 3,
        frozenset({"other", "none", "405"}): 1,
    }


def test_a_histogram_has_all_of_its_buckets_from_the_first_request_on(
    make_caller: Callable[..., Caller],
) -> None:
    caller = make_caller()
    caller.get("/livez")

    found = samples(caller)

    name = "ilios_http_request_seconds_bucket"
    shown = {labels - {"/livez"} for n, labels in found if n == name and "/livez" in labels}
    assert shown == {frozenset({le}) for le in ("0.005", "0.025", "0.1", "0.5", "2.5", "10.0",
                                                "60.0", "300.0", "+Inf")}  # fmt: skip


def test_queue_disk_and_supervisor_are_looked_up(
    make_caller: Callable[..., Caller],
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heartbeat, "STALE_SECONDS", 600.0)
    for _ in range(3):
        documents.add_document(database)
    beat = Heartbeat(
        1,
        time.monotonic(),
        2,
        1,
        0,
        claims_blocked=BlockReason.STORE_UNREACHABLE,
        provider="paused: 429",
        storage_fault="timeout",
    )
    heartbeat.write(data_folder.supervisor_state(settings), beat)

    free = [shutil.disk_usage(settings.data_folder).free]
    found = samples(make_caller())
    free.append(shutil.disk_usage(settings.data_folder).free)

    assert found["ilios_queue_jobs", frozenset({"ready"})] == 3
    assert found["ilios_queue_jobs", frozenset({"running"})] == 0
    assert found["ilios_queue_oldest_age_seconds", frozenset()] > 0
    assert found["ilios_governor_state", frozenset({"paused"})] == 1
    assert found["ilios_governor_state", frozenset({"ok"})] == 0
    assert found["ilios_worker_processes", frozenset({"ready"})] == 1
    assert {
        reason: value
        for reason in BlockReason
        if (value := found["ilios_claims_blocked", frozenset({reason})])
    } == {BlockReason.STORE_UNREACHABLE: 1}
    assert found["ilios_storage_up", frozenset()] == 0
    told = found["ilios_disk_free_bytes", frozenset()]
    assert 0.95 * min(free) <= told <= 1.05 * max(free)  # others write meanwhile


def test_a_dead_supervisor_and_a_broken_database_are_shown_not_answered_with_an_error(
    make_caller: Callable[..., Caller], settings: Settings
) -> None:
    caller = make_caller(TOKEN, metrics_token=SecretStr(TOKEN))
    settings.database_path.write_bytes(b"no database" * 1000)

    found = samples(caller)

    assert found["ilios_supervisor_up", frozenset()] == 0
    assert found["ilios_governor_state", frozenset({"unknown"})] == 1
    blocked = [value for (name, _), value in found.items() if name == "ilios_claims_blocked"]
    assert blocked == [0] * len(BlockReason)
    assert found["ilios_database_up", frozenset()] == 0


def test_what_keys_hold_is_summed_and_their_refusals_are_counted(
    make_app: MakeApp, settings: Settings, database: Database
) -> None:
    app = make_app(settings.model_copy(update={"metrics_token": SecretStr(TOKEN)}))
    full, other = (
        Caller(app.test_client(), issue(database, name, waiting_documents=1).secret)
        for name in ("full", "other")
    )
    for caller in (full, other):
        caller.submit(b"Hello")

    refused = full.post("/api/documents/submit", {"file": file(b"more")})
    found = samples(Caller(app.test_client(), TOKEN))

    assert refused.status_code == 429
    assert found["ilios_key_refusals_total", frozenset({"too_many_waiting"})] == 1
    assert found["ilios_key_stored_bytes", frozenset({"all"})] == 2 * (5 + 8192)
    assert found["ilios_key_stored_bytes", frozenset({"largest_key"})] == 5 + 8192
    assert found["ilios_key_waiting_documents", frozenset({"all"})] == 2
    assert found["ilios_key_waiting_documents", frozenset({"largest_key"})] == 1
