"""`/v1/files`: list, retrieve, link, download, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web
from pydantic import Field
from pydantic_core import to_json

from tests.mistral_server.faults import Target, deliver
from tests.mistral_server.file_store import StoredFile
from tests.mistral_server.provider import CALL, PROVIDER, SIGNED_PATH, Provider
from tests.mistral_server.refusals import JSON, file_not_found, plain_status
from tests.mistral_server.wire import Strict, read

OCTETS = "application/octet-stream"


class ListQuery(Strict, extra="ignore"):
    """Guess: `search` is a part of the file's name."""

    page: int = Field(default=0, ge=0, strict=False)
    page_size: int = Field(default=100, ge=1, le=1000, strict=False)
    include_total: bool = Field(default=True, strict=False)
    purpose: str | None = None
    search: str | None = None


class LinkQuery(Strict, extra="ignore"):
    expiry: int = Field(default=24, ge=1, le=168, strict=False)


async def list_files(request: web.Request) -> web.StreamResponse:
    provider, call = request.app[PROVIDER], request[CALL]
    asked = read(ListQuery, dict(request.query))
    wanted = {
        name: set(request.query.getall(name, [])) for name in ("sample_type", "source", "mimetypes")
    }

    async def work() -> web.Response:
        found = [file for file in provider.files.all() if _is_listed(file, asked, wanted)]
        start = asked.page * asked.page_size
        rows = [file.schema() for file in found[start : start + asked.page_size]]
        total = len(found) if asked.include_total else None
        return _json({"data": rows, "object": "list", "total": total})

    return await deliver(request, call, provider.faults.strike(Target("list")), work)


async def retrieve(request: web.Request) -> web.StreamResponse:
    return await _about(
        request, "retrieve", lambda _, file: _json({**file.schema(), "deleted": False})
    )


async def link(request: web.Request) -> web.StreamResponse:
    hours = read(LinkQuery, dict(request.query)).expiry

    def signed(provider: Provider, file: StoredFile) -> web.Response:
        token = provider.files.sign(file, hours)
        return _json({"url": f"{provider.url}{SIGNED_PATH}{token}"})

    return await _about(request, "url", signed)


async def download(request: web.Request) -> web.StreamResponse:
    """Read the body into memory for a fault; otherwise it goes from disk to socket."""
    will_fail = bool(request.app[PROVIDER].behaviour.faults)

    def content(_: Provider, file: StoredFile) -> web.StreamResponse:
        if will_fail:
            return web.Response(body=file.path.read_bytes(), content_type=OCTETS)
        return web.FileResponse(file.path, headers={"Content-Type": OCTETS})

    return await _about(request, "download", content)


async def delete(request: web.Request) -> web.StreamResponse:
    def gone(provider: Provider, file: StoredFile) -> web.Response:
        provider.files.delete(file.id)
        return _json({"id": file.id, "object": "file", "deleted": True})

    return await _about(request, "delete", gone)


async def fetch(request: web.Request) -> web.StreamResponse:
    """Handle a signed link, which needs no key."""
    file = request.app[PROVIDER].files.signed(request.match_info["token"])
    if file is None:
        raise plain_status(403)
    return web.FileResponse(file.path, headers={"Content-Type": OCTETS})


async def _about(
    request: web.Request,
    on: str,
    act: Callable[[Provider, StoredFile], web.StreamResponse],
) -> web.StreamResponse:
    """Handle a request about one file, which may be unknown or meet a fault."""
    provider, call = request.app[PROVIDER], request[CALL]
    call.file_id = request.match_info["file_id"]
    file = provider.files.get(call.file_id)
    if file is None:
        raise file_not_found()
    call.file_name, call.sha256 = file.name, file.sha256

    async def work() -> web.StreamResponse:
        if provider.files.get(file.id) is None:  # deleted while this call was delayed
            raise file_not_found()
        return act(provider, file)

    hit = provider.faults.strike(Target(on, file.sha256, file.name))
    return await deliver(request, call, hit, work)


def _is_listed(file: StoredFile, asked: ListQuery, wanted: dict[str, set[str]]) -> bool:
    return (
        asked.purpose in {None, file.purpose}
        and (asked.search or "") in file.name
        and (not wanted["sample_type"] or file.sample_type in wanted["sample_type"])
        and (not wanted["source"] or file.source in wanted["source"])
        and (not wanted["mimetypes"] or file.mimetype in wanted["mimetypes"])
    )


def _json(body: dict[str, Any]) -> web.Response:
    return web.Response(body=to_json(body), content_type=JSON)
