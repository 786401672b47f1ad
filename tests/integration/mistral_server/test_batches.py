"""Batch jobs, as the SDK sees them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from mistralai.client import Mistral, errors
from mistralai.client.models import BatchJob

from tests.integration.mistral_server.conftest import MODEL, data_url
from tests.mistral_server import samples
from tests.mistral_server.behaviour import Fault
from tests.mistral_server.process import MistralServer
from tests.support.waiting import wait_until

ENDED = {"SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED"}
Submit = Callable[..., BatchJob]
Upload = Callable[..., str]


def line(custom_id: str, content: bytes, **fields: object) -> dict[str, Any]:
    document = {"type": "document_url", "document_url": data_url(content)}
    return {"custom_id": custom_id, "body": {"document": document, **fields}}


@pytest.fixture
def submit(client: Mistral, upload: Upload) -> Submit:
    """Upload the lines and create a job for them."""

    def submit(*lines: dict[str, Any], **options: Any) -> BatchJob:
        content = "".join(json.dumps(one) + "\n" for one in lines).encode()
        file_id = upload(content, "batch.jsonl", "batch")
        return client.batch.jobs.create(
            input_files=[file_id], endpoint="/v1/ocr", model=MODEL, **options
        )

    return submit


@pytest.fixture
def ended(client: Mistral) -> Callable[[str], BatchJob]:
    def ended(job_id: str) -> BatchJob:
        wait_until(lambda: client.batch.jobs.get(job_id=job_id).status in ENDED, timeout_s=30)
        return client.batch.jobs.get(job_id=job_id)

    return ended


def rows(client: Mistral, file_id: object) -> dict[str, Any]:
    content = client.files.download(file_id=str(file_id)).read().decode()
    found = [json.loads(one) for one in content.splitlines()]
    return {row["custom_id"]: row["response"] for row in found}


def test_a_job_succeeds_with_some_lines_failed(
    client: Mistral,
    server: MistralServer,
    submit: Submit,
    upload: Upload,
    ended: Callable[[str], BatchJob],
) -> None:
    by_file = {"custom_id": "by-file", "body": {"document": {"file_id": upload(samples.pdf("F"))}}}
    server.control(faults=[Fault(on="batch_line", match="unlucky", status=500, message="No luck")])

    job = submit(
        line("good", samples.pdf("A", "B")),
        line("unlucky", samples.pdf("C")),
        line("broken", b"nothing"),
        line("wrong", samples.pdf("D"), surprise=1),
        by_file,
        metadata={"owner": "test"},
    )
    assert (job.status, job.total_requests) == ("QUEUED", 0)
    job = ended(job.id)

    assert (job.status, job.metadata) == ("SUCCESS", {"owner": "test"})
    counts = (job.completed_requests, job.succeeded_requests, job.failed_requests)
    assert (job.total_requests, *counts) == (5, 5, 2, 3)
    done, failed = rows(client, job.output_file), rows(client, job.error_file)
    assert [page["markdown"] for page in done["good"]["body"]["pages"]] == ["A", "B"]
    assert done["by-file"]["body"]["pages"][0]["markdown"] == "F"
    assert {name: row["status_code"] for name, row in failed.items()} == {
        "unlucky": 500,
        "broken": 400,
        "wrong": 422,
    }
    assert json.loads(failed["unlucky"]["body"])["message"] == "No luck"
    assert json.loads(failed["broken"]["body"])["code"] == "3740"


def test_pages_of_a_batch_are_billed_apart(
    server: MistralServer, submit: Submit, ended: Callable[[str], BatchJob]
) -> None:
    job = submit(line("one", samples.pdf("A", "B"), pages=[1]), line("two", samples.pdf("C")))
    ended(job.id)

    stats = server.stats()
    assert (stats.billed_pages, stats.billed_batch_pages) == (0, 2)
    lines = [call for call in server.journal().calls if call.kind == "batch_line"]
    assert [(call.custom_id, call.job_id, call.pages_billed) for call in lines] == [
        ("one", job.id, 1),
        ("two", job.id, 1),
    ]


def test_requests_can_come_without_a_file(
    client: Mistral, server: MistralServer, ended: Callable[[str], BatchJob]
) -> None:
    requests: Any = [line("one", samples.pdf("A"))]
    created = client.batch.jobs.create(requests=requests, endpoint="/v1/ocr", model=MODEL)
    ended(created.id)

    outputs = client.batch.jobs.get(job_id=created.id, inline=True).outputs

    assert isinstance(outputs, list)
    assert outputs[0]["response"]["body"]["pages"][0]["markdown"] == "A"


def test_a_job_can_be_cancelled_before_and_while_it_runs(
    client: Mistral, server: MistralServer, submit: Submit, ended: Callable[[str], BatchJob]
) -> None:
    server.control(batch_queued_ms=60_000)
    waiting = client.batch.jobs.cancel(job_id=submit(line("one", samples.pdf("A"))).id)
    server.control(batch_queued_ms=0, batch_running_ms=60_000)
    running = submit(line("two", samples.pdf("B")))
    wait_until(
        lambda: client.batch.jobs.get(job_id=running.id).completed_requests == 1, timeout_s=30
    )
    running = client.batch.jobs.cancel(job_id=running.id)

    assert (waiting.status, waiting.output_file) == ("CANCELLED", None)
    assert running.status == "CANCELLATION_REQUESTED"
    assert ended(running.id).output_file is not None
    assert client.batch.jobs.list(status=["CANCELLED"]).total == 2


@pytest.mark.parametrize("outcome", ["FAILED", "TIMEOUT_EXCEEDED"])
def test_a_job_can_end_badly_after_some_lines(
    server: MistralServer, submit: Submit, ended: Callable[[str], BatchJob], outcome: str
) -> None:
    server.control(batch_outcome=outcome, batch_outcome_after=1)

    job = ended(submit(line("one", samples.pdf("A")), line("two", samples.pdf("B"))).id)

    assert (job.status, job.completed_requests, job.error_file) == (outcome, 1, None)
    assert bool(job.errors) == (outcome == "FAILED")


def test_jobs_are_refused_before_they_begin(
    client: Mistral, server: MistralServer, submit: Submit, upload: Upload
) -> None:
    def status(**options: Any) -> int:
        with pytest.raises(errors.MistralError) as refused:
            client.batch.jobs.create(endpoint="/v1/ocr", **options)
        return refused.value.status_code

    there = upload(b'{"body": {}}\n', "batch.jsonl", "batch")
    gone = "00000000-0000-0000-0000-000000000000"

    assert status(input_files=[gone], model=MODEL) == 404
    assert status(input_files=["no-uuid"], model=MODEL) == 422
    assert status(input_files=[there], model="mistral-ocr-2505") == 422
    assert status(input_files=[there], model=MODEL, timeout_hours=0) == 422
    assert status(model=MODEL) == 422
    server.control(batch_billing=False)
    assert status(input_files=[there], model=MODEL) == 402


def test_a_new_job_can_be_unknown_for_a_while(
    client: Mistral, server: MistralServer, submit: Submit
) -> None:
    server.control(batch_visible_after_ms=4_000)  # it is asked for before
    job = submit(line("one", samples.pdf("A")))

    with pytest.raises(errors.SDKError) as unknown:
        client.batch.jobs.get(job_id=job.id)
    assert unknown.value.status_code == 404

    def is_known() -> bool:
        return bool(client.batch.jobs.list().total)

    wait_until(is_known, timeout_s=20)
    assert client.batch.jobs.get(job_id=job.id).id == job.id
