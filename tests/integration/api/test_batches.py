"""Batches: together in, followed together, and out as lines of JSON."""

from __future__ import annotations

import json

from tests.support.api_callers import Caller, file
from tests.support.api_working import InTestWorker


def test_a_batch_is_queued(anna: Caller) -> None:
    files = [file(b"one", "a/one.txt"), file(b"four", "two.txt")]

    answer = anna.post("/v1/batch/submit", {"files": files, "useMistralBatch": "false"})

    body = answer.get_json()
    assert answer.status_code == 202
    assert body["status"] == "queued"
    assert body["totalDocuments"] == 2
    assert [(d["fileName"], d["fileSize"], d["status"]) for d in body["documents"]] == [
        ("one.txt", 3, "pending"),
        ("two.txt", 4, "pending"),
    ]
    assert body["statusUrl"] == f"http://localhost/v1/batch/status/{body['batchId']}"


def test_files_may_be_named_with_brackets(anna: Caller) -> None:
    answer = anna.post("/v1/batch/submit", {"files[]": [file(b"one"), file(b"two")]})
    assert answer.get_json()["totalDocuments"] == 2


def test_a_batch_is_followed_to_its_end(anna: Caller, worker: InTestWorker) -> None:
    batch_id = anna.submit_batch(b"one", b"fail: document", b"three")
    waiting = anna.get(f"/v1/batch/status/{batch_id}").get_json()
    with worker.running():
        ended = anna.get(f"/v1/batch/status/{batch_id}?wait=60&details=true").get_json()

    assert waiting["status"] == "pending"
    assert waiting["progress"]["pending"] == 3
    assert (waiting["completedAt"], waiting["downloadUrl"]) == (None, None)
    assert "documents" not in waiting
    assert ended["status"] == "completed"
    assert ended["progress"] == {
        "total": 3, "pending": 0, "processing": 0, "completed": 2, "failed": 1, "cancelled": 0,
        "deleted": 0,
    }  # fmt: skip
    assert ended["completedAt"]
    assert ended["downloadUrl"] == f"http://localhost/v1/batch/download/{batch_id}"
    assert [d["status"] for d in ended["documents"]] == ["completed", "failed", "completed"]
    assert ended["documents"][1]["errorCode"] == "encrypted_document"


def test_a_batch_of_earlier_results_has_not_ended_before_it_began(
    anna: Caller, worker: InTestWorker
) -> None:
    anna.submit(b"one")
    worker.work()

    batch_id = anna.submit_batch(b"one")

    ended = anna.get(f"/v1/batch/status/{batch_id}").get_json()
    assert ended["status"] == "completed"
    assert ended["completedAt"] == ended["createdAt"]


def test_the_results_of_a_batch_are_lines_of_json(anna: Caller, worker: InTestWorker) -> None:
    batch_id = anna.submit_batch('"quoted"\nzwei\tü'.encode(), b"fail: document")
    worker.work()

    answer = anna.get(f"/v1/batch/download/{batch_id}")

    assert answer.mimetype == "application/x-ndjson"
    done, failed = [json.loads(line) for line in answer.text.splitlines()]
    assert done["fileName"] == "file-0.txt"
    assert done["status"] == "completed"
    assert done["content"] == '"quoted"\n\n---\n\nzwei\tü'
    assert done["metadata"]["extractedPages"] == 2
    assert done["error"] is None
    assert done["processedAt"]
    assert (failed["status"], failed["content"], failed["metadata"]) == ("failed", None, None)
    assert "password" in failed["error"]
    for line in (done, failed):
        assert (line["partial"], line["failedPages"], line["warnings"]) == (False, [], [])


def test_results_are_given_when_the_batch_has_ended(anna: Caller) -> None:
    answer = anna.get(f"/v1/batch/download/{anna.submit_batch(b'one')}")
    assert (answer.status_code, answer.get_json()["code"]) == (409, "batch_not_finished")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_batch_without_a_completed_document_failed(anna: Caller, worker: InTestWorker) -> None:
    batch_id = anna.submit_batch(b"fail: document")
    worker.work()
    assert anna.get(f"/v1/batch/status/{batch_id}").get_json()["status"] == "failed"
