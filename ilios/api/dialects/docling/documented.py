"""What docling-serve takes and gives, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Any, Final

from ilios.api.dialects.docling.wanted import FORMATS, IMAGE_MODES, INBODY, ZIP

_OBJECT: Final[dict[str, Any]] = {"type": "object", "additionalProperties": True}
_TEXT: Final = {"type": "string"}
_TEXT_OR_NULL: Final = {"type": "string", "nullable": True}
_WARNINGS: Final = {"type": "array", "items": _OBJECT}

_OPTIONS: Final = {
    "to_formats": {"type": "array", "items": {"type": "string", "enum": list(FORMATS)}},
    "image_export_mode": {"type": "string", "enum": list(IMAGE_MODES)},
    "md_page_break_placeholder": _TEXT,
    "page_range": {"type": "array", "items": {"type": "integer"}},
}
FILES: Final = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    "target_type": {"type": "string", "enum": [INBODY, ZIP]},
                    **_OPTIONS,
                },
                "required": ["files"],
            }
        }
    },
}
SOURCES: Final = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "options": {"type": "object", "properties": _OPTIONS},
                    "sources": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "kind": {"type": "string", "enum": ["file"]},
                                "filename": _TEXT,
                                "base64_string": _TEXT,
                            },
                            "required": ["base64_string"],
                        },
                    },
                    "target": {"type": "object", "properties": {"kind": _TEXT}},
                },
                "required": ["sources"],
            }
        }
    },
}
CONVERTED: Final = {
    "type": "object",
    "properties": {
        "document": {
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
    "type": "object",
    "properties": {
        "chunks": {"type": "array", "items": _OBJECT},
        "documents": {"type": "array", "items": _OBJECT},
        "processing_time": {"type": "number"},
        "warnings": _WARNINGS,
    },
}
TASK: Final = {
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
