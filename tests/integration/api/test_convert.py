"""Immediate conversion: the same path as a queued one, and a wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from ilios.accounts.keys import owner_of
from ilios.api.services import EXTENSION
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, Job
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY
from tests.support.api_working import InTestWorker
from tests.support.waiting import wait_until


def test_a_conversion_answers_with_markdown(
    anna: Caller, worker: InTestWorker, temporary_files: Callable[[], list[Path]]
) -> None:
    with worker.running():
        answer = anna.post("/v1/convert", {"file": file(b"# Eins\nzwei", "Prüfung.txt")})

    assert answer.status_code == 200
    assert answer.mimetype == "text/markdown"
    assert answer.text == "# Eins\n\n---\n\nzwei"
    assert len(answer.headers["X-Document-Id"]) == 24
    assert answer.headers["X-Extracted-Pages"] == "2"
    assert int(answer.headers["X-Processing-Time-Ms"]) >= 0
    disposition = answer.headers["Content-Disposition"]
    assert disposition == "attachment; filename=Prufung.md; filename*=UTF-8''Pr%C3%BCfung.md"
    assert temporary_files() == []


@pytest.mark.parametrize(
    ("form", "mime_type"), [("json", "application/json"), ("text", "text/plain")]
)
def test_a_conversion_answers_in_the_form_that_was_asked_for(
    anna: Caller, worker: InTestWorker, form: str, mime_type: str
) -> None:
    with worker.running():
        answer = anna.post("/v1/convert", {"file": file(b"**one**"), "format": form})
    assert answer.mimetype == mime_type
    if form == "json":
        assert answer.get_json()["content"] == "**one**"
        assert answer.get_json()["id"] == answer.headers["X-Document-Id"]
    else:
        assert answer.text == "one"


def test_only_some_pages_are_converted(anna: Caller, worker: InTestWorker) -> None:
    with worker.running():
        answer = anna.post("/v1/convert", {"file": file(b"one\ntwo\nthree"), "pages": "2"})
    assert answer.text == "two"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(b"fail: document", 422, "encrypted_document"), (b"fail: engine", 502, "engine_failed")],
)
def test_a_failed_conversion_says_whose_fault_it_was(
    anna: Caller, worker: InTestWorker, content: bytes, status: int, code: str
) -> None:
    with worker.running():
        answer = anna.post("/v1/convert", {"file": file(content)})
    assert answer.status_code == status
    body = answer.get_json()
    assert body["code"] == code
    assert body["statusUrl"].endswith(f"/api/documents/status/{body['id']}")


def test_a_conversion_goes_first_and_is_counted_as_immediate(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    answer = anna.post("/v1/convert", {"file": file()}, headers={"Prefer": "respond-async"})
    with database.reading() as session:
        job = session.scalars(select(Job)).one()
        document = session.scalars(select(Document)).one()
    assert (job.priority, document.operation) == (10, "convert-immediate")
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert answer.headers["Location"] == answer.get_json()["statusUrl"]


def test_a_wait_that_ends_first_names_the_document(
    make_app: Callable[[Settings], Flask], api_settings: Settings
) -> None:
    hasty = api_settings.model_copy(update={"convert_wait_seconds": 1})
    caller = Caller(make_app(hasty).test_client(), KEY)

    answer = caller.post("/v1/convert", {"file": file()})

    assert answer.status_code == 504
    body = answer.get_json()
    assert body["code"] == "still_running"
    assert caller.get(body["statusUrl"]).get_json()["status"] == "pending"


def test_without_a_free_slot_nothing_is_read_or_stored(
    app: Flask, anna: Caller, nothing_is_kept: Callable[[], None]
) -> None:
    wait_slots = app.extensions[EXTENSION].wait_slots
    with ExitStack() as taken:
        for _ in range(wait_slots.total // 2):
            taken.enter_context(wait_slots.for_conversion(owner_of(KEY)))
        answer = anna.post("/v1/convert", {"file": file()})

    assert answer.status_code == 503
    assert answer.get_json()["code"] == "busy"
    assert int(answer.headers["Retry-After"]) > 0
    nothing_is_kept()
    later = anna.post("/v1/convert", {"file": file()}, headers={"Prefer": "respond-async"})
    assert later.status_code == 202


def test_a_poll_without_a_free_slot_is_answered_at_once(app: Flask, anna: Caller) -> None:
    wait_slots = app.extensions[EXTENSION].wait_slots
    document_id = anna.submit()
    with ExitStack() as taken:
        for _ in range(wait_slots.total // 4):
            assert taken.enter_context(wait_slots.for_poll(owner_of(KEY), 5)) == 5
        body = anna.get(f"/api/documents/status/{document_id}?wait=60").get_json()

    assert body["status"] == "pending"


def test_a_poll_ends_when_the_server_stops(app: Flask, anna: Caller) -> None:
    document_id = anna.submit()
    answered = threading.Event()

    def poll() -> None:
        anna.get(f"/api/documents/status/{document_id}?wait=60")
        answered.set()

    thread = threading.Thread(target=poll)
    thread.start()
    waiter = app.extensions[EXTENSION].waiter
    wait_until(lambda: waiter._waiting, timeout_s=60)
    waiter.drain()
    thread.join(timeout=60)

    assert answered.is_set()
