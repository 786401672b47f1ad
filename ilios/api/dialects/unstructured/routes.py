"""The routes of Unstructured: files in, elements or chunks out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from flask import Response

from ilios.accounts.keys import Scope
from ilios.api.dialects import answers, bodies, conversion
from ilios.api.dialects.blueprint import DialectBlueprint
from ilios.api.dialects.unstructured.composites import composites
from ilios.api.dialects.unstructured.elements import Elements
from ilios.api.dialects.unstructured.options import BASIC, BY_PAGE, BY_TITLE, Wanted, wanted_of
from ilios.api.middleware.auth import needs, public
from ilios.api.responses.error_shapes import Problem
from ilios.api.schemas.responses import BINARY, TEXT
from ilios.documents.chunks import SIZE_MAX, SIZE_MIN
from ilios.documents.queries import Result

FILES_MAX: Final = 10  #: of one request, which waits for all of them
GREETING: Final = (
    "This is Ilios, which answers in the dialect of Unstructured. /docs describes it.\n"
)
PLAIN: Final = "text/plain"
ERROR: Final = {
    "type": "object",
    "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
    "required": ["detail", "code"],
}
ELEMENTS: Final = {
    "type": "array",
    "description": "Of several files, a list of such lists.",
    "items": {
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    "type": {"type": "string"},
                    "element_id": {"type": "string"},
                    "text": {"type": "string"},
                    "metadata": {"type": "object", "additionalProperties": True},
                },
                "required": ["type", "element_id", "text", "metadata"],
            },
            {"type": "array", "items": {"type": "object", "additionalProperties": True}},
        ]
    },
}
FORM: Final = {
    "type": "object",
    "properties": {
        "files": {"type": "array", "items": BINARY, "maxItems": FILES_MAX},
        "coordinates": {"type": "boolean"},
        "include_page_breaks": {"type": "boolean"},
        "unique_element_ids": {"type": "boolean"},
        "starting_page_number": {"type": "integer", "minimum": 1},
        "chunking_strategy": {"type": "string", "enum": [BASIC, BY_TITLE, BY_PAGE]},
        "max_characters": {"type": "integer", "minimum": SIZE_MIN, "maximum": SIZE_MAX},
        "new_after_n_chars": {"type": "integer", "minimum": 0, "maximum": SIZE_MAX},
        "overlap": {"type": "integer", "minimum": 0, "maximum": SIZE_MAX},
        "multipage_sections": {"type": "boolean"},
    },
    "required": ["files"],
    "additionalProperties": True,
}


def _error(problem: Problem) -> Response:
    """Answer with `detail`, which the SDK reads, and with the code."""
    return answers.small({"detail": problem.detail, "code": problem.code}, problem.status)


blueprint = DialectBlueprint(
    "Unstructured",
    __name__,
    paths=("/general",),
    shape=_error,
    error_schema=ERROR,
    description="The partition endpoint of Unstructured's API.",
)
BLUEPRINTS: Final = (blueprint,)


@blueprint.get("/general/docs")
@public
@blueprint.response(200, TEXT, content_type=PLAIN)
def docs() -> Response:
    """Say that the service is there, as the SDK asks before it sends a PDF in parts."""
    return Response(GREETING, mimetype=PLAIN)


@blueprint.post("/general/v0/general")
@needs(Scope.CONVERT)
@conversion.waits
@blueprint.doc(
    requestBody={"required": True, "content": {"multipart/form-data": {"schema": FORM}}}
)
@blueprint.response(200, ELEMENTS, headers=answers.HEADERS)
@blueprint.refuses(400, 401, 402, 403, 413, 415, 422, 429, 503, 504, 507)
def partition() -> Response:
    """Convert documents, and give their elements or chunks.

    Options without effect are named in `X-Ilios-Warnings`.
    """
    form = bodies.receive_form(most_files=FILES_MAX)
    wanted = wanted_of(form.options)
    order = conversion.order(blocks=wanted.shape.coordinates)
    results = conversion.convert_all([file for _, file in form.files], order)
    lists = [_list_of(found, wanted) for found in results]
    shown = lists[0] if len(lists) == 1 else iter(lists)
    response = answers.streamed_json(results[0], shown)
    warnings = [warning for found in results for warning in found.document.warnings]
    return answers.note(response, [*form.options.notes(), *warnings])


def _list_of(found: Result, wanted: Wanted) -> Iterator[Any]:
    if wanted.cutting is None:
        return iter(Elements(found, wanted.shape))
    return composites(found, wanted.shape, wanted.cutting)
