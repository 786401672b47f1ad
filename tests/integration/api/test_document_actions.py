"""DELETE, cancel and retry over HTTP; what they do is tested with their service."""

from __future__ import annotations

from sqlalchemy import update

from ilios.core import clock
from ilios.db.database import Database
from ilios.db.models import Instance
from tests.contract.problems import assert_problem
from tests.support.api_callers import Caller
from tests.support.api_working import InTestWorker


def test_a_deleted_document_is_gone_everywhere_but_in_its_status(
    anna: Caller, worker: InTestWorker
) -> None:
    document_id = anna.submit(b"![a figure](figure.png)")
    worker.work()
    path = f"/api/documents/{document_id}"

    assert anna.call("DELETE", path).status_code == 204
    assert anna.call("DELETE", path).status_code == 204

    for below in ("", "/original", "/images/figure.png"):
        assert_problem(anna.get(path + below), 410, "document_deleted", "deleted")
    for action in ("/cancel", "/retry"):
        assert_problem(anna.post(path + action), 410, "document_deleted")
    status = anna.get(f"/api/documents/status/{document_id}").get_json()
    assert (status["status"], status["fileName"]) == ("deleted", "")
    assert anna.get("/api/usage/summary").get_json()["summary"]["totalPages"] == 1


def test_a_cancelled_document_is_retried(anna: Caller, worker: InTestWorker) -> None:
    document_id = anna.submit()
    path = f"/api/documents/{document_id}"

    cancelled = anna.post(f"{path}/cancel")
    assert (cancelled.status_code, cancelled.get_json()["status"]) == (200, "cancelled")
    assert_problem(anna.get(path), 409, "document_cancelled")
    retried = anna.post(f"{path}/retry")
    assert (retried.status_code, retried.get_json()["status"]) == (202, "pending")
    worker.work()

    assert anna.get(path).text == "Hello"
    assert_problem(anna.post(f"{path}/cancel"), 409, "too_late", "DELETE")
    assert_problem(anna.post(f"{path}/retry"), 409, "nothing_to_retry", "cache=false")


def test_a_cancelled_batch_shows_it(anna: Caller, worker: InTestWorker) -> None:
    batch_id = anna.submit_batch(b"one", b"two")

    answer = anna.post(f"/v1/batch/{batch_id}/cancel").get_json()

    assert answer["status"] == "cancelled"
    assert answer["progress"]["cancelled"] == 2
    lines = anna.get(f"/v1/batch/download/{batch_id}").text.splitlines()
    assert len(lines) == 2
    assert worker.work() == 0


def test_an_upload_that_has_not_arrived_is_deleted_not_cancelled(anna: Caller) -> None:
    form = {"fileName": "u.txt", "fileSize": 5}
    document_id = anna.post("/api/documents/upload-url", json=form).get_json()["id"]
    path = f"/api/documents/{document_id}"

    assert_problem(anna.post(f"{path}/cancel"), 409, "upload_incomplete", "DELETE")
    assert anna.call("DELETE", path).status_code == 204
    assert_problem(
        anna.post(f"/api/documents/upload-complete/{document_id}"), 410, "document_deleted"
    )


def test_a_paused_queue_takes_documents_in_and_says_so(
    anna: Caller, worker: InTestWorker, database: Database
) -> None:
    with database.writing() as session:
        session.execute(update(Instance).values(queue_paused_at=clock.now()))
    document_id = anna.submit()

    assert worker.work() == 0
    assert anna.get("/health").get_json()["services"]["queue"] == "paused"

    with database.writing() as session:
        session.execute(update(Instance).values(queue_paused_at=None))
    assert worker.work() == 1
    assert anna.get(f"/api/documents/{document_id}").text == "Hello"
