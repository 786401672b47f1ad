"""The routes of Azure Document Intelligence: to begin an analysis, and to ask for what it gives."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from flask import Response, request

from ilios.accounts.keys import Scope
from ilios.api.dialects import answers, bodies, conversion
from ilios.api.dialects.azure import analysis, analysis_options, operations, schemas
from ilios.api.dialects.azure.analysis import LAYOUT_MODEL
from ilios.api.dialects.blueprint import JSON, DialectBlueprint
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.requests.idempotency import creates
from ilios.api.responses import forms, links
from ilios.api.responses.error_shapes import Problem
from ilios.api.responses.presentation import PDF, Presentation
from ilios.api.schemas.responses import BINARY
from ilios.api.services import services
from ilios.core.file_names import safe_file_name
from ilios.core.request_errors import MissingFile, OptionUnavailable
from ilios.documents.searchable_pdfs import require_kind
from ilios.documents.uploads import Received
from ilios.documents.validation import accepted_type
from ilios.engines.json_pieces import Fields

READ_MODEL: Final = "prebuilt-read"
PATH: Final = "/documentintelligence"
READ: Final = f"{PATH}/documentModels/{READ_MODEL}"
LAYOUT: Final = f"{PATH}/documentModels/{LAYOUT_MODEL}"
POLL_SECONDS: Final = 1  #: between questions of a client
WAIT_SECONDS: Final = 5.0  #: of a question, so that few are asked
SOURCE: Final = "base64Source"
URL_SOURCE: Final = "urlSource"
_BEGIN_QUERY: Final = schemas.query(
    "pages", "output", "outputContentFormat", "stringIndexType", "api-version"
)
_RESULT_QUERY: Final = schemas.query("outputContentFormat", "stringIndexType", "api-version")
_OF_CONVERSION: Final = ("pages", "output")
_BEGIN_REFUSALS: Final = (400, 401, 402, 403, 413, 415, 422, 429, 503, 507)
_RESULT_REFUSALS: Final = (400, 401, 403, 404, 410, 429)
_PDF_REFUSALS: Final = (401, 403, 404, 409, 410, 412, 422, 429, 503, 507)


def _error(problem: Problem) -> Response:
    return answers.small(operations.problem(problem), problem.status)


blueprint = DialectBlueprint(
    "Azure Document Intelligence",
    __name__,
    paths=(PATH,),
    shape=_error,
    error_schema=schemas.ERROR,
    description="The models `prebuilt-read` and `prebuilt-layout`, with searchable PDFs.",
)
BLUEPRINTS: Final = (blueprint,)


@blueprint.post(f"{READ}:analyze")
@needs(Scope.CONVERT)
@creates
@blueprint.doc(requestBody=schemas.DOCUMENT, parameters=_BEGIN_QUERY)
@blueprint.response(202, headers=schemas.ACCEPTED_HEADERS)
@blueprint.refuses(*_BEGIN_REFUSALS)
def begin_read() -> Response:
    """Begin to read a document: the body, or `base64Source` of a JSON object.

    `Operation-Location` says where its text, lines, words and paragraphs will be.
    """
    return _begin(READ_MODEL)


@blueprint.post(f"{LAYOUT}:analyze")
@needs(Scope.CONVERT)
@creates
@blueprint.doc(requestBody=schemas.DOCUMENT, parameters=_BEGIN_QUERY)
@blueprint.response(202, headers=schemas.ACCEPTED_HEADERS)
@blueprint.refuses(*_BEGIN_REFUSALS)
def begin_layout() -> Response:
    """Begin to read a document with its tables: the body, or `base64Source` of a JSON object.

    `Operation-Location` says where its text, lines, words, paragraphs and tables will be.
    """
    return _begin(LAYOUT_MODEL)


@blueprint.get(f"{READ}/analyzeResults/<id:document_id>")
@needs(Scope.READ)
@blueprint.doc(parameters=_RESULT_QUERY)
@blueprint.response(200, schemas.OPERATION, headers=answers.HEADERS)
@blueprint.refuses(*_RESULT_REFUSALS)
def read_result(document_id: str) -> Response:
    """Report how far a document has come, and give its text once it is there."""
    return _result(document_id, READ_MODEL)


@blueprint.get(f"{LAYOUT}/analyzeResults/<id:document_id>")
@needs(Scope.READ)
@blueprint.doc(parameters=_RESULT_QUERY)
@blueprint.response(200, schemas.OPERATION, headers=answers.HEADERS)
@blueprint.refuses(*_RESULT_REFUSALS)
def layout_result(document_id: str) -> Response:
    """Report how far a document has come, and give its text and tables once they are there."""
    return _result(document_id, LAYOUT_MODEL)


@blueprint.get(f"{READ}/analyzeResults/<id:document_id>/pdf")
@needs(Scope.READ)
@blueprint.response(200, BINARY, content_type="application/pdf", headers=forms.HEADERS)
@blueprint.refuses(*_PDF_REFUSALS)
def read_pdf(document_id: str) -> Response:
    """Give a PDF that can be searched, of a PDF or an image."""
    return _pdf(document_id)


@blueprint.get(f"{LAYOUT}/analyzeResults/<id:document_id>/pdf")
@needs(Scope.READ)
@blueprint.response(200, BINARY, content_type="application/pdf", headers=forms.HEADERS)
@blueprint.refuses(*_PDF_REFUSALS)
def layout_pdf(document_id: str) -> Response:
    """Give a PDF that can be searched, of a PDF or an image."""
    return _pdf(document_id)


def _begin(model: str) -> Response:
    here = services()
    wanted = analysis_options.read(bodies.query_options(), model)
    file, more = _received()
    order = conversion.order(blocks=True, is_awaited=False, pages=wanted.pages)
    if wanted.wants_pdf:
        require_kind(file.file_name, accepted_type(file, order.options, here.settings))
    document = conversion.submit(file, order)
    path = f"{PATH}/documentModels/{model}/analyzeResults/{document.id}"
    response = Response(status=202, mimetype="text/plain")
    # The result is asked for as it was begun: how it is to be shown is stored nowhere else. What
    # was converted is stored, and a long list of pages would be longer still in the URL.
    shown = [item for item in request.args.items(multi=True) if item[0] not in _OF_CONVERSION]
    query = urlencode(shown)
    response.headers["Operation-Location"] = links.absolute(f"{path}?{query}" if query else path)
    response.headers["Retry-After"] = str(POLL_SECONDS)
    return answers.note(response, [*wanted.notes, *more])


def _received() -> tuple[Received, list[dict[str, Any]]]:
    """Return the document of a request, and notes on what else is in its body."""
    if request.mimetype != JSON:
        return bodies.receive_file(None), []
    body = bodies.receive_json()
    source, url = body.value.pop(SOURCE, None), body.value.pop(URL_SOURCE, None)
    if url is not None:
        raise OptionUnavailable(
            f"{URL_SOURCE} is not available: nothing is fetched from URLs here. Send the bytes of "
            f"the document, as {SOURCE} or as the body."
        )
    if source is None:
        raise MissingFile(f"The body has no {SOURCE}. Send the document there in base64.")
    file = body.file(source, safe_file_name(None), SOURCE)
    return file, analysis_options.unread(body.value)


def _result(document_id: str, model: str) -> Response:
    options = bodies.query_options()
    options.ignore(*_OF_CONVERSION)
    asked = analysis_options.shown(options, model)
    owner = current_owner()
    with services().wait_slots.for_poll(owner, WAIT_SECONDS) as seconds:
        report = services().reader.document(document_id, owner=owner, wait_seconds=seconds)
    told = operations.state(report.document)
    if told["status"] != operations.SUCCEEDED:
        response = answers.small(told)
        if "error" not in told:
            response.headers["Retry-After"] = str(POLL_SECONDS)
        return response
    found = conversion.result_of(document_id)
    told["analyzeResult"] = Fields(analysis.fields(found, asked))
    told["warnings"] = answers.warnings_of(found, options.notes())
    return answers.streamed_json(found, Fields(told))


def _pdf(document_id: str) -> Response:
    found = conversion.result_of(document_id)
    with services().wait_slots.for_estimate(current_owner()):
        return forms.answer(found, Presentation(PDF))
