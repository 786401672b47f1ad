"""One line of a batch's input, and the row of the output or error file that it becomes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from tests.mistral_server import ocr
from tests.mistral_server.journal import Call
from tests.mistral_server.provider import Provider
from tests.mistral_server.refusals import Refusal, invalid
from tests.mistral_server.wire import OcrRequest, read


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the output file, or of the error file."""

    status: int
    json: dict[str, Any]

    @property
    def succeeded(self) -> bool:
        return self.status == 200


class Line:
    """A request within a batch: JSON text from a file, or an object that came inline.

    Seen: the job's model counts, whatever the line says; a `custom_id` may be missing or repeated.
    """

    def __init__(self, provider: Provider, model: str, source: bytes | dict[str, Any]) -> None:
        self._provider = provider
        self._model = model
        self._source = source

    async def row(self, job_id: str, number: int) -> Row:
        """Do the work. Seen: the body of a failed row is a JSON string, its `error` null."""
        with self._provider.journal.call("batch_line") as call:
            call.batch = True
            call.job_id = job_id
            status, body = await self._answer(call)
            call.status = status
        row = {
            "id": f"batch-{job_id[:8]}-{uuid.uuid4().hex[:8]}-{number}",
            "custom_id": call.custom_id,
            "response": {"status_code": status, "body": body},
            "error": None,
        }
        return Row(status, row)

    async def _answer(self, call: Call) -> tuple[int, dict[str, Any] | str]:
        try:
            return 200, await self._converted(call)
        except Refusal as refusal:
            return refusal.status, refusal.text

    async def _converted(self, call: Call) -> dict[str, Any]:
        provider = self._provider
        asked = await provider.documents.off_loop(lambda: self._request(call))
        content = await ocr.admit(provider, asked, call)
        target = await ocr.target(provider, "batch_line", content, asked, call.custom_id)
        if hit := provider.faults.strike(target):
            call.fault = hit.fault.kind
            raise hit.refusal()
        answer = await ocr.convert(provider, asked, content)
        call.pages_billed = answer.pages_billed
        return answer.body

    def _request(self, call: Call) -> OcrRequest:
        """Raise Refusal for bodies that `POST /v1/ocr` would refuse."""
        line = self._source
        if isinstance(line, bytes):
            call.bytes_received = len(line)
            try:
                line = from_json(line)
            except ValueError:
                raise invalid(["body"], "JSON decode error", "json_invalid") from None
        if not isinstance(line, dict) or not isinstance(line.get("body"), dict):
            raise invalid(["body"], "Field required", "missing")
        call.custom_id = line.get("custom_id")
        return read(OcrRequest, {**line["body"], "model": self._model})
