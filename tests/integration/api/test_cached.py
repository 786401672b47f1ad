"""The same bytes again: answered from an earlier or running conversion, and said so everywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.api_callers import Caller, file
from tests.support.api_working import IMAGE, InTestWorker

TEXT = b"# one\n![a figure](figure.png)"


def submitted(caller: Caller, **fields: str) -> dict[str, Any]:
    answer = caller.post("/api/documents/submit", {"file": file(TEXT), **fields})
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def test_an_earlier_result_answers_at_once_and_at_no_cost(
    anna: Caller, worker: InTestWorker
) -> None:
    first = submitted(anna)
    worker.work()

    second = submitted(anna)

    assert (first["status"], first["cached"]) == ("pending", False)
    assert (second["status"], second["cached"]) == ("completed", True)
    assert second["id"] != first["id"]
    assert "converted before" in second["message"]
    status = anna.get(f"/api/documents/status/{second['id']}").get_json()
    assert (status["status"], status["cached"], status["progress"]) == ("completed", True, 100)
    result = anna.get(f"/api/documents/{second['id']}?format=json").get_json()
    assert result["metadata"]["cached"] is True
    assert (result["usage"]["pages"], result["usage"]["costUsd"]) == (0, 0)
    assert anna.get("/api/usage/summary").get_json()["summary"]["totalPages"] == 2


def test_a_running_conversion_is_joined(anna: Caller, worker: InTestWorker) -> None:
    submitted(anna)
    second = submitted(anna)

    worker.work()

    assert (second["status"], second["cached"]) == ("pending", True)
    assert "being converted already" in second["message"]
    assert anna.get(f"/api/documents/status/{second['id']}").get_json()["status"] == "completed"
    assert anna.get("/api/usage/summary").get_json()["summary"]["totalPages"] == 2


def test_results_say_whether_they_were_converted_for_this_document(
    anna: Caller, worker: InTestWorker
) -> None:
    with worker.running():
        first = anna.post("/v1/convert", {"file": file(TEXT)})
        second = anna.post("/v1/convert", {"file": file(TEXT)})

    assert first.headers["X-Cache"] == "miss"
    assert second.headers["X-Cache"] == "hit"
    for answer, said in ((first, "miss"), (second, "hit")):
        again = anna.get(f"/api/documents/{answer.headers['X-Document-Id']}")
        assert again.headers["X-Cache"] == said


def test_the_images_of_a_joined_result_are_its_own(anna: Caller, worker: InTestWorker) -> None:
    submitted(anna)
    worker.work()
    document_id = submitted(anna)["id"]

    image = f"/api/documents/{document_id}/images/figure.png"
    assert f"]({image})" in anna.get(f"/api/documents/{document_id}").text
    assert anna.get(image).data == IMAGE


@pytest.mark.parametrize("fields", [{"cache": "false"}, {"pages": "1"}])
def test_who_asks_for_something_else_gets_a_conversion_of_its_own(
    anna: Caller, worker: InTestWorker, fields: dict[str, str]
) -> None:
    submitted(anna)
    worker.work()

    second = submitted(anna, **fields)

    assert (second["status"], second["cached"]) == ("pending", False)


def test_somebody_elses_result_is_neither_given_nor_betrayed(
    anna: Caller, bert: Caller, worker: InTestWorker
) -> None:
    submitted(anna)
    worker.work()

    answer = submitted(bert)

    assert (answer["status"], answer["cached"]) == ("pending", False)


def test_an_upload_is_answered_from_an_earlier_result_too(
    anna: Caller, worker: InTestWorker
) -> None:
    submitted(anna)
    worker.work()
    form = {"fileName": "up.txt", "fileSize": len(TEXT), "mimeType": "text/plain"}
    offer = anna.post("/api/documents/upload-url", json=form).get_json()
    anna.put(offer["uploadUrl"], TEXT)

    answer = anna.post(f"/api/documents/upload-complete/{offer['id']}").get_json()

    assert (answer["status"], answer["cached"]) == ("completed", True)
    assert "converted before" in answer["message"]


def test_a_batch_says_which_of_its_results_are_old(anna: Caller, worker: InTestWorker) -> None:
    batch_id = anna.submit_batch(TEXT, TEXT, b"another")
    worker.work()

    lines = [
        json.loads(line)
        for line in anna.get(f"/v1/batch/download/{batch_id}").text.split("\n")
        if line
    ]

    assert [line["metadata"]["cached"] for line in lines] == [False, True, False]
    assert all(line["content"] for line in lines)
