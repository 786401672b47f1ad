"""Answers of a dialect: small ones, and results that are read while they are sent."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, Final

from flask import Response

from ilios.api.dialects.blueprint import JSON
from ilios.api.responses import serializers, streaming
from ilios.api.responses.error_shapes import Problem
from ilios.api.responses.forms import COUNTED_MAX_PAGES
from ilios.documents.queries import Result
from ilios.engines import json_pieces

WARNINGS: Final = "X-Ilios-Warnings"
WARNINGS_MAX_BYTES: Final = 4096  #: of the header; what does not fit is counted in its last item
MORE: Final = "more_warnings"
DOCUMENT: Final = "X-Document-Id"
HEADERS: Final = {
    DOCUMENT: {"schema": {"type": "string"}, "description": "The document's id."},
    "X-Cache": {"schema": {"type": "string", "enum": ["hit", "miss"]}},
    WARNINGS: {
        "schema": {"type": "string"},
        "description": "A JSON array of warnings, where the body has no place for them.",
    },
}
"""Of a result, as the OpenAPI document shows them."""
DETAIL: Final = {
    "title": "DialectError",
    "type": "object",
    "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
    "required": ["detail", "code"],
}
"""The schema of `detail_of`."""


def small(value: Any, status: int = 200, *, media_type: str = JSON) -> Response:
    """Answer with JSON that is held in memory."""
    return Response(json.dumps(value), status, mimetype=media_type)


def detail_of(problem: Problem) -> Response:
    """Answer with a problem as an object whose sentence stands in `detail`."""
    return small({"detail": problem.detail, "code": problem.code}, problem.status)


def text_of(problem: Problem) -> Response:
    """Answer with a problem as plain text."""
    return Response(problem.sentence + "\n", problem.status, mimetype="text/plain")


def streamed_json(found: Result, value: Any, *, media_type: str = JSON) -> Response:
    """Answer with a value of ilios.engines.json_pieces; see `streamed`."""
    return streamed(found, json_pieces.written(value), media_type)


def streamed(found: Result, pieces: Generator[str] | Generator[bytes], media_type: str) -> Response:
    """Answer with pieces that are read while they are sent: after the end of the request.

    So they may use neither `request` nor `services()`: look these up before.
    """
    response = streaming.response(pieces, media_type)  # type: ignore[arg-type]  # bytes do as well
    response.call_on_close(pieces.close)
    response.headers[DOCUMENT] = found.document.id
    response.headers["X-Cache"] = "hit" if serializers.is_cached(found.document) else "miss"
    if found.page_total > COUNTED_MAX_PAGES:
        return response
    return streaming.with_length(response)


def warnings_of(found: Result, notes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the notes on options and the warnings of the result, for `warnings` of an object."""
    return [*map(dict, notes), *found.document.warnings]


def note(response: Response, warnings: Iterable[Mapping[str, Any]]) -> Response:
    """Put warnings into the header of an answer that has no place for them."""
    kept: list[str] = []
    left_out = 0
    size = 0
    for warning in warnings:
        item = json.dumps({name: warning[name] for name in ("code", "message", "page")})
        size += len(item) + 1
        if left_out or size > WARNINGS_MAX_BYTES:
            left_out += 1
        else:
            kept.append(item)
    if left_out:
        kept.append(
            json.dumps({"code": MORE, "message": f"{left_out} more warnings.", "page": None})
        )
    if kept:
        response.headers[WARNINGS] = f"[{','.join(kept)}]"
    return response
