"""Headers that every answer carries."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from ilios.core.settings import Settings
from tests.support.api_callers import Caller

ORIGIN = {"Origin": "https://app.example.com"}


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/api/usage/summary", "/v1/convert", "/"])
def test_a_sane_request_id_is_kept_and_another_is_replaced(nobody: Caller, path: str) -> None:
    kept = nobody.get(path, headers={"X-Request-ID": "client-1.a_B"})
    assert kept.headers["X-Request-ID"] == "client-1.a_B"
    for odd in ("", "a b", "x" * 101, "<script>", "ä"):
        made = nobody.get(path, headers={"X-Request-ID": odd}).headers["X-Request-ID"]
        assert made != odd
        assert len(made) == 24


def test_any_origin_may_call_by_default(nobody: Caller) -> None:
    for path in ("/health", "/nowhere", "/api/usage/summary"):
        answer = nobody.get(path, headers=ORIGIN)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "X-Document-Id" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_preflight_needs_no_key(nobody: Caller) -> None:
    headers = {**ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = nobody.call("OPTIONS", "/v1/convert", headers=headers)
    assert answer.status_code == 204
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]


def test_named_origins_are_the_only_ones(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    listed = settings.model_copy(update={"cors_origins": "https://app.example.com"})
    caller = Caller(make_app(listed).test_client(), None)

    named = caller.get("/health", headers=ORIGIN)
    unlisted = caller.get("/health", headers={"Origin": "https://evil.example"})

    assert named.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "Access-Control-Allow-Origin" not in unlisted.headers
    assert "Origin" in unlisted.headers["Vary"]


def test_nothing_is_sniffed_framed_or_run(app: Flask, nobody: Caller) -> None:
    paths = [rule.rule for rule in app.url_map.iter_rules() if "<" not in rule.rule]
    assert {"/", "/docs", "/health", "/v1/convert"} <= set(paths)
    for path in (*paths, "/nowhere", "/assets/site/page/main.js"):
        for method in ("GET", "POST", "OPTIONS"):
            headers = nobody.call(method, path).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert headers["Cache-Control"]


def test_pages_run_no_inline_code(nobody: Caller) -> None:
    for path in ("/", "/docs"):
        answer = nobody.get(path)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert "<style" not in answer.text
        assert " style=" not in answer.text
        assert "<script>" not in answer.text
