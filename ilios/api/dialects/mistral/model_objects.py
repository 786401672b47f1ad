"""Models as Mistral's API lists them."""

from __future__ import annotations

from typing import Any, Final

from ilios.api.dialects.mistral.ocr_options import LATEST, model_names
from ilios.core.settings import Settings
from ilios.engines import registry

LIST_SCHEMA: Final[dict[str, Any]] = {
    "title": "MistralModels",
    "type": "object",
    "required": ["object", "data"],
    "properties": {
        "object": {"type": "string", "enum": ["list"]},
        "data": {
            "type": "array",
            "items": {
                "title": "MistralModel",
                "type": "object",
                "required": ["id", "object", "type", "capabilities"],
                "properties": {
                    "id": {"type": "string"},
                    "object": {"type": "string", "enum": ["model"]},
                    "type": {"type": "string", "enum": ["base"]},
                    "capabilities": {"type": "object"},
                },
            },
        },
    },
}


def listed(settings: Settings) -> dict[str, Any]:
    """Return the models that a request may name; the SDK reads those of a known type only."""
    data = [_model(name, settings) for name in model_names(settings)]
    return {"object": "list", "data": data}


def _model(name: str, settings: Settings) -> dict[str, Any]:
    is_embedded = settings.engine_name == registry.EMBEDDED
    configured = registry.EMBEDDED if is_embedded else settings.ocr_model
    return {
        "id": name,
        "object": "model",
        "type": "base",
        "created": 0,
        "owned_by": "ilios" if is_embedded else "mistralai",
        "name": configured if name == LATEST else name,
        "aliases": [LATEST] if name == configured and name != LATEST else [],
        "capabilities": {"ocr": True, "completion_chat": False, "vision": False},
    }
