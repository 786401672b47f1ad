"""The routes of MinerU: files in, their Markdown, content lists and pictures out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Response

from ilios.accounts.keys import Scope
from ilios.api.dialects import answers, bodies, conversion
from ilios.api.dialects.blueprint import JSON, DialectBlueprint
from ilios.api.dialects.mineru.answers import ResultParts, archive_name_of, as_json, as_zip, name_of
from ilios.api.dialects.mineru.options import LAST_PAGE, pages_of, selection_of, wanted_of
from ilios.api.middleware.auth import needs
from ilios.api.requests.idempotency import creates_result
from ilios.api.responses.error_shapes import Problem
from ilios.api.responses.result_zip import new_name
from ilios.api.schemas.responses import BINARY
from ilios.api.services import services
from ilios.core.file_names import attachment
from ilios.documents.admission import Order
from ilios.documents.queries import Result
from ilios.documents.uploads import Received

ZIP: Final = "application/zip"
ZIP_NAME: Final = "results.zip"
ERROR: Final = {
    "title": "MineruError",
    "type": "object",
    "properties": {
        "error": {"type": "string"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
    },
    "required": ["error", "detail", "code"],
}
RESULTS: Final = {
    "title": "MineruResults",
    "type": "object",
    "properties": {
        "backend": {"type": "string", "description": "The model that converted the files."},
        "version": {"type": "string"},
        "results": {
            "type": "object",
            "description": "By the names of files, without extensions.",
            "additionalProperties": {
                "title": "MineruResult",
                "type": "object",
                "properties": {
                    "md_content": {"type": "string"},
                    "content_list": {"type": "string", "description": "A JSON array."},
                    "images": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            },
        },
        "warnings": {"type": "array", "items": {"type": "object"}},
    },
}
FORM: Final = {
    "title": "MineruForm",
    "type": "object",
    "properties": {
        "files": {"type": "array", "items": BINARY, "maxItems": conversion.FILES_MAX},
        "return_md": {"type": "boolean", "default": True},
        "return_content_list": {"type": "boolean", "default": False},
        "return_images": {"type": "boolean", "default": False},
        "response_format_zip": {"type": "boolean", "default": False},
        "start_page_id": {"type": "integer", "minimum": 0, "default": 0},
        "end_page_id": {"type": "integer", "default": LAST_PAGE},
    },
    "required": ["files"],
    "additionalProperties": True,
}


def _error(problem: Problem) -> Response:
    """Answer with `error`, as MinerU names it, and with `detail`, as its framework does."""
    fields = {"error": problem.detail, "detail": problem.detail, "code": problem.code}
    return answers.small(fields, problem.status)


blueprint = DialectBlueprint(
    "MinerU",
    __name__,
    paths=("/file_parse",),
    shape=_error,
    error_schema=ERROR,
    description="The parsing call of MinerU's API, version 3 and earlier.",
)
BLUEPRINTS: Final = (blueprint,)


@blueprint.post("/file_parse")
@needs(Scope.CONVERT)
@conversion.waits
@creates_result()
@blueprint.doc(requestBody={"required": True, "content": {"multipart/form-data": {"schema": FORM}}})
@blueprint.response(200, RESULTS, headers=answers.HEADERS)
@blueprint.alt_response(200, schema=BINARY, content_type=ZIP, success=True)
@blueprint.refuses(400, 401, 402, 403, 413, 415, 422, 429, 503, 504, 507)
def file_parse() -> Response:
    """Convert documents, and give what is asked for of each: as JSON, or as a ZIP file.

    Options without effect are named in `warnings`, or in `X-Ilios-Warnings` of a ZIP file.
    """
    form = bodies.receive_form(most_files=conversion.FILES_MAX)
    options = form.options
    wanted, span = wanted_of(options), pages_of(options)
    is_zip = options.flag("response_format_zip", False)
    results = conversion.convert_all([(file, _order(file, wanted, span)) for _, file in form.files])
    warnings = [*options.notes(), *(w for found in results for w in found.document.warnings)]
    store = services().store
    if not is_zip:
        pieces = as_json(_named(results, name_of), wanted, store, warnings)
        return answers.streamed(results[0], pieces, JSON)
    archive = as_zip(_named(results, archive_name_of), wanted, store)
    response = answers.streamed(results[0], archive, ZIP)
    response.headers["Content-Disposition"] = attachment(ZIP_NAME)
    return answers.note(response, warnings)


def _order(file: Received, wanted: ResultParts, span: tuple[int, int] | None) -> Order:
    """Return the order for a file: entries of its content list say where they stand."""
    pages = selection_of(file, span) if span else None
    return conversion.order(pages=pages, blocks=wanted.content_list)


def _named(results: list[Result], name: Callable[[str], str]) -> dict[str, Result]:
    """Return results by their names, of which none comes twice."""
    taken: set[str] = set()
    return {new_name(name(found.document.file_name), taken): found for found in results}
