"""The forms that clients send, and what a refusal of them looks like."""

from __future__ import annotations

from typing import Any

from werkzeug.test import TestResponse

SUBMIT, CONVERT, BATCH = "/api/documents/submit", "/v1/convert", "/v1/batch/submit"
ESTIMATE = "/v1/estimate"
SINGLE = (SUBMIT, CONVERT)
ONE_FILE = (*SINGLE, ESTIMATE)
FORMS = (*ONE_FILE, BATCH)


def assert_problem(answer: TestResponse, status: int, code: str, *words: str) -> dict[str, Any]:
    """Check that the answer is a complete problem document whose sentence has these words."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    body: dict[str, Any] = answer.get_json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["type"].endswith(code)
    assert body["error"] == body["title"]
    assert body["details"] == body["detail"]
    assert body["requestId"] == answer.headers["X-Request-ID"]
    assert body["instance"]
    for word in words:
        assert word in body["detail"]
    return body
