"""Lines of a batch: writing its input file and reading its output files, line by line."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import httpx2
from mistralai.client import models
from mistralai.client.errors import SDKError

from ilios.core.conversion_errors import ConversionError, ProviderUnavailable, RefusedByProvider
from ilios.core.telemetry import logs
from ilios.engines import unicode
from ilios.engines.base import Options, Source
from ilios.engines.mistral import answer_json, errors
from ilios.engines.mistral.answer_limits import ANSWER_MAX_BYTES
from ilios.engines.mistral.client import inline_document, request_options
from ilios.engines.mistral.http_client import BLOCK_BYTES, SOURCE_PLACEHOLDER
from ilios.engines.mistral.numbers import count

log = logs.get(__name__)

LINE_MAX_BYTES: Final = ANSWER_MAX_BYTES  #: of a batch's results: one answer
NOT_PROCESSED: Final = "Mistral did not do this line of the batch"


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """The outcome of one line of the input: an answer like that of a single call, or a fault."""

    custom_id: str
    answer: bytes = b""
    fault: ConversionError | None = None
    is_source_lost: bool = False  #: the file that the line refers to was not found or not usable


class InputFile:
    """Writes the input file of a batch; memory does not grow with the size of documents."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0

    def add(self, custom_id: str, source: Source, options: Options) -> None:
        """Append a line that holds the document itself."""
        before, _, after = _line(custom_id, inline_document(source.media_type), options).partition(
            SOURCE_PLACEHOLDER
        )
        with self.path.open("ab") as file, source.path.open("rb") as document:
            self._write(file, f"{before}data:{source.media_type};base64,".encode())
            while block := document.read(BLOCK_BYTES):
                self._write(file, b64encode(block))
            self._write(file, after.encode())

    def add_uploaded(self, custom_id: str, file_id: str, options: Options) -> None:
        """Append a line that refers to the document's file at the provider."""
        line = _line(custom_id, models.FileChunk(file_id=file_id), options)
        with self.path.open("ab") as file:
            self._write(file, line.encode())

    def _write(self, file: Any, content: bytes) -> None:
        self.size_bytes += file.write(content)


def inline_bytes(source: Source) -> int:
    """Return how many bytes a document takes inside a line."""
    return -(-source.path.stat().st_size // 3) * 4


def answers(path: Path, model: str, configured_model: str) -> Iterator[LineAnswer]:
    """Iterate over the lines of an output or error file; malformed ones are left out."""
    malformed = first = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(_lines(file), 1):
                if not line.strip():
                    continue
                answer = _answer(line, model, configured_model)
                if answer is not None:
                    yield answer
                    continue
                first = first or number
                malformed += 1
    finally:
        if malformed:
            log.warning("batch.line_unreadable", file=path.name, line=first, lines=malformed)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines, those beyond LINE_MAX_BYTES as if they were cut there."""
    while line := file.readline(LINE_MAX_BYTES):
        yield line
        while len(line) == LINE_MAX_BYTES and not line.endswith(b"\n"):
            line = file.readline(LINE_MAX_BYTES)


def _line(custom_id: str, document: Any, options: Options) -> str:
    body = {"document": document.model_dump(mode="json"), **request_options(options)}
    return json.dumps({"custom_id": custom_id, "body": body}) + "\n"


def _answer(line: bytes, model: str, configured_model: str) -> LineAnswer | None:
    fields = _object(line)
    custom_id, response = fields.get("custom_id"), fields.get("response")
    if not isinstance(custom_id, str):
        return None
    status = count(response.get("status_code")) if isinstance(response, dict) else None
    if response is None or status is None:
        reason = errors.plain(str(fields.get("error") or "it gives no reason"))
        return LineAnswer(
            custom_id,
            fault=ProviderUnavailable(f"{NOT_PROCESSED} ({reason}).", logged=NOT_PROCESSED),
        )
    # An error file has the body as a string of JSON, an output file as JSON.
    body = response.get("body")
    # Unescaped, or its text would be up to twice as long as it came, and pages be cut.
    written = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    text = unicode.replace_surrogates(written)
    if httpx2.codes.is_success(status):
        return LineAnswer(custom_id, answer=text.encode())
    # The error that the SDK would have raised for a single call.
    refusal = SDKError("", httpx2.Response(status, text=text), text)
    fault = errors.of_ocr(refusal, model, configured_model, is_file=True)
    if isinstance(fault, errors.SourceNotAccepted):
        return LineAnswer(
            custom_id,
            fault=RefusedByProvider(fault.detail, logged=fault.logged),
            is_source_lost=True,
        )
    return LineAnswer(custom_id, fault=fault)


def _object(line: bytes) -> dict[str, Any]:
    try:
        fields = answer_json.value(line)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
