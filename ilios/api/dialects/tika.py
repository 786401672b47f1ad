"""The dialect of Apache Tika's server: a file in, its text out."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from flask import Response, request
from werkzeug.http import parse_options_header

from ilios.accounts.keys import Scope
from ilios.api.dialects import answers, bodies, conversion
from ilios.api.dialects.blueprint import JSON, OPAQUE, DialectBlueprint
from ilios.api.middleware.auth import needs, public
from ilios.api.requests.idempotency import creates_result
from ilios.api.responses import content, result_html
from ilios.api.responses.error_shapes import Problem
from ilios.api.responses.image_links import folder_of
from ilios.api.responses.presentation import Presentation
from ilios.api.schemas.responses import BINARY, TEXT
from ilios.documents.queries import Result
from ilios.engines.base import DocumentInfo
from ilios.engines.json_pieces import Fields, Text

GREETING: Final = "This is Ilios, which answers in the dialect of Tika. PUT a document here.\n"
PLAIN: Final = "text/plain"
HTML: Final = "text/html"
CONTENT: Final = "X-TIKA:content"
CONTENT_OF_4: Final = "tk:content"  #: as Tika 4 calls it
OPTION_PREFIX: Final = "x-tika-"
REASON_MAX_CHARACTERS: Final = 200
METADATA: Final = {"title": "TikaMetadata", "type": "object", "additionalProperties": True}
DOCUMENT: Final = {"required": True, "content": {OPAQUE: {"schema": BINARY}}}
REFUSALS: Final = (401, 402, 403, 413, 415, 422, 429, 503, 504, 507)


def _error(problem: Problem) -> Response:
    """Answer with text; clients that show the reason of the status only find the sentence there."""
    response = answers.text_of(problem)
    reason = "".join(sign for sign in problem.detail if sign.isascii() and sign.isprintable())
    response.status = f"{problem.status} {reason[:REASON_MAX_CHARACTERS]} ({problem.code})"
    return response


blueprint = DialectBlueprint(
    "Tika",
    __name__,
    paths=("/tika", "/rmeta"),
    shape=_error,
    error_schema=TEXT,
    error_type=PLAIN,
    description="The calls of Apache Tika's server that give a document's text.",
)
BLUEPRINTS: Final = (blueprint,)


@blueprint.get("/tika")
@public
@blueprint.response(200, TEXT, content_type=PLAIN)
def greeting() -> Response:
    """Say that the service is there, as clients ask before they send anything."""
    return Response(GREETING, mimetype=PLAIN)


@blueprint.put("/tika")
@needs(Scope.CONVERT)
@conversion.waits
@creates_result()
@blueprint.doc(requestBody=DOCUMENT)
@blueprint.response(200, TEXT, content_type=PLAIN, headers=answers.HEADERS)
@blueprint.alt_response(200, schema=TEXT, content_type=HTML, success=True)
@blueprint.alt_response(200, schema=METADATA, content_type=JSON, success=True)
@blueprint.refuses(*REFUSALS)
def document() -> Response:
    """Convert the document that is the body, and give its text: plain, as HTML, or in JSON.

    As `Accept` prefers.
    """
    accepted = request.accept_mimetypes.best_match((PLAIN, JSON, HTML), default=PLAIN)
    found, notes = _converted()
    if accepted == JSON:
        return _object(found, CONTENT, _text(found), notes)
    pieces = result_html.document(found, Presentation("html")) if accepted == HTML else _text(found)
    response = answers.streamed(found, pieces, accepted)
    if accepted == HTML:
        response.headers["Content-Security-Policy"] = result_html.CONTENT_POLICY
    return answers.note(response, answers.warnings_of(found, notes))


@blueprint.put("/tika/text")
@needs(Scope.CONVERT)
@conversion.waits
@creates_result()
@blueprint.doc(requestBody=DOCUMENT)
@blueprint.response(200, METADATA, headers=answers.HEADERS)
@blueprint.refuses(*REFUSALS)
def document_text() -> Response:
    """Convert the document that is the body, and give its text in `X-TIKA:content`."""
    found, notes = _converted()
    return _object(found, CONTENT, _text(found), notes)


@blueprint.put("/tika/json/md")
@needs(Scope.CONVERT)
@conversion.waits
@creates_result()
@blueprint.doc(requestBody=DOCUMENT)
@blueprint.response(200, METADATA, headers=answers.HEADERS)
@blueprint.refuses(*REFUSALS)
def document_markdown() -> Response:
    """Convert the document that is the body, and give its Markdown in `tk:content`."""
    found, notes = _converted()
    folder = folder_of(found.document.id)
    markdown = content.markdown(found, Presentation("markdown"), folder)
    return _object(found, CONTENT_OF_4, markdown, notes)


@blueprint.put("/rmeta/text")
@needs(Scope.CONVERT)
@conversion.waits
@creates_result()
@blueprint.doc(requestBody=DOCUMENT)
@blueprint.response(200, {"type": "array", "items": METADATA}, headers=answers.HEADERS)
@blueprint.refuses(*REFUSALS)
def documents_text() -> Response:
    """Convert the document that is the body, and give a list of one object, with its text."""
    found, notes = _converted()
    listed = iter([Fields(_metadata(found) | {CONTENT: Text(_text(found))})])
    response = answers.streamed_json(found, listed)
    return answers.note(response, answers.warnings_of(found, notes))


def _converted() -> tuple[Result, list[dict[str, Any]]]:
    """Return the result of the document that is the body, and notes on what has no effect."""
    asked = {
        name: value for name, value in request.headers if name.lower().startswith(OPTION_PREFIX)
    }
    options = bodies.options_of(asked)
    _, disposition = parse_options_header(request.headers.get("Content-Disposition"))
    file = bodies.receive_file(disposition.get("filename"))
    return conversion.convert(file, conversion.order()), options.notes()


def _text(found: Result) -> Generator[str]:
    return content.text(found, Presentation("text"))


def _object(
    found: Result, name: str, pieces: Generator[str], notes: list[dict[str, Any]]
) -> Response:
    warnings = answers.warnings_of(found, notes)
    fields = _metadata(found) | {name: Text(pieces), "warnings": warnings}
    return answers.streamed_json(found, Fields(fields))


def _metadata(found: Result) -> dict[str, Any]:
    document = found.document
    info = found.source().info or DocumentInfo()
    known = {
        "Content-Type": document.mime_type,
        "resourceName": document.file_name,
        "xmpTPg:NPages": str(found.page_total),
        "dc:title": info.title,
        "dc:creator": info.author,
        "dc:language": info.language,
    }
    return {name: value for name, value in known.items() if value is not None}
