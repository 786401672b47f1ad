"""The application: routes, keys, the journal around every call, and the control plane."""

from __future__ import annotations

import time
from email.utils import formatdate

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from tests.mistral_server import batch_routes, file_routes, model_routes, ocr, uploads
from tests.mistral_server.faults import is_gone
from tests.mistral_server.provider import CALL, PROVIDER, Provider
from tests.mistral_server.refusals import JSON, Refusal, plain_status
from tests.mistral_server.wire import details

MAX_BODY_BYTES = 80 * 1024 * 1024
FETCH = "fetch"


def build(provider: Provider) -> web.Application:
    app = web.Application(middlewares=[journalled], client_max_size=MAX_BODY_BYTES)
    app[PROVIDER] = provider
    app.on_cleanup.append(provider.close)
    app.on_response_prepare.append(dated)
    for method, path, kind, handler in ROUTES:
        app.router.add_route(method, path, handler, name=kind)
    app.router.add_post("/__control", control)
    app.router.add_post("/__reset", reset)
    app.router.add_get("/__journal", journal)
    app.router.add_get("/__stats", stats)
    return app


#: The name of a route is the kind of its calls.
ROUTES = (
    ("POST", "/v1/ocr", "ocr", ocr.handle),
    ("POST", "/v1/files", "upload", uploads.handle),
    ("GET", "/v1/files", "list", file_routes.list_files),
    ("GET", "/v1/files/{file_id}", "retrieve", file_routes.retrieve),
    ("GET", "/v1/files/{file_id}/url", "url", file_routes.link),
    ("GET", "/v1/files/{file_id}/content", "download", file_routes.download),
    ("DELETE", "/v1/files/{file_id}", "delete", file_routes.delete),
    ("POST", "/v1/batch/jobs", "batch", batch_routes.create),
    ("GET", "/v1/batch/jobs", "batch_list", batch_routes.list_jobs),
    ("GET", "/v1/batch/jobs/{job_id}", "batch_get", batch_routes.get),
    ("POST", "/v1/batch/jobs/{job_id}/cancel", "batch_cancel", batch_routes.cancel),
    ("DELETE", "/v1/batch/jobs/{job_id}", "batch_delete", batch_routes.delete),
    ("GET", "/v1/models", "models", model_routes.list_models),
    ("GET", "/signed/{token}", FETCH, file_routes.fetch),
)


@web.middleware
async def journalled(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write every call down, refuse unknown keys, and say refusals the provider's way."""
    kind = request.match_info.route.name
    if kind is None:
        return await _unlisted(request, handler)
    provider = request.app[PROVIDER]
    with provider.journal.call(kind) as call:
        request[CALL] = call
        call.traceparent = request.headers.get("traceparent")
        try:
            if kind != FETCH:
                _authorize(request, provider)
            answer = await handler(request)
        except Refusal as refusal:
            call.status = refusal.status
            return refusal.response()
        except web.HTTPException as error:
            call.status = error.status
            return plain_status(error.status).response()
        except ConnectionResetError:  # the client left in the middle of its request
            return web.Response()
        if not is_gone(request):
            call.status = answer.status
        return answer


async def _unlisted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handle the control plane, and unknown paths."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.json_response({"detail": error.reason}, status=error.status)


async def dated(request: web.Request, answer: web.StreamResponse) -> None:
    """Say what time it is by the provider's clock."""
    ahead_s = request.app[PROVIDER].behaviour.clock_ahead_s
    answer.headers["Date"] = formatdate(time.time() + ahead_s, usegmt=True)


async def control(request: web.Request) -> web.Response:
    try:
        request.app[PROVIDER].control(from_json(await request.read()))
    except ValidationError as error:
        return web.json_response({"detail": details(error)}, status=422)
    return web.json_response({})


async def reset(request: web.Request) -> web.Response:
    request.app[PROVIDER].reset()
    return web.json_response({})


async def journal(request: web.Request) -> web.Response:
    return web.Response(body=to_json(request.app[PROVIDER].report()), content_type=JSON)


async def stats(request: web.Request) -> web.Response:
    return web.Response(body=to_json(request.app[PROVIDER].report().stats), content_type=JSON)


def _authorize(request: web.Request, provider: Provider) -> None:
    behaviour = provider.behaviour
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or key not in behaviour.keys:
        raise plain_status(401)
    if behaviour.account is not None:
        raise plain_status(behaviour.account)
