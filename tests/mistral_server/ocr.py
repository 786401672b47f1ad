"""`POST /v1/ocr`, and the work behind it, which batches do too."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_json

from tests.mistral_server import wire
from tests.mistral_server.annotations import annotation
from tests.mistral_server.documents import MAX_BYTES, MAX_PAGES, PAGED, Content, Known
from tests.mistral_server.faults import Hit, Target, deliver
from tests.mistral_server.journal import Call
from tests.mistral_server.provider import CALL, PROVIDER, SIGNED_PATH, Provider
from tests.mistral_server.refusals import (
    JSON,
    Refusal,
    error,
    file_not_found,
    plain_status,
    unfetchable,
)
from tests.mistral_server.rendering import Renderer
from tests.mistral_server.wire import DocumentURLChunk, FileChunk, ImageURLChunk, OcrRequest

#: Four times as fast as binascii; it would take the URL-safe alphabet too.
BASE64 = TypeAdapter(bytes, config=ConfigDict(val_json_bytes="base64"))
LARGE_BYTES = 1024 * 1024  #: from here on work is not done on the event loop


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer, and how many pages it costs."""

    body: dict[str, Any]
    pages_billed: int


async def handle(request: web.Request) -> web.StreamResponse:
    provider, call = request.app[PROVIDER], request[CALL]
    body = await request.read()
    call.bytes_received = len(body)
    arrived = time.monotonic()
    asked = await _parse(provider, body)
    content = await admit(provider, asked, call)
    hit = provider.faults.strike(await target(provider, "ocr", content, asked))

    async def work() -> web.Response:
        answer = await convert(provider, asked, content, hit)
        await provider.wait_for_latency(arrived)
        call.pages_billed = answer.pages_billed
        return web.Response(body=to_json(answer.body), content_type=JSON)

    return await deliver(request, call, hit, work)


async def admit(provider: Provider, asked: OcrRequest, call: Call) -> Content:
    """Return the document of a request. Raises Refusal for its model or its size."""
    call.model = resolve_model(asked.model)
    call.pages_asked = asked.pages
    call.annotated = asked.is_annotated
    content = await _content(provider, asked, call)
    call.file_name, call.sha256 = content.name, content.sha256
    if content.size > MAX_BYTES:
        raise plain_status(413)
    return content


async def target(
    provider: Provider, on: str, content: Content, asked: OcrRequest, custom_id: str | None = None
) -> Target:
    """Return the call as fault rules see it; its text is read only if a rule asks for it."""
    text = ""
    if provider.faults.need_text(on):
        known = await _read(provider, asked, content, lenient=True)
        text = "\n".join(page.text for page in known.pages.values())
    return Target(on, content.sha256, content.name, custom_id, text)


async def convert(
    provider: Provider, asked: OcrRequest, content: Content, hit: Hit | None = None
) -> Answer:
    """Return the answer to a request. Raises Refusal for documents that cannot be read.

    Guess: pages beyond the document are left out without a word.
    """
    known = await _read(provider, asked, content, lenient=provider.behaviour.lenient)
    _check(asked, content, known)
    indexes = _indexes(asked, known)
    if hit is not None:
        indexes = _shortened(indexes, hit)
    annotations = provider.behaviour.annotations
    renderer = Renderer(asked, annotations)
    pages = []
    for index in indexes:
        page = known.pages[index]
        jpegs = None
        if asked.include_image_base64 and page.images and asked.image_limit != 0:
            jpegs = await provider.documents.image_urls(content, known, index)
        pages.append(renderer.page(index, page, jpegs))
    body = {
        "pages": pages,
        "model": resolve_model(asked.model) + provider.behaviour.model_suffix,
        "document_annotation": annotation(asked.document_annotation_format, annotations),
        "usage_info": {"pages_processed": len(pages), "doc_size_bytes": content.size},
    }
    if hit is not None and hit.fault.kind == "odd":
        body = _odd(body, hit)
    return Answer(body, len(pages))


def resolve_model(name: str | None) -> str:
    """Return the full name. Raises Refusal for models that are unknown or retired."""
    model = wire.ALIASES.get(name or "", name or "")
    if model not in wire.MODELS:
        raise error("invalid_model", f"Invalid model: {name}")
    return model


async def _read(provider: Provider, asked: OcrRequest, content: Content, *, lenient: bool) -> Known:
    try:
        return await provider.documents.read(content, asked.selection(), lenient=lenient)
    except FileNotFoundError:  # deleted while this call was at work
        raise _vanished(provider) from None


async def _parse(provider: Provider, body: bytes) -> OcrRequest:
    if len(body) < LARGE_BYTES:
        return wire.read(OcrRequest, body)
    return await provider.documents.off_loop(lambda: wire.read(OcrRequest, body))


async def _content(provider: Provider, asked: OcrRequest, call: Call) -> Content:
    document = asked.document
    if isinstance(document, FileChunk):
        call.source, call.file_id = "file", document.file_id
        if file := provider.files.get(document.file_id):
            return file.content
        raise _vanished(provider)
    url = document.url if isinstance(document, ImageURLChunk) else document.document_url
    if not url.startswith("data:"):
        call.source = "url"
        return _fetched(provider, url)
    call.source = "inline"
    name = (document.document_name if isinstance(document, DocumentURLChunk) else None) or ""
    if len(url) < LARGE_BYTES:
        return _decoded(url, name)
    return await provider.documents.off_loop(lambda: _decoded(url, name))


def _vanished(provider: Provider) -> Refusal:
    if provider.behaviour.vanished_file == 404:
        return file_not_found()
    return error("invalid_request_file", "File could not be fetched.")


def _fetched(provider: Provider, url: str) -> Content:
    """Fetch from this server's own signed links only. Raises Refusal."""
    prefix = provider.url + SIGNED_PATH
    file = provider.files.signed(url.removeprefix(prefix)) if url.startswith(prefix) else None
    if file is None:
        raise unfetchable(url)
    return file.content


def _decoded(url: str, name: str) -> Content:
    """Guess: base64 that cannot be read is a file that cannot be fetched. Raises Refusal."""
    head, _, encoded = url.partition(";base64,")
    try:
        source = BASE64.validate_json(f'"{encoded}"')
    except ValidationError:
        source = b""
    if not source or "-" in encoded or "_" in encoded:
        raise error("invalid_request_file", "File could not be decoded.")
    if head.startswith("data:application/pdf") and not name:
        name = "document.pdf"
    return Content(name, hashlib.sha256(source).hexdigest(), len(source), source)


def _check(asked: OcrRequest, content: Content, known: Known) -> None:
    if known.count > MAX_PAGES:
        message = (
            f"This document has {known.count} pages, which is more than the maximum allowed of"
            f" {MAX_PAGES}."
        )
        raise error("document_parser_too_many_pages", message)
    if isinstance(asked.document, ImageURLChunk) and known.kind != "image":
        raise error("invalid_request_file", "File is not an image.")  # guess
    if known.kind in {"docx", "pptx"}:
        _check_office_images(asked, known)


def _check_office_images(asked: OcrRequest, known: Known) -> None:
    """Seen: an explicit `include_image_base64: false` without `image_limit: 0` is refused.

    Leaving the field out is fine. Guess: the type and the code.
    """
    if asked.include_image_base64 is False and asked.image_limit != 0:
        raise error(
            "invalid_request_error",
            f"For .{known.kind} files, extracted images can only be returned in base64. If you"
            " don't want images, try setting `image_limit=0` instead.",
        )


def _indexes(asked: OcrRequest, known: Known) -> list[int]:
    """Seen: a selection is answered in its own order, and a docx ignores it."""
    selection = asked.selection()
    if selection is None or known.kind not in PAGED:
        return list(range(known.count))
    return [index for index in selection if index < known.count]


def _shortened(indexes: list[int], hit: Hit) -> list[int]:
    if hit.fault.kind == "no_pages":
        return []
    if hit.fault.kind == "too_few_pages":
        return indexes[: -hit.fault.missing]
    return indexes


def _odd(body: dict[str, Any], hit: Hit) -> dict[str, Any]:
    """Put what the rule says in place of what belongs there."""
    pages = [{**page, **(hit.fault.page or {})} for page in body["pages"]]
    changes = hit.fault.body if isinstance(hit.fault.body, dict) else {}
    return {**body, "pages": pages, **changes}
