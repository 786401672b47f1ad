"""Event streams as answers of the application, in the request's thread, as development has them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from ilios.api.listener_places import ListenerPlaces
from ilios.api.responses.event_stream import EventStream
from ilios.api.services import EXTENSION
from tests.support.api_callers import Caller
from tests.support.api_working import InTestWorker
from tests.support.listening import Event, events_in

KEY_STREAM = "/api/documents/events"


@pytest.fixture(autouse=True)
def _short_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EventStream, "fallback_seconds", 0.3)


def of_document(document_id: str) -> str:
    return f"/api/documents/{document_id}/events"


def of_batch(batch_id: str) -> str:
    return f"/v1/batch/{batch_id}/events"


def events(answer: TestResponse) -> list[Event]:
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "text/event-stream"
    return list(events_in(answer.text.splitlines()))


def test_a_final_status_is_told_at_once(anna: Caller, worker: InTestWorker) -> None:
    document_id = anna.submit()
    worker.work()

    answer = anna.get(of_document(document_id))

    assert answer.content_length == len(answer.data)  # whole, so that the connection is kept
    (told,) = events(answer)
    assert told.name == "status"
    assert told.data == anna.get(f"/api/documents/status/{document_id}").get_json()
    assert told.data["downloadUrl"] == f"http://localhost/api/documents/{document_id}"


def test_a_status_that_is_not_final_is_told_first(anna: Caller) -> None:
    document_id = anna.submit()

    (told,) = events(anna.get(of_document(document_id)))

    assert told.data == anna.get(f"/api/documents/status/{document_id}").get_json()
    assert told.status == "pending"


def test_changes_are_told_until_the_final_status(
    anna: Caller, worker: InTestWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = anna.submit()
    monkeypatch.setattr(EventStream, "fallback_seconds", 60.0)
    # What the document is when the request comes is in the answer; the rest is made as it is read.
    with closing(anna.get(of_document(document_id), buffered=False)) as answer, worker.running():
        told = events(answer)

    assert [told[0].status, told[-1].status] == ["pending", "completed"]


def test_a_batch_is_told_until_all_have_ended(
    anna: Caller, worker: InTestWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = anna.submit_batch(b"one", b"two", b"fail: document")
    monkeypatch.setattr(EventStream, "fallback_seconds", 60.0)
    with worker.running():
        told = events(anna.get(of_batch(batch_id)))

    assert told[0].data["progress"]["total"] == 3
    assert told[-1].status == "completed"
    assert told[-1].data == anna.get(f"/v1/batch/status/{batch_id}").get_json()


def test_who_was_told_nothing_yet_comes_back_and_misses_nothing(
    anna: Caller, worker: InTestWorker
) -> None:
    first = anna.get(KEY_STREAM)
    assert events(first) == []
    (begun,) = [line for line in first.text.splitlines() if line.startswith("id: ")]
    document_id = anna.submit()
    worker.work()

    headers = {"Last-Event-ID": begun.removeprefix("id: ")}
    (told,) = events(anna.get(KEY_STREAM, headers=headers))

    assert (told.data["id"], told.status) == (document_id, "completed")


def test_a_keys_stream_begins_with_its_open_documents(
    anna: Caller, bert: Caller, worker: InTestWorker
) -> None:
    anna.submit(b"done")
    worker.work()
    still_open = [anna.submit(b"one"), anna.submit(b"two")]
    bert.submit(b"three")

    told = events(anna.get(KEY_STREAM))

    assert [one.data["id"] for one in told] == still_open
    assert {one.status for one in told} == {"pending"}


def test_who_comes_back_to_a_keys_stream_is_told_what_has_ended(
    anna: Caller, worker: InTestWorker
) -> None:
    document_id = anna.submit()
    (told,) = events(anna.get(KEY_STREAM))
    worker.work()

    (again,) = events(anna.get(KEY_STREAM, headers={"Last-Event-ID": told.id}))

    assert (again.data["id"], again.status) == (document_id, "completed")
    assert int(again.id) >= int(told.id)
    assert events(anna.get(KEY_STREAM)) == []


def test_a_status_that_the_client_has_is_not_told_again(anna: Caller, worker: InTestWorker) -> None:
    document_id = anna.submit()
    (told,) = events(anna.get(of_document(document_id)))
    last_id = {"Last-Event-ID": told.id}

    assert events(anna.get(of_document(document_id), headers=last_id)) == []
    worker.work()
    (final,) = events(anna.get(of_document(document_id), headers=last_id))
    assert final.status == "completed"


@pytest.mark.parametrize("kind", ["document", "batch"])
def test_a_client_that_has_the_final_status_need_not_come_back(
    anna: Caller, worker: InTestWorker, kind: str
) -> None:
    path = of_document(anna.submit()) if kind == "document" else of_batch(anna.submit_batch(b"a"))
    worker.work()
    (told,) = events(anna.get(path))

    answer = anna.get(path, headers={"Last-Event-ID": told.id})

    assert (answer.status_code, answer.data) == (204, b"")


@pytest.mark.parametrize("odd", ["", "x", "-1", "9" * 40, "ä"])
def test_an_id_that_is_none_of_ours_counts_as_none(anna: Caller, odd: str) -> None:
    document_id = anna.submit()
    for path in (of_document(document_id), KEY_STREAM):
        (told,) = events(anna.get(path, headers={"Last-Event-ID": odd}))
        assert told.data["id"] == document_id


@pytest.mark.parametrize("path", [of_document, of_batch], ids=["document", "batch"])
def test_what_is_somebody_elses_is_not_found(
    anna: Caller, bert: Caller, path: Callable[[str], str]
) -> None:
    found = anna.submit() if path is of_document else anna.submit_batch(b"a")

    answer = bert.get(path(found))

    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"


def test_a_deleted_document_has_a_final_status(anna: Caller) -> None:
    document_id = anna.submit()
    anna.call("DELETE", f"/api/documents/{document_id}")

    (told,) = events(anna.get(of_document(document_id)))

    assert told.status == "deleted"


def test_events_are_neither_kept_nor_gathered(anna: Caller) -> None:
    for path in (of_document(anna.submit()), KEY_STREAM):
        answer = anna.get(path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert "Content-Encoding" not in answer.headers
        assert answer.text.startswith("retry: ")


def test_head_has_the_head_of_a_stream(anna: Caller) -> None:
    for path in (of_document(anna.submit()), KEY_STREAM):
        answer = anna.call("HEAD", path)
        assert (answer.status_code, answer.data) == (200, b"")
        assert answer.mimetype == "text/event-stream"


def test_a_key_with_too_many_listeners_is_refused_and_places_are_given_back(
    app: Flask, anna: Caller, bert: Caller
) -> None:
    services = app.extensions[EXTENSION]
    app.extensions[EXTENSION] = replace(services, listener_places=ListenerPlaces(2, 1))
    client = app.test_client()
    headers = {"Authorization": "Bearer key-of-anna"}
    with client.get(KEY_STREAM, headers=headers, buffered=False):
        refused = anna.get(KEY_STREAM)
        assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_listeners")
        assert int(refused.headers["Retry-After"]) > 0
        with client.get(KEY_STREAM, headers={"Authorization": "Bearer key-of-bert"}):
            pass
        assert bert.get(KEY_STREAM).status_code == 200

    for _ in range(3):
        assert anna.call("HEAD", KEY_STREAM).status_code == 200
    assert anna.get(KEY_STREAM).status_code == 200


def test_a_service_with_too_many_listeners_is_busy(app: Flask, anna: Caller) -> None:
    services = app.extensions[EXTENSION]
    app.extensions[EXTENSION] = replace(services, listener_places=ListenerPlaces(0, 1))

    answer = anna.get(KEY_STREAM)

    assert (answer.status_code, answer.get_json()["code"]) == (503, "busy")


def test_a_query_is_refused(anna: Caller) -> None:
    answer = anna.get(f"{KEY_STREAM}?wait=30")

    assert (answer.status_code, answer.get_json()["code"]) == (400, "unknown_field")


@pytest.mark.parametrize("method", ["DELETE", "POST", "PUT"])
def test_events_are_only_read(anna: Caller, method: str) -> None:
    assert anna.call(method, KEY_STREAM).status_code == 405
