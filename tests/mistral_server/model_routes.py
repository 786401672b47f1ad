"""`GET /v1/models`: what the account may use."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic_core import to_json

from tests.mistral_server.faults import Target, deliver
from tests.mistral_server.provider import CALL, PROVIDER
from tests.mistral_server.refusals import JSON
from tests.mistral_server.wire import ALIASES, MODELS

CHAT_MODEL = "mistral-small-2603"
CREATED = 1_770_000_000


async def list_models(request: web.Request) -> web.StreamResponse:
    """Seen: an alias is listed like a model, and each names the other. Made up: one for chat."""

    async def work() -> web.Response:
        cards = [_card(name, is_ocr=True) for name in (*MODELS, *ALIASES)]
        body = {"object": "list", "data": [*cards, _card(CHAT_MODEL, is_ocr=False)]}
        return web.Response(body=to_json(body), content_type=JSON)

    hit = request.app[PROVIDER].faults.strike(Target("models"))
    return await deliver(request, request[CALL], hit, work)


def _card(name: str, *, is_ocr: bool) -> dict[str, Any]:
    full = ALIASES.get(name, name)
    same = [full, *(alias for alias, model in ALIASES.items() if model == full)]
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": "mistralai",
        "capabilities": {"completion_chat": not is_ocr, "vision": is_ocr, "ocr": is_ocr},
        "name": full,
        "description": f"Official {full} Mistral AI model",
        "max_context_length": 16384,
        "aliases": [other for other in same if other != name],
        "deprecation": None,
        "type": "base",
    }
