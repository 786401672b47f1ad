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
from ilios.api.dialects.unstructured.options import (
    BASIC,
    BY_PAGE,
    BY_TITLE,
    PartitionRequest,
    wanted_of,
)
from ilios.api.middleware.auth import needs, public
from ilios.api.requests.idempotency import creates_result
from ilios.api.schemas.responses import BINARY, TEXT
from ilios.documents.chunks import SIZE_MAX, SIZE_MIN
from ilios.documents.queries import Result

GREETING: Final = (
    "This is Ilios, which answers in the dialect of Unstructured. /docs describes it.\n"
)
PLAIN: Final = "text/plain"
ELEMENTS: Final = {
    "type": "array",
    "description": "Of several files, a list of such lists.",
    "items": {
        "anyOf": [
            {
                "title": "UnstructuredElement",
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
    "title": "UnstructuredForm",
    "type": "object",
    "properties": {
        "files": {"type": "array", "items": BINARY, "maxItems": conversion.FILES_MAX},
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


blueprint = DialectBlueprint(
    "Unstructured",
    __name__,
    paths=("/general",),
    shape=answers.detail_of,  # the SDK reads it
    error_schema=answers.DETAIL,
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
@creates_result()
@blueprint.doc(requestBody={"required": True, "content": {"multipart/form-data": {"schema": FORM}}})
@blueprint.response(200, ELEMENTS, headers=answers.HEADERS)
@blueprint.refuses(400, 401, 402, 403, 413, 415, 422, 429, 503, 504, 507)
def partition() -> Response:
    """Convert documents, and give their elements or chunks.

    Options without effect are named in `X-Ilios-Warnings`.
    """
    form = bodies.receive_form(most_files=conversion.FILES_MAX)
    wanted = wanted_of(form.options)
    order = conversion.order(blocks=wanted.shape.coordinates and wanted.cutting is None)
    results = conversion.convert_all([(file, order) for _, file in form.files])
    lists = [_list_of(found, wanted) for found in results]
    shown = lists[0] if len(lists) == 1 else iter(lists)
    response = answers.streamed_json(results[0], shown)
    warnings = [warning for found in results for warning in found.document.warnings]
    return answers.note(response, [*form.options.notes(), *warnings])


def _list_of(found: Result, wanted: PartitionRequest) -> Iterator[Any]:
    if wanted.cutting is None:
        return iter(Elements(found, wanted.shape))
    return composites(found, wanted.shape, wanted.cutting)
