"""Fields by a schema, which the provider calls annotations: asked for, and read from an answer."""

from __future__ import annotations

import json
from typing import Any, Final

from ilios.engines.extraction import ExtractionRequest
from ilios.engines.mistral import answer_fields
from ilios.engines.mistral.answer_limits import ANNOTATION_MAX_CHARACTERS, EXTRACTION_MAX_CHARACTERS

DOCUMENT: Final = "document"  #: names of schemas, which the provider wants
IMAGE: Final = "image"


def request_fields(extraction: ExtractionRequest | None) -> dict[str, Any]:
    """Return the fields of a request that ask for what the texts describe; none without texts."""
    texts = extraction.texts if extraction else None
    if texts is None:
        return {}
    asked = {
        "document_annotation_format": texts.schema and _format(DOCUMENT, texts.schema),
        "document_annotation_prompt": texts.instructions if texts.schema else None,
        "bbox_annotation_format": texts.image_schema and _format(IMAGE, texts.image_schema),
    }
    return {name: value for name, value in asked.items() if value is not None}


def of_document(answer: dict[str, Any]) -> str | None:
    """Return the JSON that an answer has for the document; None without any."""
    return _text(answer, "document_annotation", EXTRACTION_MAX_CHARACTERS)


def of_image(image: dict[str, Any]) -> str | None:
    """Return the JSON that an answer has for an image; None without any."""
    return _text(image, "image_annotation", ANNOTATION_MAX_CHARACTERS)


def _format(name: str, schema: str) -> dict[str, Any]:
    # Without `strict`: what it demands of a schema is the provider's affair.
    return {"type": "json_schema", "json_schema": {"name": name, "schema": json.loads(schema)}}


def _text(fields: dict[str, Any], name: str, most: int) -> str | None:
    value = fields.get(name)
    if isinstance(value, dict | list):  # not as a string, as the provider has it
        fields = {name: json.dumps(value, ensure_ascii=False)}
    return answer_fields.text(fields, name, most) or None
