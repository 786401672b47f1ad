"""`/v1/batch/jobs`: create, list, get, cancel, delete."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any, Literal

from aiohttp import web
from pydantic import Field, field_validator, model_validator
from pydantic_core import to_json

from tests.mistral_server import ocr
from tests.mistral_server.batch_jobs import ENDED, BatchJob, Runner
from tests.mistral_server.faults import Target, deliver
from tests.mistral_server.file_store import StoredFile
from tests.mistral_server.provider import CALL, PROVIDER, Provider
from tests.mistral_server.refusals import JSON, Refusal, file_not_found, plain_status
from tests.mistral_server.wire import Strict, read

MAX_INLINE_REQUESTS = 10_000


class BatchRequest(Strict):
    body: dict[str, Any]
    custom_id: str | None = None


class CreateBatchJob(Strict):
    """Seen: file ids that are no UUIDs, other endpoints and `timeout_hours: 0` are a 422.

    Guess: so are `timeout_hours` above 168, a job without model, and one without input.
    """

    endpoint: Literal["/v1/ocr"]
    model: str
    input_files: list[str] | None = None
    requests: list[BatchRequest] | None = Field(default=None, max_length=MAX_INLINE_REQUESTS)
    agent_id: None = None
    metadata: dict[str, str] | None = None
    timeout_hours: int = Field(default=24, ge=1, le=168)

    @field_validator("input_files")
    @classmethod
    def _are_uuids(cls, ids: list[str] | None) -> list[str] | None:
        for file_id in ids or ():
            uuid.UUID(file_id)
        return ids

    @model_validator(mode="after")
    def _has_input(self) -> CreateBatchJob:
        if not self.input_files and not self.requests:
            raise ValueError("either input_files or requests must be given")
        return self


class ListQuery(Strict, extra="ignore"):
    page: int = Field(default=0, ge=0, strict=False)
    page_size: int = Field(default=100, ge=1, le=1000, strict=False)
    model: str | None = None


async def create(request: web.Request) -> web.StreamResponse:
    provider, call = request.app[PROVIDER], request[CALL]
    body = await request.read()
    call.bytes_received = len(body)
    asked = await provider.documents.off_loop(lambda: read(CreateBatchJob, body))
    if not provider.behaviour.batch_billing:
        raise plain_status(402)
    call.model = _model(asked)
    files = [_input(provider, file_id) for file_id in asked.input_files or ()]
    if files:
        call.file_id, call.file_name, call.sha256 = files[0].id, files[0].name, files[0].sha256

    async def work() -> web.Response:
        job = BatchJob(
            model=asked.model,
            input_files=[file.id for file in files],
            requests=[one.model_dump() for one in asked.requests or ()],
            metadata=asked.metadata,
            visible_at=time.time() + provider.behaviour.batch_visible_after_ms / 1000,
        )
        call.job_id = job.id
        provider.jobs[job.id] = job
        Runner(provider, job).start()
        return _json(job.schema())

    hit = provider.faults.strike(Target("batch", call.sha256, call.file_name))
    return await deliver(request, call, hit, work)


async def list_jobs(request: web.Request) -> web.StreamResponse:
    """Guess: `metadata` filters are not honoured here; nobody here sends any."""
    provider, call = request.app[PROVIDER], request[CALL]
    asked = read(ListQuery, dict(request.query))
    statuses = set(request.query.getall("status", []))

    async def work() -> web.Response:
        found = [
            job
            for job in reversed(provider.jobs.values())
            if _is_visible(job)
            and asked.model in {None, job.model}
            and (not statuses or job.status in statuses)
        ]
        start = asked.page * asked.page_size
        rows = [job.schema() for job in found[start : start + asked.page_size]]
        return _json({"data": rows, "object": "list", "total": len(found)})

    return await deliver(request, call, provider.faults.strike(Target("batch_list")), work)


async def get(request: web.Request) -> web.StreamResponse:
    """Guess: `inline` brings the rows of both files, for jobs of inline requests only."""
    inline = request.query.get("inline", "").lower() == "true"
    return await _about(request, "batch_get", lambda _, job: job.schema(inline=inline))


async def cancel(request: web.Request) -> web.StreamResponse:
    def cancelled(_: Provider, job: BatchJob) -> dict[str, Any]:
        job.cancel()
        return job.schema()

    return await _about(request, "batch_cancel", cancelled)


async def delete(request: web.Request) -> web.StreamResponse:
    """Guess: a job that still runs is not deleted. Its files stay in any case."""

    def deleted(provider: Provider, job: BatchJob) -> dict[str, Any]:
        if job.status not in ENDED:
            raise Refusal(400, {"detail": "Batch job is still running"})
        del provider.jobs[job.id]
        return {"id": job.id, "object": "batch", "deleted": True}

    return await _about(request, "batch_delete", deleted)


async def _about(
    request: web.Request, on: str, act: Callable[[Provider, BatchJob], dict[str, Any]]
) -> web.StreamResponse:
    provider, call = request.app[PROVIDER], request[CALL]
    call.job_id = request.match_info["job_id"]
    job = provider.jobs.get(call.job_id)
    if job is None or not _is_visible(job):
        raise Refusal(404, {"detail": "Batch job not found"})

    async def work() -> web.Response:
        return _json(act(provider, job))

    hit = provider.faults.strike(Target(on, name=job.id))
    return await deliver(request, call, hit, work)


def _model(asked: CreateBatchJob) -> str:
    """Seen: another status than `POST /v1/ocr` has for a model that it does not know."""
    try:
        return ocr.resolve_model(asked.model)
    except Refusal:
        raise Refusal(422, {"detail": "You do not have access to the model"}) from None


def _input(provider: Provider, file_id: str) -> StoredFile:
    """Guess: only files of the purpose `batch` are taken. Raises Refusal."""
    file = provider.files.get(file_id)
    if file is None:
        raise file_not_found()
    if file.purpose != "batch":
        raise Refusal(422, {"detail": "Input files must have the purpose 'batch'"})
    return file


def _is_visible(job: BatchJob) -> bool:
    return time.time() >= job.visible_at


def _json(body: dict[str, Any]) -> web.Response:
    return web.Response(body=to_json(body), content_type=JSON)
