"""Input that no schema describes: cursors, ids, links and headers of any text."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ilios.accounts.keys import owner_of
from ilios.documents.listing import Filter, _mark
from tests.contract.problems import assert_problem
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY

many = hypothesis_settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # what it asks changes nothing
        HealthCheck.too_slow,  # under any load
    ],
)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
HEADERS = ("Accept", "Authorization", "Content-Type", "If-None-Match", "If-Range", "Origin",
           "Prefer", "Range", "Access-Control-Request-Method", "X-Forwarded-For")  # fmt: skip


def cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def assert_no_cursor(anna: Caller, text: str) -> None:
    answer = anna.get("/api/documents", query_string={"cursor": text})
    assert_problem(answer, 400, "invalid_cursor", "leave it out")


@many
@given(text=ANY_TEXT)
def test_no_other_text_is_a_cursor(anna: Caller, text: str) -> None:
    assert_no_cursor(anna, text)


@many
@given(value=JSON_VALUES)
def test_no_other_json_is_a_cursor(anna: Caller, value: Any) -> None:
    assert_no_cursor(anna, cursor(value))


def test_a_cursor_may_be_nested_as_deeply_as_it_likes(anna: Caller) -> None:
    assert_no_cursor(anna, base64.urlsafe_b64encode(b"[" * 5000).decode())


@pytest.mark.parametrize(
    ("moment", "document_id"),
    [
        ("0001-01-01T00:00:00+23:59", "z" * 24),
        ("9999-12-31T23:59:59-23:59", "z" * 24),
        ("2026-11-25T00:00:00+00:00", "\ud800"),
        ("2026-11-25T00:00:00+00:00", "x" * 5000),
        ("2026-11-25T00:00:00+00:00", ["z" * 24]),
    ],
)
def test_a_forged_cursor_is_refused(anna: Caller, moment: str, document_id: Any) -> None:
    mark = _mark(Filter(owner=owner_of(KEY)))
    assert_no_cursor(anna, cursor([moment, document_id, mark]))


@many
@given(name=st.sampled_from(HEADERS), value=HEADER_TEXT)
def test_no_header_is_the_services_fault(anna: Caller, name: str, value: str) -> None:
    for method, path in (("GET", "/api/documents"), ("POST", "/v1/estimate"), ("GET", "/")):
        answer = anna.call(method, path, headers={name: value})
        assert answer.status_code < 500, (method, path, name, value)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@many
@given(token=ANY_TEXT)
def test_a_link_that_was_not_given_out_opens_nothing(nobody: Caller, token: str) -> None:
    for method in ("GET", "PUT"):
        answer = nobody.call(method, f"/objects/{quote(token, safe='')}")
        problem = assert_problem(answer, 404, "link_invalid" if "/" not in token else "not_found")
        assert problem["instance"] == "/objects/"  # what is shown around is no link


def test_what_is_echoed_of_a_request_is_short(anna: Caller) -> None:
    long = "n" * 50_000
    answers = [
        anna.post("/api/documents/submit", {"file": file(), long: "x"}),
        anna.post("/api/documents/upload-url", json={long: "x"}),
        anna.post("/api/documents/submit", data=b"x", content_type=f"a/{long[:5000]}"),
        anna.post("/api/documents/upload-url", data=b"x", content_type=f"a/{long[:5000]}"),
        anna.get(f"/api/documents?{long[:5000]}=1"),
    ]

    assert [answer.status_code for answer in answers] == [400] * len(answers)
    assert max(len(answer.data) for answer in answers) < 1500


def test_files_in_the_place_of_one_value_are_refused(anna: Caller) -> None:
    answer = anna.post(
        "/api/documents/submit", {"file": file(), "priority": [file(b"a"), file(b"b")]}
    )

    assert_problem(answer, 400, "invalid_priority", "was sent 2 times")


def test_nul_is_no_part_of_a_name(anna: Caller) -> None:
    anna.submit()

    assert_problem(anna.get("/api/documents?q=%00"), 400, "invalid_q", "NUL")
    assert_problem(anna.get("/api/documents?q=%00zzz"), 400, "invalid_q", "NUL")
