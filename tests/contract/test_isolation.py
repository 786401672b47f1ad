"""A key sees its own things only: for anything else the answer is that of an unknown id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from ilios.api.middleware.routing import IdConverter
from tests.support.api_callers import Caller, file
from tests.support.api_working import InTestWorker

UNKNOWN_ID = "z" * 24
VARYING = ("requestId", "instance")


@pytest.fixture
def owned(anna: Caller, worker: InTestWorker) -> dict[str, list[str]]:
    """Provide Anna's ids in every state, by the name of the route's parameter."""
    done = anna.submit(b"![a figure](figure.png)")
    failed = anna.submit(b"fail: document")
    batch = anna.submit_batch(b"one", b"two")
    worker.work()
    waiting = anna.submit(b"waiting")
    offer = anna.post("/api/documents/upload-url", json={"fileName": "u.txt", "fileSize": 5})
    kept = anna.post("/v1/files", {"purpose": "ocr", "file": file()})
    request = {"body": {"document": {"file_id": kept.get_json()["id"]}}}
    job = anna.post("/v1/batch/jobs", json={"requests": [request]})
    event = anna.post("/api/webhooks/test", json={"webhookUrl": "https://example.com/hooks"})
    return {
        "document_id": [done, failed, waiting, offer.get_json()["id"]],
        "batch_id": [batch],
        "file_id": [kept.get_json()["id"]],
        "job_id": [job.get_json()["id"]],
        "delivery_id": [event.get_json()["id"]],
    }


def test_somebody_elses_id_answers_like_an_unknown_one_on_every_route(
    app: Flask, bert: Caller, owned: dict[str, list[str]]
) -> None:
    rules = list(_id_rules(app))
    assert len(rules) >= 7
    for rule, parameter in rules:
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            unknown = _seen(bert.call(method, _path(rule, UNKNOWN_ID)))
            assert unknown[0] == 404
            for owned_id in owned[parameter]:
                assert _seen(bert.call(method, _path(rule, owned_id))) == unknown, rule


def test_the_owner_is_answered_on_the_same_routes(
    app: Flask, anna: Caller, owned: dict[str, list[str]]
) -> None:
    calls = [
        (method, _path(rule, owned[parameter][0]))
        for rule, parameter in _id_rules(app)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]
    for method, path in sorted(calls, key=lambda call: call[0] == "DELETE"):
        answer = anna.call(method, path)
        no_pdf = path.endswith("/pdf") and answer.status_code == 422  # the document is a text
        no_image = path.endswith("/pages/1/image") and "no_page_image" in answer.text
        assert no_pdf or no_image or answer.status_code in (200, 204, 302, 409), (
            method,
            path,
            answer.text,
        )


def test_a_list_names_the_keys_own_documents_only(
    anna: Caller, bert: Caller, owned: dict[str, list[str]]
) -> None:
    mine = bert.submit(b"mine")

    for query in ("", f"?batchId={owned['batch_id'][0]}", "?q=txt", "?status=completed"):
        listed = [one["id"] for one in bert.get(f"/api/documents{query}").get_json()["documents"]]
        assert set(listed) <= {mine}
    cursor = anna.get("/api/documents?limit=1").get_json()["nextCursor"]
    assert bert.get(f"/api/documents?limit=1&cursor={cursor}").status_code == 400


def test_deliveries_name_the_keys_own_alone(
    anna: Caller, bert: Caller, owned: dict[str, list[str]]
) -> None:
    mine = bert.post("/api/webhooks/test", json={"webhookUrl": "https://example.com/"}).get_json()

    listed = bert.get("/api/webhooks/deliveries").get_json()
    assert [one["id"] for one in listed["deliveries"]] == [mine["id"]]
    of_anna = anna.get("/api/webhooks/deliveries").get_json()["deliveries"]
    assert [one["id"] for one in of_anna] == owned["delivery_id"]


def test_usage_is_counted_for_each_key_alone(
    anna: Caller, bert: Caller, owned: dict[str, list[str]]
) -> None:
    assert anna.get("/api/usage/summary").get_json()["summary"]["totalDocuments"] == 3
    assert bert.get("/api/usage/summary").get_json()["summary"]["totalDocuments"] == 0
    assert bert.get("/api/usage/breakdown").get_json()["breakdown"] == []


def test_the_same_bytes_of_somebody_else_change_no_word_of_the_answers(
    anna: Caller, bert: Caller, owned: dict[str, list[str]]
) -> None:
    for content in (b"![a figure](figure.png)", b"waiting", b"never seen"):
        document_id = bert.submit(content)
        status = bert.get(f"/api/documents/status/{document_id}").get_json()
        assert (status["status"], status["cached"]) == ("pending", False)


def test_words_of_somebody_elses_results_find_nothing(
    anna: Caller, bert: Caller, owned: dict[str, list[str]]
) -> None:
    assert len(anna.get("/api/documents?q=figure").get_json()["documents"]) == 1
    assert bert.get("/api/documents?q=figure").get_json() == {"documents": [], "nextCursor": None}


def test_the_queue_position_does_not_count_others(anna: Caller, bert: Caller) -> None:
    for _ in range(3):
        anna.submit()
    document_id = bert.submit()

    status = bert.get(f"/api/documents/status/{document_id}").get_json()

    assert status["queuePosition"] == 0


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic a2V5", "Bearer", "key-of-anna"])
def test_every_route_but_the_public_ones_needs_a_key(
    app: Flask, nobody: Caller, header: str | None
) -> None:
    headers = {"Authorization": header} if header else {}
    for rule in app.url_map.iter_rules():
        public = getattr(app.view_functions[rule.endpoint], "is_public", False)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            answer = nobody.call(method, _path(rule, UNKNOWN_ID), headers=headers)
            assert (answer.status_code == 401) is not public, rule
            if not public:
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert "unauthorized" in answer.text  # in a dialect its errors have other shapes


def _id_rules(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        for name, converter in rule._converters.items():
            if isinstance(converter, IdConverter):
                yield rule, name


def _path(rule: Rule, value: str) -> str:
    others = {"<name>": "figure.png", "<page:number>": "1"}
    parts = rule.rule.split("/")
    return "/".join(others.get(part, value if "<" in part else part) for part in parts)


def _seen(answer: TestResponse) -> tuple[int, Any, str]:
    """Return the status, the headers and the body, less what must differ."""
    headers = {name: value for name, value in answer.headers if name != "X-Request-ID"}
    body = json.loads(answer.text)
    lengths = sum(len(body.pop(name, "")) for name in VARYING)  # dialects may have neither
    headers["Content-Length"] = str(int(headers["Content-Length"]) - lengths)
    return answer.status_code, headers, json.dumps(body)
