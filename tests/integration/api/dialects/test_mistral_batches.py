"""`/v1/batch/jobs`: as the clients of Mistral use it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from mistralai.client import models
from pydantic import SecretStr
from sqlalchemy import func, select

from ilios.api.dialects.mistral import batch_lines, batch_objects, batch_routes, batches
from ilios.api.dialects.mistral.batch_lines import Line
from ilios.api.dialects.mistral.ocr_answer import Shown
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import CallState, Document, ProviderBatch
from ilios.documents.submission import MAX_BATCH_FILES
from ilios.engines.mistral.engine import MistralEngine
from tests.integration.api.dialects.test_mistral_files import upload
from tests.integration.api.dialects.test_mistral_ocr import data_url, of_url
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support import batching
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY
from tests.support.api_working import InTestWorker
from tests.support.batching import LaneWorker

UNKNOWN_ID = "z" * 24


def request(custom_id: str | None, content: bytes, **options: Any) -> dict[str, Any]:
    body = {"document": of_url(data_url(content)), **options}
    return {"custom_id": custom_id, "body": body}


def lines_file(caller: Caller, *requests: dict[str, Any]) -> str:
    content = "\n".join(json.dumps(one) for one in requests).encode() + b"\n\n"
    form = {"purpose": "batch", "file": file(content, "lines.jsonl")}
    file_id: str = caller.post("/v1/files", form).get_json()["id"]
    return file_id


def create(caller: Caller, **fields: Any) -> dict[str, Any]:
    given = {"endpoint": batch_objects.ENDPOINT, "timeout_hours": 24, **fields}
    body = {"model": "mistral-ocr-latest", **given}
    answer = caller.post("/v1/batch/jobs", json=body)
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.get_json()
    models.BatchJob.model_validate(job)
    return job


def results(caller: Caller, job: dict[str, Any]) -> list[dict[str, Any]]:
    content = caller.get(f"/v1/files/{job['output_file']}/content")
    assert (content.status_code, content.mimetype) == (200, "application/octet-stream")
    return [json.loads(line) for line in content.text.splitlines()]


def test_a_job_goes_from_its_lines_to_its_results(anna: Caller, worker: InTestWorker) -> None:
    file_id = lines_file(
        anna,
        request("first", b"one\ntwo", include_blocks=True),
        request("second", b"fail: document"),
        request(None, b"three\nfour", pages=[1]),
    )

    job = create(anna, input_files=[file_id], metadata={"of": "test"})
    assert (job["status"], job["output_file"], job["total_requests"]) == ("QUEUED", None, 3)
    assert (job["input_files"], job["metadata"]) == ([file_id], {"of": "test"})
    early = anna.get(f"/v1/files/{job['id']}/content")
    assert (early.status_code, early.get_json()["code"]) == (409, "batch_not_finished")
    worker.work()

    done = anna.get(f"/v1/batch/jobs/{job['id']}").get_json()
    models.BatchJob.model_validate(done)
    assert (done["status"], done["completed_requests"]) == ("SUCCESS", 3)
    assert (done["succeeded_requests"], done["failed_requests"]) == (2, 1)
    first, second, third = results(anna, done)
    assert [line["custom_id"] for line in (first, second, third)] == ["first", "second", "2"]
    assert first["response"]["status_code"] == 200
    models.OCRResponse.model_validate(first["response"]["body"])
    assert first["response"]["body"]["pages"][1]["blocks"][0]["content"] == "two"
    assert second["error"]["code"] == "encrypted_document"
    assert [page["markdown"] for page in third["response"]["body"]["pages"]] == ["four"]


def test_requests_may_stand_in_the_job_itself(anna: Caller, worker: InTestWorker) -> None:
    long = b"\n".join([b"x" * 99] * 1000)

    job = create(anna, requests=[request("long", long), request("short", b"one")])
    worker.work()

    lines = results(anna, anna.get(f"/v1/batch/jobs/{job['id']}").get_json())
    assert [len(line["response"]["body"]["pages"]) for line in lines] == [1000, 1]


def test_a_job_of_known_documents_ends_no_earlier_than_it_began(
    anna: Caller, worker: InTestWorker
) -> None:
    create(anna, requests=[request("a", b"one")])
    worker.work()

    job = create(anna, requests=[request("b", b"one")])

    assert job["status"] == "SUCCESS"
    assert job["completed_at"] >= job["created_at"]


def test_jobs_are_listed(anna: Caller, bert: Caller, worker: InTestWorker) -> None:
    made = [create(anna, requests=[request("a", b"one")])["id"] for _ in range(2)]
    worker.work()

    listed = anna.get("/v1/batch/jobs?page=0&page_size=1").get_json()
    models.ListBatchJobsResponse.model_validate(listed)
    assert ([job["id"] for job in listed["data"]], listed["total"]) == ([made[1]], 2)
    assert listed["data"][0]["status"] == "SUCCESS"
    assert bert.get("/v1/batch/jobs").get_json()["data"] == []
    assert anna.get(f"/v1/batch/jobs?page_size={batch_routes.JOBS_MAX + 1}").status_code == 400


def test_the_results_of_a_job_are_a_file(anna: Caller) -> None:
    job = create(anna, requests=[request("a", b"one")])

    shown = anna.get(f"/v1/files/{job['id']}").get_json()

    models.GetFileResponse.model_validate(shown)
    assert (shown["purpose"], shown["sample_type"], shown["bytes"]) == ("batch", "batch_result", 0)
    assert anna.get(f"/v1/files/{job['id']}/url").status_code == 404
    refused = anna.post("/v1/ocr", json={"document": {"file_id": job["id"]}})
    assert refused.get_json()["code"] == "file_not_found"


def test_a_job_is_cancelled(anna: Caller) -> None:
    job = create(anna, requests=[request("a", b"one")])

    cancelled = anna.post(f"/v1/batch/jobs/{job['id']}/cancel").get_json()

    assert (cancelled["status"], cancelled["failed_requests"]) == ("CANCELLED", 1)
    (line,) = results(anna, cancelled)
    assert line["error"]["code"] == "cancelled"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({}, 400, "invalid_input_files"),
        ({"requests": []}, 400, "invalid_input_files"),
        ({"requests": "a"}, 400, "invalid_requests"),
        ({"requests": ["a"]}, 400, "invalid_requests"),
        ({"requests": [{"custom_id": "a"}]}, 400, "invalid_body"),
        ({"requests": [{"custom_id": 7, "body": {}}]}, 400, "invalid_custom_id"),
        ({"requests": [{"custom_id": "a", "body": {}}]}, 400, "batch_refused"),
        ({"input_files": [UNKNOWN_ID]}, 404, "file_not_found"),
        ({"input_files": [7]}, 400, "invalid_input_files"),
        ({"endpoint": "/v1/chat", "requests": []}, 400, "invalid_endpoint"),
        ({"metadata": "x", "requests": []}, 400, "invalid_metadata"),
        ({"metadata": {"x": "y" * 17_000}, "requests": []}, 400, "invalid_metadata"),
    ],
)
def test_wrong_jobs_are_refused_whole(
    anna: Caller, fields: dict[str, Any], status: int, code: str,
    nothing_is_kept: Callable[[], None],
) -> None:  # fmt: skip
    answer = anna.post("/v1/batch/jobs", json=fields)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    nothing_is_kept()


def test_each_wrong_request_is_named(anna: Caller, database: Database) -> None:
    wrong = [
        request("pages", b"one", pages=[-1]),
        request("type", b"MZ\x00\x01"),
        request("empty", b""),
    ]

    answer = anna.post("/v1/batch/jobs", json={"requests": [request("right", b"one"), *wrong]})

    assert [(error["name"], error["code"]) for error in answer.get_json()["errors"]] == [
        ("pages", "invalid_pages"),
        ("type", "unsupported_type"),
        ("empty", "empty_file"),
    ]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Document)) == 0


def test_a_job_that_finds_no_room_leaves_nothing(
    make_app: Callable[[Settings], Flask], api_settings: Settings, database: Database
) -> None:
    few = api_settings.model_copy(update={"key_waiting_documents": 2})
    caller = Caller(make_app(few).test_client(), KEY)

    answer = caller.post("/v1/batch/jobs", json={"requests": [request("a", b"one")] * 3})

    assert (answer.status_code, answer.get_json()["code"]) == (429, "too_many_waiting")
    assert caller.get("/v1/batch/jobs").get_json()["total"] == 0


def test_a_job_has_so_many_requests_at_most(anna: Caller) -> None:
    many = [request(None, b"one")] * (MAX_BATCH_FILES + 1)

    answer = anna.post("/v1/batch/jobs", json={"requests": many})

    assert (answer.status_code, answer.get_json()["code"]) == (400, "too_many_files")


def test_a_job_of_mistral_goes_through_its_batch_lane(
    make_app: Callable[[Settings], Flask], api_settings: Settings, database: Database
) -> None:
    with_mistral = api_settings.model_copy(
        update={"ocr_engine": "mistral", "mistral_api_key": SecretStr(API_KEY)}
    )
    caller = Caller(make_app(with_mistral).test_client(), KEY)
    urls = [data_url(pdf(text), "application/pdf") for text in ("one", "two")]
    requests = [
        {"custom_id": "a", "body": {"document": of_url(urls[0]), "model": "mistral-ocr-latest"}},
        {"custom_id": "b", "body": {"document": of_url(urls[1]), "model": "mistral-ocr-2512"}},
    ]

    job = create(caller, requests=requests, model="mistral-ocr-2512")

    with database.reading() as session:
        batch = session.scalars(select(ProviderBatch)).one()
    assert (batch.batch_id, batch.model) == (job["id"], "mistral-ocr-2512")


def test_a_job_of_mistral_is_worked_on_to_its_end(
    make_app: Callable[[Settings], Flask],
    api_settings: Settings,
    database: Database,
    mistral_server: MistralServer,
) -> None:
    settings = batching.pointing_at(api_settings, mistral_server, ocr_engine="mistral")
    caller = Caller(make_app(settings).test_client(), KEY)
    file_id = lines_file(
        caller,
        request("a", pdf("The first one."), include_blocks=True),
        request("b", pdf("The second one.", "Its other page."), pages=[1]),
    )

    job = create(caller, input_files=[file_id])
    with closing(MistralEngine(settings, "test")) as engine:
        LaneWorker(settings, database, engine).work()

    done = caller.get(f"/v1/batch/jobs/{job['id']}").get_json()
    models.BatchJob.model_validate(done)
    assert (done["status"], done["succeeded_requests"]) == ("SUCCESS", 2)
    first, second = results(caller, done)
    assert [line["custom_id"] for line in (first, second)] == ["a", "b"]
    for line, text, index in ((first, "The first one.", 0), (second, "Its other page.", 1)):
        models.OCRResponse.model_validate(line["response"]["body"])
        assert line["error"] is None
        (page,) = line["response"]["body"]["pages"]
        assert text in page["markdown"]
        assert page["index"] == index
    assert first["response"]["body"]["pages"][0]["blocks"]
    assert batching.call_states(database) == [CallState.SETTLED] * 2


def test_jobs_of_another_key_are_unknown(anna: Caller, bert: Caller) -> None:
    job = create(anna, requests=[request("a", b"one")])
    file_id = upload(anna)["id"]

    for path in (job["id"], file_id, UNKNOWN_ID):
        answer = bert.get(f"/v1/batch/jobs/{path}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "batch_not_found")
    assert anna.get(f"/v1/batch/jobs/{file_id}").status_code == 404
    stolen = bert.post("/v1/batch/jobs", json={"input_files": [file_id]})
    assert (stolen.status_code, stolen.get_json()["code"]) == (404, "file_not_found")


def test_lines_are_read_in_blocks_and_blank_ones_skipped() -> None:
    content = b"\n\n" + b'{"body": {"n": 1}}\r\n  \n{"body": {"n": "' + b"x" * 300 + b'"}}'

    class Small(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(7)

    def no_sink() -> Any:
        raise AssertionError

    found = list(batch_lines.of_file(Small(content), no_sink, 0))

    assert [len(str(one.body.value["n"])) for one in found] == [1, 300]
    assert [one.custom_id for one in found] == ["0", "1"]


def test_what_is_kept_of_lines_is_read_again() -> None:
    lines = [Line("a", Shown(blocks=True, confidence="page"), [{"code": "x"}])]

    assert batch_lines.loaded(batch_lines.dumped(lines)) == lines
    assert batches.FILE_NAME.endswith(".jsonl")
