"""`POST /v1/convert`: immediate conversion, which is a submit that waits for its end."""

from __future__ import annotations

from typing import Any

from flask import Response

from ilios.accounts.keys import Scope
from ilios.api import immediate
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.requests import urls
from ilios.api.requests.idempotency import creates_result
from ilios.api.requests.options import order_of
from ilios.api.requests.preferences import RESPOND_ASYNC, prefers
from ilios.api.requests.webhooks import webhook_of
from ilios.api.responses import forms, serializers, streaming
from ilios.api.responses.presentation import PDF, SHOW_BLOCKS, Presentation
from ilios.api.schemas.requests import BLOCKS, ConvertForm
from ilios.api.schemas.responses import BINARY, TEXT, AcceptedSchema, ResultSchema
from ilios.api.schemas.url_requests import ConvertUrlForm
from ilios.api.services import services
from ilios.documents.admission import OPERATION_IMMEDIATE
from ilios.documents.queries import Result
from ilios.documents.searchable_pdfs import require_kind
from ilios.documents.uploads import Received
from ilios.documents.validation import accepted_type
from ilios.queue.jobs import MAX_PRIORITY

blueprint = ApiBlueprint("Conversion", __name__, description="A document in, its Markdown out.")

HEADERS = {
    "X-Document-Id": {"schema": {"type": "string"}, "description": "The document's id."},
    "X-Processing-Time-Ms": {"schema": {"type": "integer"}},
    "X-Extracted-Pages": {"schema": {"type": "integer"}},
    **forms.HEADERS,
}


def _is_asynchronous() -> bool:
    return prefers(RESPOND_ASYNC)


@blueprint.post("/v1/convert")
@needs(Scope.CONVERT)
@immediate.with_wait_slot(unless=_is_asynchronous)
@creates_result(unless=_is_asynchronous)
@blueprint.form_or_json(ConvertForm(), ConvertUrlForm())
@blueprint.alt_response(200, schema=TEXT, content_type="text/markdown", success=True)
@blueprint.response(200, ResultSchema, headers=HEADERS)
@blueprint.alt_response(202, schema=AcceptedSchema, description="With `Prefer: respond-async`.")
@blueprint.alt_response(200, schema=TEXT, content_type="text/plain", success=True)
@blueprint.alt_response(200, schema=BINARY, content_type="application/zip", success=True)
@blueprint.alt_response(200, schema=TEXT, content_type="text/html", success=True)
@blueprint.alt_response(200, schema=TEXT, content_type=forms.NDJSON, success=True)
@blueprint.alt_response(200, schema=BINARY, content_type="application/pdf", success=True)
@blueprint.refuses(401, 402, 403, 413, 415, 422, 429, 502, 503, 504, 507)
def convert(form: dict[str, Any]) -> Response:
    """Convert a document and wait for the result.

    The document is a file of a form, or is fetched from the `url` of a JSON object.
    The document is stored like any other, and its conversion goes before the queued ones. If the
    wait ends first, 504 names the document: follow it at `statusUrl`.
    """
    shown = _presentation(form)
    if shown.form == PDF:
        form = {**form, "include": BLOCKS}  # that tell where its text stands
    owner = current_owner()
    order = order_of(
        form,
        owner,
        services().settings,
        priority=MAX_PRIORITY,
        operation=OPERATION_IMMEDIATE,
        webhook_url=webhook_of(form, owner),
    )
    file = urls.document_of(form)
    if shown.form == PDF and isinstance(file, Received):  # of others it is not known yet
        kind = accepted_type(file, order.options, services().settings)
        require_kind(file.file_name, kind)
    document = services().submissions.submit(file, order)
    if _is_asynchronous():
        response = serializers.accepted(document)
        response.headers["Preference-Applied"] = RESPOND_ASYNC
        return response
    return _answer(immediate.wait_for_result(document, order.owner), shown)


def _presentation(form: dict[str, Any]) -> Presentation:
    """Return how to show the result: blocks may be asked for that this form of it does not show."""
    shows_blocks = form["format"] in SHOW_BLOCKS
    return Presentation.of(form if shows_blocks else {**form, "include": None})


def _answer(found: Result, shown: Presentation) -> Response:
    document = found.document
    response = forms.answer(found, shown)
    response.headers["Content-Disposition"] = forms.file_name(found, shown)
    response.headers["X-Document-Id"] = document.id
    response.headers["X-Processing-Time-Ms"] = str(streaming.processing_ms(document))
    response.headers["X-Extracted-Pages"] = str(found.page_total)
    return response
