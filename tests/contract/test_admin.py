"""The status page's resource: for operators only, and without a word of anybody's documents."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask import Flask

from ilios.accounts.keys import Scope
from ilios.core.settings import Settings
from ilios.db.database import Database
from tests.contract.problems import assert_problem
from tests.support.api_callers import Caller
from tests.support.api_working import InTestWorker
from tests.support.issuing import issue

STATUS = "/api/admin/status"
NAME, WORDS = "dismissals-2027.txt", "nobody else reads this"


@pytest.fixture
def operator(app: Flask, database: Database) -> Caller:
    secret = issue(database, "operator", scopes=frozenset({Scope.ADMIN})).secret
    return Caller(app.test_client(), secret)


def test_only_keys_with_the_scope_admin_see_it(
    nobody: Caller, anna: Caller, operator: Caller
) -> None:
    assert_problem(nobody.get(STATUS), 401, "unauthorized")
    assert_problem(anna.get(STATUS), 403, "insufficient_scope", "`admin`", "--scope admin")
    assert operator.get(STATUS).status_code == 200
    assert_problem(operator.get("/api/documents"), 403, "insufficient_scope", "`read`")


def test_without_any_key_everybody_is_an_operator(
    make_app: Callable[[Settings], Flask], api_settings: Settings, database: Database
) -> None:
    app = make_app(api_settings.model_copy(update={"api_key": None}))
    caller = Caller(app.test_client(), None)
    assert caller.get(STATUS).status_code == 200

    issue(database, "first", scopes=frozenset({Scope.READ}))

    assert_problem(caller.get(STATUS), 401, "unauthorized")


def test_it_holds_no_name_no_text_and_no_error_of_a_document(
    anna: Caller, operator: Caller, worker: InTestWorker
) -> None:
    done = anna.submit(f"{WORDS}\nsecond".encode(), NAME)
    failed = anna.submit(b"fail: document", NAME)
    worker.work()
    waiting = anna.submit(WORDS.encode() + b"!", NAME)

    answer = operator.get(STATUS)

    shown = answer.get_json()
    assert shown["queue"]["lastHour"] == {"completed": 1, "failed": 1, "cancelled": 0, "pages": 2}
    assert shown["queue"]["lanes"][0]["ready"] == 1
    (failure,) = shown["failures"]
    assert (failure["documentId"], failure["code"]) == (failed, "encrypted_document")
    assert (failure["reason"], failure["key"]) == ("A password protects the document.", "API_KEY 1")
    assert shown["use"]["costUSD"] == "0.002600"
    of_days = [day["costMicros"] for day in shown["use"]["days"]]
    assert [micros for micros in of_days[-2:] if micros] == [2600]  # yesterday's, over midnight
    assert sum(of_days) == shown["use"]["costMicros"] == 2600
    assert shown["use"]["keys"][0]["name"] == "API_KEY 1"
    for word in (NAME, WORDS, "Send it without a password", "key-of-anna", done, waiting):
        assert word not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_page_itself_holds_nothing_and_runs_nothing_inline(
    anna: Caller, nobody: Caller
) -> None:
    document_id = anna.submit()

    answer = nobody.get("/admin")

    assert answer.status_code == 200
    assert 'data-needs-key="yes"' in answer.text
    assert document_id not in answer.text
    assert "style=" not in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy


def test_the_document_describes_every_field(operator: Caller, nobody: Caller) -> None:
    schemas = nobody.get("/openapi.json").get_json()["components"]["schemas"]
    shown = operator.get(STATUS).get_json()

    assert set(shown) == set(schemas["Status"]["properties"])
    for name, schema in (("queue", "Queue"), ("use", "Use")):
        assert set(shown[name]) == set(schemas[schema]["properties"])
    assert set(shown["use"]["keys"][0]) <= set(schemas["Account"]["properties"])
    assert "fileName" not in json.dumps([schemas[name] for name in ("Task", "Failure", "Account")])
