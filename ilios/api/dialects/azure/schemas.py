"""The answers of the dialect, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Any, Final

from ilios.api.dialects.azure.analysis_options import CONTENT_FORMATS, UNITS
from ilios.api.dialects.blueprint import JSON, OPAQUE
from ilios.api.schemas.responses import BINARY

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer", "minimum": 0}
_SPAN: Final = {
    "title": "AzureSpan",
    "type": "object",
    "properties": {"offset": _NUMBER, "length": _NUMBER},
}
_SPANS: Final = {"type": "array", "items": _SPAN}
_POLYGON: Final = {
    "type": "array",
    "items": {"type": "number"},
    "description": "Four corners, clockwise from the upper left one; x and y in turn.",
}
_REGIONS: Final = {
    "type": "array",
    "items": {
        "title": "AzureRegion",
        "type": "object",
        "properties": {"pageNumber": _NUMBER, "polygon": _POLYGON},
    },
}


def _list_of(title: str, /, **fields: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"title": title, "type": "object", "properties": fields}}


_ERROR: Final = {
    "title": "AzureErrorDetail",
    "type": "object",
    "properties": {
        "code": {**_TEXT, "description": "As Azure says it, by the status."},
        "message": _TEXT,
        "innererror": {"type": "object", "properties": {"code": _TEXT, "message": _TEXT}},
    },
    "required": ["code", "message", "innererror"],
}
ERROR: Final = {
    "title": "AzureError",
    "type": "object",
    "properties": {"error": _ERROR},
    "required": ["error"],
}
_PAGES: Final = _list_of(
    "AzurePage",
    pageNumber=_NUMBER,
    angle={"type": "number"},
    width={"type": "number"},
    height={"type": "number"},
    unit={"type": "string", "enum": ["inch", "pixel"]},
    words=_list_of("AzureWord", content=_TEXT, span=_SPAN, confidence={"type": "number"}),
    lines=_list_of("AzureLine", content=_TEXT, polygon=_POLYGON, spans=_SPANS),
    spans=_SPANS,
)
_CELLS: Final = _list_of(
    "AzureCell",
    kind=_TEXT,
    rowIndex=_NUMBER,
    columnIndex=_NUMBER,
    rowSpan=_NUMBER,
    columnSpan=_NUMBER,
    content=_TEXT,
    spans=_SPANS,
)
_ANALYSIS: Final = {
    "title": "AzureAnalysis",
    "type": "object",
    "properties": {
        "apiVersion": _TEXT,
        "modelId": _TEXT,
        "stringIndexType": {"type": "string", "enum": list(UNITS)},
        "contentFormat": {"type": "string", "enum": list(CONTENT_FORMATS)},
        "content": _TEXT,
        "pages": _PAGES,
        "paragraphs": _list_of(
            "AzureParagraph", role=_TEXT, content=_TEXT, boundingRegions=_REGIONS, spans=_SPANS
        ),
        "tables": _list_of(
            "AzureTable",
            rowCount=_NUMBER,
            columnCount=_NUMBER,
            cells=_CELLS,
            boundingRegions=_REGIONS,
            spans=_SPANS,
        ),
        "styles": {"type": "array", "items": {"type": "object"}},
        "warnings": _list_of("AzureWarning", code=_TEXT, message=_TEXT, target=_TEXT),
    },
}
OPERATION: Final[dict[str, Any]] = {
    "title": "AzureOperation",
    "type": "object",
    "properties": {
        "status": {
            "type": "string",
            "enum": ["notStarted", "running", "succeeded", "failed", "canceled"],
        },
        "createdDateTime": {"type": "string", "format": "date-time"},
        "lastUpdatedDateTime": {"type": "string", "format": "date-time"},
        "error": _ERROR,
        "analyzeResult": _ANALYSIS,
        "warnings": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["status", "createdDateTime", "lastUpdatedDateTime"],
}
DOCUMENT: Final = {
    "required": True,
    "content": {
        JSON: {
            "schema": {
                "title": "AzureSource",
                "type": "object",
                "properties": {"base64Source": {"type": "string", "format": "byte"}},
                "required": ["base64Source"],
            }
        },
        OPAQUE: {"schema": BINARY},
    },
}
ACCEPTED_HEADERS: Final = {
    "Operation-Location": {
        "schema": {"type": "string"},
        "description": "Where to ask for the result, with the options of the request.",
    },
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds between questions."},
}


def query(*names: str) -> list[dict[str, Any]]:
    """Return options of the query, by their names, for `parameters`."""
    return [
        {"in": "query", "name": name, "schema": _QUERY[name], "required": False} for name in names
    ]


_QUERY: Final[dict[str, dict[str, Any]]] = {
    "pages": {"type": "string", "example": "1-3,7"},
    "output": {"type": "string", "example": "pdf"},
    "outputContentFormat": {"type": "string", "enum": list(CONTENT_FORMATS)},
    "stringIndexType": {"type": "string", "enum": list(UNITS)},
    "api-version": {"type": "string", "example": "2024-11-30"},
}
