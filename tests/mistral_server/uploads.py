"""`POST /v1/files`: a file is streamed to disk, looked at, and stored."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from aiohttp import BodyPartReader, web
from pydantic import Field
from pydantic_core import from_json, to_json

from tests.mistral_server.documents import Content, kind_of
from tests.mistral_server.faults import Target, deliver
from tests.mistral_server.file_store import MAX_BYTES, NewFile, StoredFile
from tests.mistral_server.provider import CALL, PROVIDER, Provider
from tests.mistral_server.refusals import JSON, Refusal, invalid, plain_status
from tests.mistral_server.wire import Strict, read

CHUNK_BYTES = 256 * 1024
FIELD_MAX_BYTES = 1024
LINE_CHECK_BYTES = 64 * 1024  #: longer lines of a batch's input are only looked at


class UploadForm(Strict):
    """The fields beside the file; all of them are text on the wire.

    Guess: without a purpose a file is for fine-tuning, as the predecessors of OCR had it.
    """

    purpose: Literal["fine-tune", "batch", "ocr", "agentic_safety"] = "fine-tune"
    expiry: int | None = Field(default=None, ge=1, strict=False)  #: hours
    visibility: Literal["workspace", "user"] = "workspace"


async def handle(request: web.Request) -> web.StreamResponse:
    provider, call = request.app[PROVIDER], request[CALL]
    if not request.content_type.startswith("multipart/"):
        raise invalid(["body", "file"], "Field required", "missing")
    with provider.files.writing() as new:
        form, name, mimetype = await _receive(request, new)
        call.bytes_received, call.sha256, call.file_name = new.size, new.sha256, name
        await provider.documents.off_loop(lambda: _check(new, form, name))
        hit = provider.faults.strike(Target("upload", new.sha256, name))

        async def work() -> web.Response:
            file = _stored(provider, new, form, name, mimetype)
            call.file_id = file.id
            return web.Response(body=to_json(file.schema()), content_type=JSON)

        answer = await deliver(request, call, hit, work)
        if call.file_id is None:
            new.path.unlink()
        return answer


async def _receive(request: web.Request, new: NewFile) -> tuple[UploadForm, str, str | None]:
    """Write the file, whatever order the parts come in. Raises Refusal."""
    fields: dict[str, str] = {}
    name: str | None = None
    mimetype: str | None = None
    async for part in _parts(request):
        if part.name != "file":
            fields[part.name or ""] = (await part.read_chunk(FIELD_MAX_BYTES)).decode()
            continue
        name = part.filename or "file"
        mimetype = part.headers.get("Content-Type")
        while chunk := await part.read_chunk(CHUNK_BYTES):
            new.write(chunk)
            if new.size > MAX_BYTES:
                raise plain_status(413)
    if name is None:
        raise invalid(["body", "file"], "Field required", "missing")
    new.finish()
    return read(UploadForm, fields), name, mimetype


async def _parts(request: web.Request) -> AsyncIterator[BodyPartReader]:
    try:
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader):
                yield part
    except ValueError:
        raise invalid(["body"], "There was an error parsing the body") from None


def _check(new: NewFile, form: UploadForm, name: str) -> None:
    """Seen: files that OCR does not read, and batches that are not JSONL, are a 422. Its detail
    is a string."""
    if form.purpose == "ocr":
        try:
            kind_of(Content(name, "", new.size, new.path))
        except Refusal as refusal:
            raise Refusal(
                422, {"detail": "Invalid file format.", "message": refusal.text}
            ) from None
    if form.purpose == "batch":
        _check_lines(new.path)


def _check_lines(path: Path) -> None:
    errors = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if problem := _problem_of(line.strip()):
                errors.append({"message": problem, "line_number": number})
    if errors:
        description = f"Found {len(errors)} errors in this file."
        body = {"detail": "Invalid file format.", "description": description, "errors": errors}
        raise Refusal(422, body)


def _problem_of(line: bytes) -> str | None:
    """Guess: the body's fields are not looked at before the job runs."""
    if not line:
        return None
    if len(line) > LINE_CHECK_BYTES:
        return None if line[:1] == b"{" and line[-1:] == b"}" else "line contains invalid json"
    try:
        entry = from_json(line)
    except ValueError:
        return "line contains invalid json"
    if not isinstance(entry, dict) or not isinstance(entry.get("body"), dict):
        return "line has no body"
    return None


def _stored(
    provider: Provider, new: NewFile, form: UploadForm, name: str, mimetype: str | None
) -> StoredFile:
    behaviour = provider.behaviour
    is_batch = form.purpose == "batch"
    now = time.time()
    file = StoredFile(
        name=name,
        purpose=form.purpose,
        path=new.path,
        size=new.size,
        sha256=new.sha256,
        sample_type="batch_request" if is_batch else "ocr_input",
        mimetype=mimetype,
        num_lines=new.num_lines if is_batch else None,
        expires_at=None if form.expiry is None else int(now + form.expiry * 3600),
        visible_at=now + behaviour.file_visible_after_ms / 1000,
        visibility=form.visibility,
    )
    return provider.files.add(file, same_id=behaviour.same_file_id)
