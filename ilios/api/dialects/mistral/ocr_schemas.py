"""What `/v1/ocr` takes and answers, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from ilios.api.schemas.requests import (
    GRANULARITIES,
    GRANULARITY,
    IMAGE_LIMIT_MAX,
    IMAGE_MIN_SIZE_MAX,
)

_OBJECT: Final = {"type": "object"}
_TEXT: Final = {"type": "string"}
_OPTIONAL_TEXT: Final = {"type": "string", "nullable": True}
_WHOLE: Final = {"type": "integer"}
_OPTIONAL_OBJECT: Final = {"type": "object", "nullable": True}
_FLAG: Final = {"type": "boolean", "nullable": True}
_OBJECTS: Final = {"type": "array", "items": _OBJECT}

REQUEST: Final[dict[str, Any]] = {
    "title": "MistralOcrRequest",
    "type": "object",
    "required": ["document"],
    "properties": {
        "model": _OPTIONAL_TEXT,
        "document": {
            "title": "MistralDocument",
            "type": "object",
            "description": "A data URL, a signed link of this service or a public address as "
            "`document_url` or `image_url`, or the `file_id` of an uploaded file.",
            "properties": {
                "type": _TEXT,
                "document_url": _TEXT,
                "document_name": _OPTIONAL_TEXT,
                "image_url": {"oneOf": [_TEXT, _OBJECT]},
                "file_id": _TEXT,
            },
        },
        "pages": {
            "nullable": True,
            "description": "Which pages, counted from 0: a list, or a text such as `0,2-4`.",
            "oneOf": [{"type": "array", "items": {"type": "integer", "minimum": 0}}, _TEXT],
        },
        "include_image_base64": _FLAG,
        "image_limit": {**_WHOLE, "minimum": 0, "maximum": IMAGE_LIMIT_MAX, "nullable": True},
        "image_min_size": {**_WHOLE, "minimum": 0, "maximum": IMAGE_MIN_SIZE_MAX, "nullable": True},
        "table_format": _OPTIONAL_TEXT,
        "extract_header": _FLAG,
        "extract_footer": _FLAG,
        "include_blocks": _FLAG,
        "confidence_scores_granularity": {
            "title": GRANULARITY,
            "type": "string",
            "enum": [*GRANULARITIES, None],
            "nullable": True,
        },
        "document_annotation_format": _OPTIONAL_OBJECT,
        "document_annotation_prompt": _OPTIONAL_TEXT,
        "bbox_annotation_format": _OPTIONAL_OBJECT,
    },
}
REQUEST_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {"application/json": {"schema": REQUEST}},
}
_PAGE: Final[dict[str, Any]] = {
    "title": "MistralPage",
    "type": "object",
    "required": ["index", "markdown", "images", "dimensions"],
    "properties": {
        "index": _WHOLE,
        "markdown": _TEXT,
        "images": _OBJECTS,
        "dimensions": {
            "title": "MistralDimensions",
            "type": "object",
            "nullable": True,
            "required": ["dpi", "height", "width"],
            "properties": {"dpi": _WHOLE, "height": _WHOLE, "width": _WHOLE},
        },
        "tables": _OBJECTS,
        "hyperlinks": {"type": "array", "items": _TEXT},
        "header": _OPTIONAL_TEXT,
        "footer": _OPTIONAL_TEXT,
        "confidence_scores": _OPTIONAL_OBJECT,
        "blocks": _OBJECTS,
    },
}
ANSWER: Final[dict[str, Any]] = {
    "title": "MistralOcrAnswer",
    "type": "object",
    "required": ["pages", "model", "usage_info", "document_annotation", "warnings"],
    "properties": {
        "pages": {"type": "array", "items": _PAGE},
        "model": _TEXT,
        "document_annotation": _OPTIONAL_TEXT,
        "usage_info": {
            "title": "MistralUsage",
            "type": "object",
            "required": ["pages_processed"],
            "properties": {"pages_processed": _WHOLE, "doc_size_bytes": _WHOLE},
        },
        "warnings": _OBJECTS,
    },
}
