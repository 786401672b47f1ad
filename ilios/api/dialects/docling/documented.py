"""What docling-serve takes and gives, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Any, Final

from ilios.api.dialects.blueprint import JSON
from ilios.api.dialects.docling.wanted import (
    FORMATS,
    IMAGE_MODES,
    INBODY,
    PREFIX_OF_CHUNKING,
    PREFIX_OF_CONVERSION,
    ZIP,
)

_OBJECT: Final[dict[str, Any]] = {"type": "object", "additionalProperties": True}
_TEXT: Final = {"type": "string"}
_TEXT_OR_NULL: Final = {"type": "string", "nullable": True}
_WARNINGS: Final = {"type": "array", "items": _OBJECT}

_OPTIONS: Final[dict[str, Any]] = {
    "to_formats": {"type": "array", "items": {"type": "string", "enum": list(FORMATS)}},
    "image_export_mode": {"type": "string", "enum": list(IMAGE_MODES)},
    "md_page_break_placeholder": _TEXT,
    "page_range": {"type": "array", "items": {"type": "integer"}},
}
_CHUNKING: Final[dict[str, Any]] = {
    "max_tokens": {"type": "integer", "minimum": 1},
    "include_raw_text": {"type": "boolean"},
}
_WITH_DOCUMENT: Final[dict[str, Any]] = {"include_converted_doc": {"type": "boolean"}}


def _form(title: str, **options: Any) -> dict[str, Any]:
    """Return the body of a request with files as a form."""
    properties = {
        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
        "target_type": {"type": "string", "enum": [INBODY, ZIP]},
        **options,
    }
    schema = {
        "title": title,
        "type": "object",
        "properties": properties,
        "required": ["files"],
    }
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _json(title: str, **options: Any) -> dict[str, Any]:
    """Return the body of a request with files in base64, or their addresses."""
    source = {
        "title": "DoclingSource",
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["file", "http"]},
            "filename": _TEXT,
            "base64_string": _TEXT,
            "url": _TEXT,
        },
    }
    properties = {
        "sources": {"type": "array", "items": source},
        "target": {"type": "object", "properties": {"kind": _TEXT}},
        **options,
    }
    schema = {
        "title": title,
        "type": "object",
        "properties": properties,
        "required": ["sources"],
    }
    return {"required": True, "content": {JSON: {"schema": schema}}}


def _prefixed(prefix: str, options: dict[str, Any]) -> dict[str, Any]:
    return {prefix + name: option for name, option in options.items()}


_OPTIONS_OBJECT: Final = {"title": "DoclingOptions", "type": "object", "properties": _OPTIONS}
_CHUNKING_OBJECT: Final = {
    "title": "DoclingChunkingOptions",
    "type": "object",
    "properties": _CHUNKING,
}
FILES: Final = _form("DoclingFiles", **_OPTIONS)
SOURCES: Final = _json("DoclingSources", options=_OPTIONS_OBJECT)
FILES_TO_CUT: Final = _form(
    "DoclingFilesToChunk",
    **_prefixed(PREFIX_OF_CONVERSION, _OPTIONS),
    **_prefixed(PREFIX_OF_CHUNKING, _CHUNKING),
    **_WITH_DOCUMENT,
)
SOURCES_TO_CUT: Final = _json(
    "DoclingSourcesToChunk",
    convert_options=_OPTIONS_OBJECT,
    chunking_options=_CHUNKING_OBJECT,
    **_WITH_DOCUMENT,
)
CONVERTED: Final = {
    "title": "DoclingResult",
    "type": "object",
    "properties": {
        "document": {
            "title": "DoclingDocument",
            "type": "object",
            "properties": {
                "filename": _TEXT,
                "md_content": _TEXT_OR_NULL,
                "json_content": {**_OBJECT, "nullable": True},
                "html_content": _TEXT_OR_NULL,
                "text_content": _TEXT_OR_NULL,
            },
        },
        "status": {"type": "string", "enum": ["success", "partial_success", "failure"]},
        "errors": {"type": "array", "items": _OBJECT},
        "processing_time": {"type": "number"},
        "timings": _OBJECT,
        "warnings": _WARNINGS,
    },
}
CHUNKS: Final = {
    "title": "DoclingChunks",
    "type": "object",
    "properties": {
        "chunks": {"type": "array", "items": _OBJECT},
        "documents": {"type": "array", "items": _OBJECT},
        "processing_time": {"type": "number"},
        "warnings": _WARNINGS,
    },
}
TASK: Final = {
    "title": "DoclingTask",
    "type": "object",
    "properties": {
        "task_id": _TEXT,
        "task_type": {"type": "string", "enum": ["convert", "chunk"]},
        "task_status": {"type": "string", "enum": ["pending", "started", "success", "failure"]},
        "task_position": {"type": "integer", "nullable": True},
        "task_meta": _OBJECT,
        "error_message": _TEXT_OR_NULL,
        "warnings": _WARNINGS,
    },
}
WAIT: Final = {
    "in": "query",
    "name": "wait",
    "schema": {"type": "number", "minimum": 0},
    "description": "Seconds to wait for the end, before the answer; at most 60 are waited.",
}
