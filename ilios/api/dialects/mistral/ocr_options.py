"""The options of a request for OCR, as the fields of an order and as what its answer shows.

What only Mistral can do has no effect with the embedded engine, and is noted; but for fields by a
schema, which nobody asks for by the way: these are refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from ilios.api.dialects.mistral.ocr_answer import Shown
from ilios.api.dialects.options import Options, is_writable, note
from ilios.api.requests.options import DEFAULT
from ilios.api.schemas.extraction_fields import INSTRUCTIONS_MAX_CHARACTERS
from ilios.api.schemas.requests import GRANULARITIES, IMAGE_LIMIT_MAX, IMAGE_MIN_SIZE_MAX
from ilios.core.request_errors import InvalidField, InvalidSchema
from ilios.core.settings import Settings
from ilios.engines import json_schemas, registry
from ilios.engines.json_schemas import UnusableSchema
from ilios.engines.page_selection import PageSelection

LATEST: Final = "mistral-ocr-latest"  #: in the words of clients: whatever is configured here
FAMILY: Final = "mistral-ocr"
MODEL_MAX_CHARACTERS: Final = 100
TABLE_FORMATS: Final = ("markdown", "html")
_LIMITS: Final = ("image_limit", "image_min_size")  #: of images; with 0 clients want none
_WORD: Final = "word"


@dataclass(frozen=True, slots=True)
class OcrRequest:
    """What a client asks for."""

    fields: dict[str, Any]  #: of an order
    pages: PageSelection | None
    shown: Shown
    notes: list[dict[str, Any]] = field(default_factory=list)


def wanted(options: Options, sent: dict[str, Any], settings: Settings) -> OcrRequest:
    """Read the options of a body, which is `sent` without its query.

    Raises InvalidField and InvalidSchema.
    """
    is_embedded = settings.engine_name == registry.EMBEDDED
    notes: list[dict[str, Any]] = []
    images = options.flag("include_image_base64", default=False)
    table_format = options.choice("table_format", TABLE_FORMATS)
    fields: dict[str, Any] = {
        "model": _model(options, settings, notes),
        "schema": _schema(options, "document_annotation_format"),
        "image_schema": _schema(options, "bbox_annotation_format"),
        "instructions": options.text(
            "document_annotation_prompt", most=INSTRUCTIONS_MAX_CHARACTERS
        ),
        "confidence": _confidence(options, sent, is_embedded=is_embedded),
    }
    if is_embedded:
        options.agree(extract_header=False, extract_footer=False)
        options.ignore(*(name for name in _LIMITS if not sent.get(name)))
        if table_format == "html":
            notes.append(note("table_format=html: tables stay as the embedded engine writes them"))
    else:
        fields |= {
            "include_images": images or None,
            "table_format": table_format,
            "extract_header": options.flag("extract_header", default=False),
            "extract_footer": options.flag("extract_footer", default=False),
        }
        limits = {
            "image_limit": options.whole("image_limit", 0, IMAGE_LIMIT_MAX),
            "image_min_size": options.whole("image_min_size", 0, IMAGE_MIN_SIZE_MAX) or None,
        }
        if images or fields["image_schema"]:  # else no images are asked for
            fields |= limits
    shown = Shown(
        blocks=options.flag("include_blocks", default=False),
        image_bytes=images,
        tables_apart=table_format is not None,
        confidence=fields["confidence"],
    )
    pages = options.pages("pages", first=0)
    options.ignore("document", "id")
    return OcrRequest(fields, pages, shown, [*notes, *options.notes()])


def model_names(settings: Settings) -> list[str]:
    """Return the names that a request may call a model by, those first that are true."""
    if settings.engine_name == registry.EMBEDDED:
        return [registry.EMBEDDED, LATEST]
    return list(dict.fromkeys((settings.ocr_model, *settings.pricing.book.models, LATEST)))


def _model(options: Options, settings: Settings, notes: list[dict[str, Any]]) -> str:
    """Return the model of an order: a name of the provider's that it does not know is no matter."""
    name = options.text("model", DEFAULT, most=MODEL_MAX_CHARACTERS) or DEFAULT
    if not name.startswith(FAMILY) or name == LATEST:
        return DEFAULT if name == LATEST else name
    if settings.engine_name == registry.EMBEDDED:
        return DEFAULT
    if name in model_names(settings):
        return name
    notes.append(note(f"model={name}: {settings.ocr_model} converts (OCR_MODEL)"))
    return DEFAULT


def _confidence(options: Options, sent: dict[str, Any], *, is_embedded: bool) -> str | None:
    """Return what gets a confidence of its own; words do with Mistral only."""
    name = "confidence_scores_granularity"
    if is_embedded and sent.get(name) == _WORD:
        return "page"  # unread, so that it is noted
    return options.choice(name, GRANULARITIES)


def _schema(options: Options, name: str) -> str | None:
    """Return the JSON Schema of a format as it is stored; None for a format without one."""
    value = options.value(name)
    if value is None or (isinstance(value, dict) and value.get("type") == "text"):
        return None
    inner = value.get("json_schema") if isinstance(value, dict) else None
    schema = inner.get("schema") if isinstance(inner, dict) else None
    if not isinstance(schema, dict) or value.get("type") != "json_schema":
        allowed = '{"type": "json_schema", "json_schema": {"name": …, "schema": {…}}}'
        raise InvalidField(name, value, allowed)
    text = json.dumps(schema, ensure_ascii=False)
    if not is_writable(text):
        raise InvalidField(name, value, "a schema of whole characters")
    try:
        return json_schemas.checked(text)
    except UnusableSchema as error:
        raise InvalidSchema(name, error.why, error.path) from error
