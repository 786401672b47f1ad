"""The dialect of Open WebUI's external document loader: a file in, a list of its pages out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

from flask import Response, request

from ilios.accounts.keys import Scope
from ilios.api.dialects import answers, bodies, conversion
from ilios.api.dialects.blueprint import OPAQUE, DialectBlueprint
from ilios.api.middleware.auth import needs
from ilios.api.requests.idempotency import creates_result
from ilios.api.responses.image_links import folder_of, linked
from ilios.api.schemas.responses import BINARY
from ilios.documents.queries import Result
from ilios.engines.json_pieces import Fields, Text

FILE_NAME: Final = "X-Filename"  #: percent-encoded
PAGES: Final = {
    "type": "array",
    "items": {
        "title": "OpenWebuiPage",
        "type": "object",
        "properties": {
            "page_content": {"type": "string", "description": "Markdown."},
            "metadata": {
                "type": "object",
                "properties": {
                    "page": {"type": "integer", "description": "From 0."},
                    "page_label": {"type": "string", "description": "From 1."},
                    "total_pages": {"type": "integer"},
                    "source": {"type": "string", "description": "The file's name."},
                    "warnings": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}


blueprint = DialectBlueprint(
    "Open WebUI",
    __name__,
    paths=("/v1/openwebui",),
    shape=answers.detail_of,  # the loader shows all of the body to its user
    error_schema=answers.DETAIL,
    description="The external document loader of Open WebUI: its URL is `/v1/openwebui` here.",
)
BLUEPRINTS: Final = (blueprint,)


@blueprint.put("/v1/openwebui/process")
@needs(Scope.CONVERT)
@conversion.waits
@creates_result()
@blueprint.doc(requestBody={"required": True, "content": {OPAQUE: {"schema": BINARY}}})
@blueprint.response(200, PAGES, headers=answers.HEADERS)
@blueprint.refuses(401, 402, 403, 413, 415, 422, 429, 503, 504, 507)
def process() -> Response:
    """Convert the document that is the body, and give its pages.

    `X-Filename` has its name, percent-encoded.
    """
    options = bodies.query_options()
    file = bodies.receive_file(unquote(request.headers.get(FILE_NAME, "")))
    found = conversion.convert(file, conversion.order())
    response = answers.streamed_json(found, _pages(found))
    return answers.note(response, answers.warnings_of(found, options.notes()))


def _pages(found: Result) -> Iterator[Fields]:
    document = found.document
    folder = folder_of(document.id)
    said: dict[int, list[str]] = {}
    for warning in document.warnings:
        said.setdefault(warning["page"] or 0, []).append(warning["message"])
    for page in found.pages():
        metadata: dict[str, Any] = {
            "page": page.number - 1,
            "page_label": str(page.number),
            "total_pages": found.page_total,
            "source": document.file_name,
            "warnings": said.get(page.number, []),
        }
        text = Text(linked(page.pieces(), page.image_names, folder))
        yield Fields({"page_content": text, "metadata": metadata})
