"""Usage: exact sums, for each key and period."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from ilios.core import clock
from ilios.db.database import Database
from tests.support.api_callers import Caller, file
from tests.support.api_working import InTestWorker
from tests.support.issuing import issue


@pytest.fixture
def _some_usage(anna: Caller, worker: InTestWorker) -> None:
    anna.submit(b"one\ntwo\nthree")
    with worker.running():
        anna.post("/v1/convert", {"file": file(b"four")})


def summary(caller: Caller, query: str = "") -> dict[str, Any]:
    body: dict[str, Any] = caller.get(f"/api/usage/summary{query}").get_json()["summary"]
    return body


@pytest.mark.usefixtures("_some_usage")
def test_sums_are_exact_and_cents_are_rounded_once(anna: Caller) -> None:
    body = summary(anna)
    assert body.pop("totalOutputTokens") >= 0
    assert body == {
        "totalDocuments": 2,
        "totalOperations": 2,
        "totalPages": 4,
        "totalInputTokens": 0,
        "totalCostCents": 1,
        "totalCostUSD": "0.005200",
        "totalCostMicros": 5200,
        "ambiguousCalls": 0,
        "ambiguousPages": 0,
    }


def test_the_summary_shows_what_the_key_holds_and_may_hold(
    app: Flask, anna: Caller, database: Database
) -> None:
    team = Caller(app.test_client(), issue(database, storage_bytes=10**6).secret)
    team.submit(b"Hello")
    team.submit(b"Hello!")
    anna.submit(b"Hello")

    limits = team.get("/api/usage/summary").get_json()["limits"]

    assert limits == {
        "storageUsedBytes": 11 + 2 * 8192,
        "storageLimitBytes": 10**6,
        "waitingDocuments": 2,
        "waitingLimit": 10_000,
    }


@pytest.mark.usefixtures("_some_usage")
@pytest.mark.parametrize("group_by", ["operation", "model", "day"])
def test_a_breakdown_has_the_same_sums(anna: Caller, group_by: str) -> None:
    rows = anna.get(f"/api/usage/breakdown?groupBy={group_by}").get_json()["breakdown"]
    assert all(row[group_by] for row in rows)
    assert sum(row["totalCostMicros"] for row in rows) == 5200
    if group_by == "operation":
        assert [row["operation"] for row in rows] == ["convert", "convert-immediate"]


@pytest.mark.usefixtures("_some_usage")
def test_a_period_includes_its_last_day(anna: Caller) -> None:
    rows = anna.get("/api/usage/breakdown?groupBy=day").get_json()["breakdown"]
    days = sorted(date.fromisoformat(row["day"]) for row in rows)  # two, over midnight
    first, last = days[0], days[-1]
    before, behind = first - timedelta(days=1), last + timedelta(days=1)
    moment = clock.iso(clock.now() + timedelta(seconds=5))
    assert summary(anna, f"?startDate={first}&endDate={behind}")["totalPages"] == 4
    assert summary(anna, f"?endDate={last}")["totalPages"] == 4
    assert summary(anna, f"?endDate={before}")["totalPages"] == 0
    assert summary(anna, f"?startDate={behind}")["totalPages"] == 0
    assert summary(anna, f"?endDate={moment}")["totalPages"] == 4
    assert summary(anna, f"?startDate={moment}")["totalPages"] == 0


def test_filters_are_repeated_as_they_were_sent(anna: Caller) -> None:
    query = "?startDate=2026-01-01T10:00:00%2B01:00"
    body = anna.get(f"/api/usage/summary{query}").get_json()
    assert body["filters"] == {"startDate": "2026-01-01T10:00:00+01:00", "endDate": None}
