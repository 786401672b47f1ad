"""Files as Mistral's API shows them."""

from __future__ import annotations

from typing import Any, Final

from ilios.api.dialects.mistral.batch_objects import PURPOSE as BATCH_JOB
from ilios.documents.kept_files import KeptFile

SAMPLE_TYPES: Final = {"ocr": "ocr_input", "batch": "batch_request"}  #: by purpose
PURPOSES: Final = tuple(SAMPLE_TYPES)
SCHEMA: Final[dict[str, Any]] = {
    "title": "MistralFile",
    "type": "object",
    "required": [
        *("id", "object", "bytes", "created_at", "filename", "purpose", "sample_type", "source"),
        *("mimetype", "expires_at"),
    ],
    "properties": {
        "id": {"type": "string"},
        "object": {"type": "string", "enum": ["file"]},
        "bytes": {"type": "integer", "description": "Of results of a job 0: they are made anew."},
        "created_at": {"type": "integer", "description": "Seconds since 1970."},
        "filename": {"type": "string"},
        "purpose": {"type": "string", "enum": list(PURPOSES)},
        "sample_type": {"type": "string"},
        "source": {"type": "string", "enum": ["upload", "mistral"]},
        "mimetype": {"type": "string"},
        "expires_at": {"type": "integer", "nullable": True},
        "deleted": {"type": "boolean"},
        "warnings": {"type": "array", "items": {"type": "object"}},
    },
}
LIST_SCHEMA: Final[dict[str, Any]] = {
    "title": "MistralFiles",
    "type": "object",
    "required": ["data", "object", "total"],
    "properties": {
        "data": {"type": "array", "items": SCHEMA},
        "object": {"type": "string", "enum": ["list"]},
        "total": {"type": "integer"},
    },
}


def shown(kept: KeptFile) -> dict[str, Any]:
    """Return a file with all fields that the SDK requires; what a job is kept as is its results."""
    is_job = kept.purpose == BATCH_JOB
    return {
        "id": kept.id,
        "object": "file",
        "bytes": 0 if is_job else kept.size_bytes,
        "created_at": int(kept.created_at.timestamp()),
        "filename": kept.file_name,
        "purpose": "batch" if is_job else kept.purpose,
        "sample_type": "batch_result" if is_job else SAMPLE_TYPES[kept.purpose],
        "source": "mistral" if is_job else "upload",
        "num_lines": None,
        "mimetype": kept.media_type,
        "signature": None,
        "expires_at": None if kept.expires_at is None else int(kept.expires_at.timestamp()),
    }
