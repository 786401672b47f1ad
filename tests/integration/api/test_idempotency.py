"""`Idempotency-Key`: what counts as the same request, and what its repeats are answered."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update
from werkzeug.test import TestResponse

from ilios.api.requests import idempotency
from ilios.api.services import EXTENSION
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Batch, Call, Document, IdempotencyKey
from tests.contract.problems import BATCH, CONVERT, SUBMIT, assert_problem
from tests.support.api_callers import FORM, Caller, file
from tests.support.api_fixtures import KEY as KEY_OF_ANNA
from tests.support.api_working import InTestWorker
from tests.support.waiting import wait_until

KEY = "an-idempotency-key-that-must-not-be-logged"
HEADER = {idempotency.HEADER: KEY}
OPEN_WEBUI = "/v1/openwebui/process"
DOCLING = "/v1/convert/file"


def convert(caller: Caller, content: bytes = b"one", **fields: str) -> TestResponse:
    return caller.post(CONVERT, {"file": file(content), **fields}, headers=HEADER)


def submit(caller: Caller, content: bytes = b"one", name: str = "a.txt", **fields: str) -> Any:
    return caller.post(SUBMIT, {"file": file(content, name), **fields}, headers=HEADER)


def count(database: Database, table: Any = Document) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def age(database: Database, by: timedelta) -> None:
    """Let what is noted have happened so long ago."""
    with database.writing() as session:
        noted = session.scalars(select(IdempotencyKey.created_at)).one()
        session.execute(update(IdempotencyKey).values(created_at=noted - by))


def assert_reused(answer: TestResponse) -> None:
    assert_problem(answer, 422, "idempotency_key_reused", "another request", "new key")


def test_a_conversion_is_paid_for_once(
    anna: Caller, worker: InTestWorker, database: Database,
    temporary_files: Callable[[], list[Path]],
) -> None:  # fmt: skip
    with worker.running():
        answers = [convert(anna, cache="false") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.headers["X-Document-Id"] for answer in answers}) == 1
    assert {answer.headers["X-Cache"] for answer in answers} == {"miss"}
    assert {answer.text for answer in answers} == {"one"}
    assert (count(database), count(database, Call)) == (1, 1)
    assert temporary_files() == []


def test_a_submit_is_answered_as_it_began_however_far_it_has_come(
    anna: Caller, worker: InTestWorker
) -> None:
    first = submit(anna)
    worker.work()
    again = submit(anna)

    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    assert first.get_json()["status"] == "pending"


def test_one_that_was_answered_from_the_cache_is_answered_so_again(
    anna: Caller, worker: InTestWorker
) -> None:
    earlier = anna.submit(b"one", "a.txt")
    joined = submit(anna)
    worker.work()
    anna.call("DELETE", f"/api/documents/{earlier}")
    again = submit(anna)

    assert again.data == joined.data
    assert joined.get_json()["cached"]


def test_a_batch_is_answered_as_it_began(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    def send(*contents: bytes) -> TestResponse:
        files = [file(content, f"{number}.txt") for number, content in enumerate(contents)]
        return anna.post(BATCH, {"files": files}, headers=HEADER)

    first = send(b"one", b"fail: document")
    worker.work()
    again = send(b"one", b"fail: document")
    in_another_order = send(b"fail: document", b"one")

    assert (again.status_code, again.data) == (202, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    assert_reused(in_another_order)
    assert (count(database), count(database, Batch)) == (2, 1)


def test_an_upload_is_offered_again_with_a_link_of_its_own(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    def ask(**fields: Any) -> TestResponse:
        wanted = {"fileName": "a.txt", "fileSize": 3, **fields}
        return anna.post("/api/documents/upload-url", json=wanted, headers=HEADER)

    offers = [ask().get_json() for _ in range(2)]
    for offer in offers:
        assert anna.put(offer["uploadUrl"], b"one").status_code == 200
    completed = anna.post(f"/api/documents/upload-complete/{offers[0]['id']}")

    assert [offer["id"] for offer in offers] == [completed.get_json()["id"]] * 2
    assert ask().get_json()["id"] == offers[0]["id"]
    assert_reused(ask(fileSize=4))
    assert count(database) == 1


def test_neither_the_order_of_fields_nor_a_spelling_of_json_matters(
    anna: Caller, database: Database
) -> None:
    fields = {"priority": "3", "retentionDays": "5"}
    one = anna.post(SUBMIT, {"file": file(), **fields}, headers=HEADER)
    other = anna.post(SUBMIT, {**dict(reversed(fields.items())), "file": file()}, headers=HEADER)
    other_key = {idempotency.HEADER: "other"}
    spelled = [
        anna.post(
            "/api/documents/upload-url",
            data=body,
            content_type="application/json",
            headers=other_key,
        )
        for body in (
            '{"fileName": "ä.txt", "fileSize": 3}',
            '{ "fileSize":3, "fileName":"\\u00e4.txt" }',
        )
    ]

    assert other.data == one.data
    assert spelled[0].get_json()["id"] == spelled[1].get_json()["id"]
    assert count(database) == 2


@pytest.mark.parametrize(
    "change",
    [{"content": b"two"}, {"name": "b.txt"}, {"priority": "2"}, {"cache": "true"}],
    ids=lambda change: next(iter(change)),
)
def test_another_request_is_refused_and_stores_nothing(
    anna: Caller, database: Database, change: dict[str, Any],
    temporary_files: Callable[[], list[Path]],
) -> None:  # fmt: skip
    submit(anna)

    assert_reused(submit(anna, **change))
    assert count(database) == 1
    assert temporary_files() == []


def test_another_path_is_another_request(anna: Caller, worker: InTestWorker) -> None:
    with worker.running():
        submit(anna)
        assert_reused(anna.post(CONVERT, {"file": file(b"one", "a.txt")}, headers=HEADER))
        other = anna.put(OPEN_WEBUI, b"one", headers={**HEADER, "X-Filename": "a.txt"})

    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")


def test_a_large_file_in_json_counts_by_its_hash(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    def send(coded: str) -> TestResponse:
        source = {"kind": "file", "filename": "a.txt", "base64_string": coded}
        return anna.post("/v1/convert/source/async", json={"sources": [source]}, headers=HEADER)

    coded = "T25l" * 30_000  # longer than what is kept in memory
    first, again = send(coded), send(coded)
    other = send(coded[:-4] + "VHdv")

    assert first.get_json()["task_id"] == again.get_json()["task_id"]
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    assert count(database) == 1


def test_the_keys_of_one_owner_mean_nothing_to_another(
    anna: Caller, bert: Caller, database: Database
) -> None:
    hers, his = submit(anna), submit(bert, b"two")

    assert (hers.status_code, his.status_code) == (202, 202)
    assert hers.get_json()["id"] != his.get_json()["id"]
    assert submit(bert, b"two").data == his.data


def test_callers_without_keys_are_one_owner(
    make_app: Callable[[Settings], Flask], settings: Settings, database: Database
) -> None:
    app = make_app(settings)
    first, second = (submit(Caller(app.test_client(), None)) for _ in range(2))

    assert first.data == second.data
    assert count(database) == 1


def test_a_refusal_is_not_kept(anna: Caller, database: Database) -> None:
    for content, fields in ((b"", {}), (b"one", {"priority": "11"}), (b"one", {"model": "gpt-9"})):
        assert submit(anna, content, **fields).status_code in (400, 422)

    assert submit(anna, b"two").status_code == 202
    assert count(database) == 1


def test_a_conversion_that_failed_is_not_kept_where_that_is_the_answer(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    with worker.running():
        failed = [convert(anna, b"fail: document") for _ in range(2)]
        other = convert(anna, b"one")
        again = convert(anna, b"one")

    assert [answer.status_code for answer in failed] == [422, 422]
    assert failed[0].get_json()["id"] != failed[1].get_json()["id"]
    assert (other.status_code, other.text) == (200, "one")
    assert again.headers["X-Document-Id"] == other.headers["X-Document-Id"]
    assert count(database) == 3


def test_an_answer_that_was_given_before_the_failure_stands(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    def send(content: bytes, **headers: str) -> TestResponse:
        return anna.post(CONVERT, {"file": file(content)}, headers={**HEADER, **headers})

    first = send(b"fail: document", Prefer="respond-async")
    worker.work()
    again = send(b"fail: document", Prefer="respond-async")
    waited = send(b"fail: document")

    assert (first.status_code, again.data) == (202, first.data)
    assert (waited.status_code, waited.get_json()["id"]) == (422, first.get_json()["id"])
    assert_reused(send(b"two"))
    assert count(database) == 1


def test_a_failure_that_is_an_answer_is_kept(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    def send() -> TestResponse:
        return anna.post(DOCLING, {"files": file(b"fail: document", "a.txt")}, headers=HEADER)

    with worker.running():
        first, again = send(), send()

    assert (first.status_code, first.get_json()["status"]) == (200, "failure")
    assert again.data == first.data
    assert count(database) == 1


def test_a_wait_that_ended_early_goes_on(
    make_app: Callable[[Settings], Flask], api_settings: Settings, worker: InTestWorker,
    database: Database,
) -> None:  # fmt: skip
    impatient = api_settings.model_copy(update={"convert_wait_seconds": 0})
    caller = Caller(make_app(impatient).test_client(), KEY_OF_ANNA)

    early = convert(caller)
    worker.work()
    late = convert(caller)

    assert (early.status_code, late.status_code) == (504, 200)
    assert late.headers["X-Document-Id"] == early.get_json()["id"]
    assert count(database) == 1


def test_what_does_not_wait_may_be_waited_for_later(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    def send(**headers: str) -> TestResponse:
        return anna.post(CONVERT, {"file": file()}, headers={**HEADER, **headers})

    accepted = send(Prefer="respond-async")
    with worker.running():
        waited = send()
    again = send(Prefer="respond-async")

    assert (accepted.status_code, waited.status_code) == (202, 200)
    assert waited.headers["X-Document-Id"] == accepted.get_json()["id"]
    assert again.data == accepted.data
    assert count(database) == 1


def test_what_was_deleted_is_gone_and_not_made_anew(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    sent = submit(anna).get_json()["id"]
    anna.call("DELETE", f"/api/documents/{sent}")

    for _ in range(2):
        assert_problem(submit(anna), 410, "document_deleted")
    assert_reused(submit(anna, b"two"))
    assert count(database) == 1


@pytest.mark.parametrize(
    "path", [DOCLING, f"{DOCLING}/async", "/file_parse", "/general/v0/general"]
)
def test_what_was_deleted_is_gone_in_a_dialect_too(
    anna: Caller, worker: InTestWorker, path: str
) -> None:
    def send() -> TestResponse:
        return anna.post(path, {"files": file(b"one", "a.txt")}, headers=HEADER)

    with worker.running():
        assert send().status_code == 200
        for document in anna.get("/api/documents").get_json()["documents"]:
            anna.call("DELETE", f"/api/documents/{document['id']}")
        gone = send()

    assert (gone.status_code, gone.get_json()["code"]) == (410, "document_deleted")


def test_a_batch_says_which_of_its_documents_were_deleted(anna: Caller) -> None:
    def send() -> Any:
        files = [file(b"one", "a.txt"), file(b"two", "b.txt")]
        return anna.post(BATCH, {"files": files}, headers=HEADER).get_json()

    first = send()
    anna.call("DELETE", f"/api/documents/{first['documents'][0]['id']}")
    again = send()

    assert again["batchId"] == first["batchId"]
    assert again["documents"][1] == first["documents"][1]
    deleted = again["documents"][0]
    assert (deleted["id"], deleted["status"]) == (first["documents"][0]["id"], "deleted")
    assert deleted["fileName"] == ""


def test_a_kept_file_is_gone_with_its_time(anna: Caller, database: Database) -> None:
    def send() -> TestResponse:
        form = {"file": file(), "purpose": "ocr", "expiry": "1"}
        return anna.post("/v1/files", form, headers=HEADER)

    first, again = send(), send()
    with database.writing() as session:
        session.execute(text("UPDATE documents SET options = json_set(options, '$.expires_at', 1)"))
    late = send()

    assert again.data == first.data
    assert (late.status_code, late.get_json()["code"]) == (410, "document_deleted")


def test_a_file_may_be_gone_of_which_a_repeat_gives_the_result(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    kept = anna.post("/v1/files", {"file": file(), "purpose": "ocr"}).get_json()["id"]
    asked = {"document": {"file_id": kept}}

    with worker.running():
        first = anna.post("/v1/ocr", json=asked, headers=HEADER)
        anna.call("DELETE", f"/v1/files/{kept}")
        again = anna.post("/v1/ocr", json=asked, headers=HEADER)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.data == first.data


def test_a_job_is_queued_once_and_gone_with_its_time(anna: Caller, database: Database) -> None:
    kept = anna.post("/v1/files", {"file": file(), "purpose": "ocr"}).get_json()["id"]

    def send() -> TestResponse:
        body = {"requests": [{"body": {"document": {"file_id": kept}}}]}
        return anna.post("/v1/batch/jobs", json=body, headers=HEADER)

    first = send().get_json()
    anna.call("DELETE", f"/v1/files/{kept}")
    again = send().get_json()
    anna.call("DELETE", f"/v1/files/{first['id']}")

    assert again == first
    assert count(database, Batch) == 1
    assert send().status_code == 410


def test_several_files_of_a_request_are_created_together(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    def send() -> TestResponse:
        form = {"files": [file(b"one", "a.txt"), file(b"two", "b.txt")]}
        return anna.post("/general/v0/general", form, headers=HEADER)

    with worker.running():
        first, again = send(), send()

    assert (first.status_code, again.data) == (200, first.data)
    assert count(database) == 2
    with database.reading() as session:
        assert set(session.scalars(select(Document.batch_id))) == {None}


def test_a_key_stands_for_its_request_for_a_day(anna: Caller, database: Database) -> None:
    first = submit(anna)
    age(database, timedelta(hours=23, minutes=59))
    within = submit(anna)
    age(database, timedelta(minutes=2))
    after = submit(anna, b"two")
    again = submit(anna, b"two")

    assert within.data == first.data
    assert after.status_code == 202
    assert again.data == after.data
    assert count(database, IdempotencyKey) == 1


def test_neither_the_key_nor_the_name_of_a_file_is_noted(anna: Caller, database: Database) -> None:
    submit(anna, name="a-name.txt")

    with database.reading() as session:
        (row,) = session.execute(text("SELECT * FROM idempotency_keys")).all()
    assert KEY not in json.dumps(list(map(str, row)))
    assert "a-name" not in json.dumps(list(map(str, row)))


BODY = (
    b'--boundary\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    b"one\r\n--boundary--\r\n"
)


def test_a_body_that_breaks_off_leaves_the_key_free(
    anna: Caller, database: Database, temporary_files: Callable[[], list[Path]]
) -> None:
    broken = anna.post(
        SUBMIT,
        input_stream=io.BytesIO(BODY[:-20]),
        content_length=len(BODY),
        content_type=f"{FORM}; boundary=boundary",
        headers=HEADER,
    )

    assert broken.status_code == 400
    assert temporary_files() == []
    assert submit(anna, b"two").status_code == 202


@pytest.mark.parametrize("path", [CONVERT, OPEN_WEBUI, DOCLING])
def test_repeats_join_the_conversion_under_way(
    app: Flask, worker: InTestWorker, database: Database, path: str
) -> None:
    answers: list[TestResponse] = []

    def send() -> None:
        client = Caller(app.test_client(), KEY_OF_ANNA)
        if path == OPEN_WEBUI:
            answers.append(client.put(path, b"one", headers=HEADER))
            return
        form = {"files" if path == DOCLING else "file": file(b"one", "a.txt"), "cache": "false"}
        answers.append(client.post(path, form, headers=HEADER))

    clients = [threading.Thread(target=send) for _ in range(3)]
    waiter = app.extensions[EXTENSION].waiter
    for number, client in enumerate(clients, 1):
        client.start()
        wait_until(lambda: sum(map(len, [*waiter._waiting.values()])) == number, timeout_s=60)  # noqa: B023
    worker.work()
    for client in clients:
        client.join()

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.headers["X-Document-Id"] for answer in answers}) == 1
    assert len({answer.data for answer in answers}) == 1
    assert (count(database), count(database, Call)) == (1, 1)
