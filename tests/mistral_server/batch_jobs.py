"""Batch jobs: QUEUED, RUNNING, then an end, in the background of the server."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pydantic_core import to_json

from tests.mistral_server.batch_lines import Line, Row
from tests.mistral_server.behaviour import Behaviour
from tests.mistral_server.file_store import NewFile, StoredFile
from tests.mistral_server.provider import Provider

ENDED = ("SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED")
POLL_SECONDS = 0.01


@dataclass(slots=True, eq=False)
class BatchJob:
    """A row of `GET /v1/batch/jobs`; times are seconds since the epoch."""

    model: str
    input_files: list[str]
    requests: list[dict[str, Any]]
    metadata: dict[str, str] | None
    visible_at: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "QUEUED"
    created_at: float = field(default_factory=time.time)
    started_at: float | None = None
    completed_at: float | None = None
    total: int = 0
    succeeded: int = 0
    failures: Counter[str] = field(default_factory=Counter)  #: by message
    errors: list[dict[str, Any]] = field(default_factory=list)
    output_file: str | None = None
    error_file: str | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)  #: of inline requests
    task: asyncio.Task[None] | None = None

    @property
    def failed(self) -> int:
        return self.failures.total()

    def schema(self, *, inline: bool = False) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "batch",
            "input_files": self.input_files,
            "endpoint": "/v1/ocr",
            "model": self.model,
            "agent_id": None,
            "metadata": self.metadata,
            "status": self.status,
            "errors": self.errors,
            "created_at": int(self.created_at),
            "started_at": _whole(self.started_at),
            "completed_at": _whole(self.completed_at),
            "total_requests": self.total,
            "completed_requests": self.succeeded + self.failed,
            "succeeded_requests": self.succeeded,
            "failed_requests": self.failed,
            "output_file": self.output_file,
            "error_file": self.error_file,
            "outputs": self.rows if inline and self.status in ENDED else None,
        }

    def cancel(self) -> None:
        """Seen: at once while nothing has begun; else what runs comes to its end first.

        Guess: a job that has ended stays as it is.
        """
        if self.status == "QUEUED":
            self.end("CANCELLED")
        elif self.status == "RUNNING":
            self.status = "CANCELLATION_REQUESTED"

    def stop(self) -> None:
        """Cancel what runs, when the server ends."""
        if self.task is not None:
            self.task.cancel()

    def end(self, status: str) -> None:
        self.status = status
        self.completed_at = time.time()


class Runner:
    """Does one job, line after line."""

    def __init__(self, provider: Provider, job: BatchJob) -> None:
        self._provider = provider
        self._job = job
        self._inputs = [_there(provider.files.get(file_id)) for file_id in job.input_files]

    def start(self) -> None:
        self._job.task = asyncio.create_task(self._run())
        self._job.task.add_done_callback(self._ended)

    async def _run(self) -> None:
        job = self._job
        job.started_at = time.time()
        job.total = len(job.requests) + sum(file.num_lines or 0 for file in self._inputs)
        await self._wait("QUEUED", lambda behaviour: behaviour.batch_queued_ms)
        if job.status != "QUEUED":
            return
        job.status = "RUNNING"
        begun = time.monotonic()
        with ExitStack() as stack:
            output = stack.enter_context(self._provider.files.writing())
            errors = stack.enter_context(self._provider.files.writing())
            await self._do_lines(output, errors)
            await self._wait("RUNNING", lambda behaviour: behaviour.batch_running_ms, begun)
            job.output_file = self._stored(output, "output", "batch_result")
            job.error_file = self._stored(errors, "errors", "batch_error")
        self._finish(self._provider.behaviour.batch_outcome)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Show a bug in here as a failed job, not as one that runs for ever."""
        if not task.cancelled() and (bug := task.exception()):
            self._job.errors.append({"message": repr(bug), "count": 1})
            self._job.end("FAILED")
            raise bug

    async def _do_lines(self, output: NewFile, errors: NewFile) -> None:
        behaviour, job = self._provider.behaviour, self._job
        limit = None if behaviour.batch_outcome == "SUCCESS" else behaviour.batch_outcome_after
        number = 0
        async for source in self._lines():
            if number == limit or job.status != "RUNNING":
                return
            row = await Line(self._provider, job.model, source).row(job.id, number)
            self._count(row)
            (output if row.succeeded else errors).write(to_json(row.json) + b"\n")
            number += 1
            await self._wait("RUNNING", lambda behaviour: behaviour.batch_line_ms)

    async def _lines(self) -> AsyncIterator[bytes | dict[str, Any]]:
        """Read one by one: a line can weigh many megabytes."""
        for file in self._inputs:
            try:
                lines = file.path.open("rb")
            except FileNotFoundError:
                self._job.errors.append({"message": "Input file not found", "count": 1})
                return
            with lines:
                while line := await self._provider.documents.off_loop(partial(lines.readline)):
                    if line.strip():
                        yield line
        for request in self._job.requests:
            yield request

    def _count(self, row: Row) -> None:
        job = self._job
        if row.succeeded:
            job.succeeded += 1
        else:
            job.failures[f"HTTP Error, status code: {row.status}"] += 1
        if job.requests:
            job.rows.append(row.json)

    def _stored(self, new: NewFile, name: str, sample_type: str) -> str | None:
        """Seen: a file without lines does not exist."""
        new.finish()
        if not new.size:
            new.path.unlink()
            return None
        file = StoredFile(
            name=f"{self._job.id}_{name}.jsonl",
            purpose="batch",
            path=new.path,
            size=new.size,
            sha256=new.sha256,
            sample_type=sample_type,
            source="mistral",
            mimetype="application/jsonl",
            num_lines=new.num_lines,
        )
        return self._provider.files.add(file).id

    def _finish(self, outcome: str) -> None:
        """Seen: a SUCCESS with failed lines counts them in `errors`."""
        job = self._job
        if job.status == "CANCELLATION_REQUESTED":
            outcome = "CANCELLED"
        elif job.errors:
            outcome = "FAILED"
        job.errors += [{"message": text, "count": count} for text, count in job.failures.items()]
        if outcome == "FAILED" and not job.errors:
            job.errors.append({"message": "Internal error", "count": 1})
        job.end(outcome)

    async def _wait(
        self, status: str, told_ms: Callable[[Behaviour], float], begun: float | None = None
    ) -> None:
        """Wait as long as is told while the job has this status: it may be cancelled meanwhile."""
        begun = time.monotonic() if begun is None else begun
        await asyncio.sleep(0)
        while self._job.status == status:
            left = begun + told_ms(self._provider.behaviour) / 1000 - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(left, POLL_SECONDS))


def _there(file: StoredFile | None) -> StoredFile:
    if file is None:
        raise LookupError("the route has seen it a moment ago")
    return file


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds)
