"""Errors as the clients of Azure parse them."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ilios.api.dialects.azure import operations
from ilios.api.responses.error_shapes import Problem
from ilios.core import clock
from ilios.db.models import DocumentStatus


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "InvalidRequest"),
        (401, "Unauthorized"),
        (422, "InvalidRequest"),
        (429, "TooManyRequests"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
        (507, "InternalServerError"),
    ],
)
def test_an_error_has_azures_code_our_code_and_the_sentence(status: int, code: str) -> None:
    found = Problem(status, "our_code", "A title", "A sentence.", "request", {})

    assert operations.problem(found) == {
        "error": {
            "code": code,
            "message": "A sentence.",
            "innererror": {"code": "our_code", "message": "A sentence."},
        }
    }


def test_every_status_has_a_word() -> None:
    assert operations.STATUSES.keys() == set(DocumentStatus)


def test_a_result_that_is_older_than_the_request_was_updated_with_it() -> None:
    begun = clock.now()
    document: Any = SimpleNamespace(
        status=DocumentStatus.COMPLETED,
        created_at=begun,
        started_at=None,
        processed_at=begun - timedelta(minutes=3),
    )

    assert operations.state(document)["lastUpdatedDateTime"] == clock.iso(begun)
