"""Lines of a batch: requests as they are read from a file, and answers as they are written.

A line may hold a document, so that neither is ever held whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Final

from ilios.api.dialects import json_bodies
from ilios.api.dialects.json_bodies import JsonBody, NewSink
from ilios.api.dialects.mistral import ocr_answer
from ilios.api.dialects.mistral.ocr_answer import Shown
from ilios.core.request_errors import InvalidField, TooManyFiles
from ilios.documents.queries import Result
from ilios.documents.snapshots import Snapshot
from ilios.documents.submission import MAX_BATCH_FILES
from ilios.engines import json_pieces
from ilios.engines.json_pieces import Fields
from ilios.storage.base import ObjectStore

BLOCK_BYTES: Final = 64 * 1024
CUSTOM_ID_MAX_CHARACTERS: Final = 256
_SPACE: Final = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Line:
    """A request of a batch, as it is kept until its answer is written."""

    custom_id: str
    shown: Shown
    notes: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> Line:
        return cls(kept["custom_id"], Shown(**kept["shown"]), kept["notes"])


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: the body of one call, under the name that its client gave it."""

    custom_id: str
    body: JsonBody


def of_file(stream: BinaryIO, new_sink: NewSink, first: int) -> Iterator[Request]:
    """Yield the requests of a file of lines; `first` is the number of the first one.

    Raises MalformedRequest, InvalidField, TooManyFiles, and what the sinks raise.
    """
    for number, line in enumerate(_lines(stream), first):
        _require_few(number)
        yield _request(json_bodies.read(line, new_sink), number)


def of_list(body: JsonBody, first: int) -> Iterator[Request]:
    """Yield the requests that stand in a body itself. Raise InvalidField, TooManyFiles."""
    listed = body.value.get("requests")
    if listed is None:
        return
    if not isinstance(listed, list):
        raise InvalidField("requests", listed, "a list of objects")
    for number, value in enumerate(listed, first):
        _require_few(number)
        if not isinstance(value, dict):
            raise InvalidField("requests", value, "a list of objects")
        yield _request(JsonBody(value, body.new_sink, body.long_strings), number)


def answers(
    lines: Iterable[Line],
    found: Iterable[tuple[Snapshot, Result | None]],
    store: ObjectStore,
) -> Iterator[str]:
    """Yield a line for each request, with its answer or with its error."""
    for line, (document, result) in zip(lines, found, strict=True):
        fields = {"id": document.id, "custom_id": line.custom_id}
        if result is None:
            status, answer = 422, Fields(_error(document))
        else:
            warnings = [*line.notes, *document.warnings]
            status, answer = 200, ocr_answer.answer(result, line.shown, store, warnings)
        response = Fields({"status_code": status, "body": answer})
        error = None if result is not None else _error(document)
        yield from json_pieces.written(Fields({**fields, "response": response, "error": error}))
        yield "\n"


def dumped(lines: Iterable[Line]) -> bytes:
    """Return what of the lines is kept with their batch."""
    return json.dumps([line.as_json() for line in lines]).encode()


def loaded(kept: bytes) -> list[Line]:
    """Return the lines that `dumped` was given."""
    return [Line.of_json(line) for line in json.loads(kept)]


def _request(line: JsonBody, number: int) -> Request:
    body = line.value.get("body")
    if not isinstance(body, dict):
        raise InvalidField("body", body, "the body of a call")
    custom_id = line.value.get("custom_id")
    if custom_id is None:
        custom_id = str(number)
    if not isinstance(custom_id, str) or len(custom_id) > CUSTOM_ID_MAX_CHARACTERS:
        allowed = f"a text of at most {CUSTOM_ID_MAX_CHARACTERS} characters"
        raise InvalidField("custom_id", custom_id, allowed)
    return Request(custom_id, JsonBody(body, line.new_sink, line.long_strings))


def _require_few(number: int) -> None:
    if number >= MAX_BATCH_FILES:
        raise TooManyFiles(f"A batch may have {MAX_BATCH_FILES} requests.")


def _lines(stream: BinaryIO) -> Iterator[Iterator[bytes]]:
    """Yield the lines that are not blank, each in blocks: it is read before the next one."""
    held = b""

    def line() -> Iterator[bytes]:
        nonlocal held
        while held:
            block, ended, held = held.partition(b"\n")
            yield block
            if ended:
                return
            held = stream.read(BLOCK_BYTES)

    while held := held.lstrip(_SPACE) or stream.read(BLOCK_BYTES):
        held = held.lstrip(_SPACE)
        if held:
            yield line()


def _error(document: Snapshot) -> dict[str, Any]:
    return {
        "object": "error",
        "message": document.error or f"The document is {document.status.value}.",
        "code": document.error_code or document.status.value,
    }
