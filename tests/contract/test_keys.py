"""Keys that lack something: each refusal has a status, a code and a remedy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from pydantic import SecretStr

from ilios.accounts.key_admin import KeyAdmin
from ilios.accounts.keys import Scope
from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from tests.contract.problems import BATCH, CONVERT, ESTIMATE, SINGLE, SUBMIT, assert_problem
from tests.support.api_callers import Caller, file
from tests.support.api_working import InTestWorker
from tests.support.issuing import issue

UPLOAD = {"json": {"fileName": "a.txt", "fileSize": 5}}


@pytest.fixture
def holder(app: Flask, database: Database) -> Callable[..., Caller]:
    """Provide a caller with a key on terms of the test's own."""

    def make(name: str = "team", **terms: Any) -> Caller:
        return Caller(app.test_client(), issue(database, name, **terms).secret)

    return make


def test_every_route_says_whom_it_answers(app: Flask, nobody: Caller) -> None:
    documented = nobody.get("/openapi.json").get_json()["paths"]
    declared = set()
    for endpoint, view in app.view_functions.items():
        marks = [mark for mark in ("is_public", "guards_itself", "scope") if hasattr(view, mark)]
        assert len(marks) == 1, endpoint
        declared.add(getattr(view, "scope", None))
    assert declared == {None, *Scope}
    said = {
        operation.get("x-scope")
        for item in documented.values()
        for method, operation in item.items()
        if method != "parameters"
    }
    assert said == {None, "admin", "convert", "read"}


def test_a_key_that_may_only_read_sends_nothing(holder: Callable[..., Caller]) -> None:
    reader = holder(scopes=frozenset({Scope.READ}))

    for path in (*SINGLE, BATCH, ESTIMATE):
        answer = reader.post(path, {"files" if path == BATCH else "file": file()})
        assert_problem(answer, 403, "insufficient_scope", "`convert`", "ilios keys create")
    answer = reader.post("/api/documents/upload-url", **UPLOAD)
    assert_problem(answer, 403, "insufficient_scope", "`convert`")
    assert reader.get("/api/usage/summary").status_code == 200


def test_a_key_that_may_only_convert_reads_nothing(holder: Callable[..., Caller]) -> None:
    sender = holder(scopes=frozenset({Scope.CONVERT}))
    document_id = sender.submit()

    for path in (f"/api/documents/status/{document_id}", "/api/usage/summary"):
        assert_problem(sender.get(path), 403, "insufficient_scope", "`read`")


def test_revoked_expired_and_replaced_keys_say_so(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = KeyAdmin(database)
    soon = clock.now() + timedelta(hours=1)
    secrets = {name: issue(database, name).secret for name in ("gone", "replaced")}
    secrets["old"] = issue(database, "old", expires_at=soon).secret
    service.revoke("gone")
    service.rotate("replaced", grace=timedelta(hours=1))
    monkeypatch.setattr(clock, "now", lambda: soon + timedelta(minutes=1))

    expected = {"gone": "key_revoked", "old": "key_expired", "replaced": "key_expired"}
    for name, code in expected.items():
        answer = Caller(app.test_client(), secrets[name]).get("/api/usage/summary")
        assert_problem(answer, 401, code, "operator" if name != "replaced" else "new one")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_too_many_requests_say_when_to_come_again(holder: Callable[..., Caller]) -> None:
    caller = holder(requests_per_minute=2)
    first = caller.get("/api/usage/summary")
    assert first.headers["RateLimit-Policy"] == '"requests";q=2;w=60'
    assert first.headers["RateLimit"] == '"requests";r=1;t=60'
    caller.get("/api/usage/summary")

    refused = caller.post(SUBMIT, {"file": file()})

    assert_problem(refused, 429, "rate_limited", "2 requests in 60 seconds")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit"].startswith('"requests";r=0;t=')
    assert "RateLimit" in refused.headers["Access-Control-Expose-Headers"]


def test_keys_of_the_settings_have_no_rate(anna: Caller) -> None:
    assert "RateLimit" not in anna.get("/api/usage/summary").headers


@pytest.mark.parametrize("path", [SUBMIT, CONVERT, BATCH])
def test_used_up_pages_are_429_until_midnight(
    holder: Callable[..., Caller], nothing_is_kept: Callable[[], None], path: str
) -> None:
    caller = holder(pages_per_day=1)

    name = "files" if path == BATCH else "file"
    sent = {name: [file(b"1"), file(b"2")] if path == BATCH else file()}
    fields = {} if path == BATCH else {"pages": "1-2"}
    answer = caller.post(path, {**sent, **fields})

    assert_problem(answer, 429, "daily_pages_spent", "1 a day", "T00:00:00.000Z")
    assert 0 < int(answer.headers["Retry-After"]) <= 24 * 3600
    nothing_is_kept()


@pytest.fixture
def paying(make_app: Callable[[Settings], Flask], api_settings: Settings) -> Flask:
    changed = {"mistral_api_key": SecretStr("mistral")}
    return make_app(api_settings.model_copy(update=changed))


@pytest.mark.parametrize("path", [SUBMIT, CONVERT, BATCH])
def test_a_spent_budget_is_402(
    paying: Flask, database: Database, nothing_is_kept: Callable[[], None], path: str
) -> None:
    caller = Caller(paying.test_client(), issue(database, budget_micros_month=5199).secret)

    answer = caller.post(path, {"files" if path == BATCH else "file": file()})

    assert_problem(answer, 402, "budget_spent", "The month ends at", "larger budget")
    nothing_is_kept()


def test_a_completed_upload_is_admitted_like_a_submit(paying: Flask, database: Database) -> None:
    caller = Caller(paying.test_client(), issue(database, budget_micros_month=0).secret)
    offer = caller.post("/api/documents/upload-url", **UPLOAD).get_json()
    caller.put(offer["uploadUrl"].removeprefix("http://localhost"), b"Hello")

    answer = caller.post(f"/api/documents/upload-complete/{offer['id']}")

    assert_problem(answer, 402, "budget_spent")


@pytest.mark.parametrize("value", ["", "free", "-1", "1e3", "0.0000001", "1,5", "٣"])
def test_a_malformed_cost_limit_is_named(anna: Caller, value: str) -> None:
    for path in (*SINGLE, BATCH):
        sent = {"files" if path == BATCH else "file": file(), "maxCostUsd": value}
        assert_problem(anna.post(path, sent), 400, "invalid_maxCostUsd", "such as 0.25")


def test_a_cost_limit_that_cannot_be_kept_is_refused(
    paying: Flask, nothing_is_kept: Callable[[], None]
) -> None:
    anna = Caller(paying.test_client(), "key-of-anna")
    png = file(b"\x89PNG\r\n\x1a\n" + bytes(64), "a.png")

    below = anna.post(SUBMIT, {"file": png, "maxCostUsd": "0.005"})
    uncountable = anna.post(SUBMIT, {"file": file(), "maxCostUsd": "1"})

    assert_problem(below, 422, "cost_above_limit", "$0.0052", "$0.005", "Nothing was charged")
    assert_problem(uncountable, 422, "option_unavailable", "maxCostUsd", "eave it out")
    nothing_is_kept()


def test_a_conversion_that_ends_at_a_limit_has_the_status_of_the_limit(
    holder: Callable[..., Caller], worker: InTestWorker
) -> None:
    caller = holder(pages_per_day=2)
    worker.free()

    with worker.running():
        answer = caller.post(CONVERT, {"file": file(b"1\n2\n3"), "format": "json"})

    assert_problem(answer, 429, "daily_pages_spent", "2 a day")
    assert answer.get_json()["id"]
