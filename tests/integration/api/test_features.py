"""What a service tells of itself agrees with what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from ilios.core.settings import Settings
from tests.contract.problems import assert_problem
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY

SCHEMA = '{"type": "object", "properties": {"total": {"type": "number"}}}'


def features(caller: Caller) -> dict[str, Any]:
    answer = caller.get("/api/features")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def test_the_embedded_engine_fills_in_no_schema(anna: Caller) -> None:
    body = features(anna)

    assert (body["engine"], body["model"]) == ("embedded", "embedded")
    assert not body["schema"]
    assert not body["providerBatches"]
    assert {"markdown", "html", "json", "zip", "pdf"} <= set(body["formats"])
    assert {".pdf", ".docx", ".doc", ".ppt", ".png"} <= set(body["accepts"])
    assert ".heic" not in body["accepts"]
    assert body["scopes"] == ["convert", "read"]
    refused = anna.post("/api/documents/submit", {"file": file(), "schema": SCHEMA})
    assert_problem(refused, 422, "option_unavailable", "schema")


def test_mistral_does(make_app: Callable[[Settings], Flask], api_settings: Settings) -> None:
    mistral = api_settings.model_copy(update={"ocr_engine": "mistral"})

    body = features(Caller(make_app(mistral).test_client(), KEY))

    assert (body["engine"], body["model"]) == ("mistral", mistral.ocr_model)
    assert body["schema"]
    assert body["providerBatches"]
    assert {".doc", ".heic", ".xls"} <= set(body["accepts"])


def test_the_bounds_are_those_that_are_kept(anna: Caller, api_settings: Settings) -> None:
    body = features(anna)

    assert body["maxFileBytes"] == api_settings.max_file_size_bytes
    assert body["maxBatchFiles"] == 100


def test_a_key_that_is_none_is_told(nobody: Caller) -> None:
    assert_problem(nobody.get("/api/features"), 401, "unauthorized")
