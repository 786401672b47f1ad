"""`POST /v1/convert`: immediate conversion, which is a submit that waits for its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

from flask import Response, request

from ilios.accounts.keys import Scope
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.requests.options import order_of
from ilios.api.responses import forms, serializers, streaming
from ilios.api.responses.presentation import PDF, SHOW_BLOCKS, Presentation
from ilios.api.schemas.requests import BLOCKS, ConvertForm
from ilios.api.schemas.responses import BINARY, TEXT, AcceptedSchema, ResultSchema
from ilios.api.server.slow_client_socket import SlowClientSocket
from ilios.api.services import services
from ilios.core.immediate_errors import ConversionFailed, StillRunning
from ilios.core.request_errors import DocumentFailed, DocumentNotReady
from ilios.db.models import DocumentStatus
from ilios.documents.admission import OPERATION_IMMEDIATE
from ilios.documents.queries import Result
from ilios.documents.searchable_pdfs import require_kind
from ilios.documents.snapshots import Snapshot
from ilios.documents.validation import accepted_type
from ilios.queue.jobs import MAX_PRIORITY

blueprint = ApiBlueprint("Conversion", __name__, description="A document in, its Markdown out.")

HEADERS = {
    "X-Document-Id": {"schema": {"type": "string"}, "description": "The document's id."},
    "X-Processing-Time-Ms": {"schema": {"type": "integer"}},
    "X-Extracted-Pages": {"schema": {"type": "integer"}},
    **forms.HEADERS,
}


def _with_wait_slot(view: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse before the body is read if no slot is free, unless the caller does not wait."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _wait_slot():
            return view(*args, **kwargs)

    return wrapper


def _wait_slot() -> AbstractContextManager[None]:
    if _is_asynchronous():
        return nullcontext()
    return services().wait_slots.for_conversion(current_owner())


@blueprint.post("/v1/convert")
@needs(Scope.CONVERT)
@_with_wait_slot
@blueprint.arguments(ConvertForm(), location="multipart")
@blueprint.response(200, ResultSchema, headers=HEADERS)
@blueprint.alt_response(202, schema=AcceptedSchema, description="With `Prefer: respond-async`.")
@blueprint.alt_response(200, schema=TEXT, content_type="text/markdown", success=True)
@blueprint.alt_response(200, schema=TEXT, content_type="text/plain", success=True)
@blueprint.alt_response(200, schema=BINARY, content_type="application/zip", success=True)
@blueprint.alt_response(200, schema=TEXT, content_type="text/html", success=True)
@blueprint.alt_response(200, schema=TEXT, content_type=forms.NDJSON, success=True)
@blueprint.alt_response(200, schema=BINARY, content_type="application/pdf", success=True)
@blueprint.refuses(401, 402, 403, 413, 415, 422, 429, 502, 503, 504, 507)
def convert(form: dict[str, Any]) -> Response:
    """Convert a document and wait for the result.

    The document is stored like any other, and its conversion goes before the queued ones. If the
    wait ends first, 504 names the document: follow it at `statusUrl`.
    """
    shown = _presentation(form)
    if shown.form == PDF:
        form = {**form, "include": BLOCKS}  # that tell where its text stands
    order = order_of(
        form,
        current_owner(),
        services().settings,
        priority=MAX_PRIORITY,
        operation=OPERATION_IMMEDIATE,
    )
    if shown.form == PDF:
        kind = accepted_type(form["file"], order.options, services().settings)
        require_kind(form["file"].file_name, kind)
    document = services().submissions.submit(form["file"], order)
    if _is_asynchronous():
        response = serializers.accepted(document)
        response.headers["Preference-Applied"] = "respond-async"
        return response
    return _answer(_wait_for_result(document, order.owner), shown)


def _presentation(form: dict[str, Any]) -> Presentation:
    """Return how to show the result: blocks may be asked for that this form of it does not show."""
    shows_blocks = form["format"] in SHOW_BLOCKS
    return Presentation.of(form if shows_blocks else {**form, "include": None})


def _wait_for_result(document: Snapshot, owner: str) -> Result:
    """Wait for the result and return it. Raise ConversionFailed or StillRunning."""
    begun = time.monotonic()
    if document.status is not DocumentStatus.COMPLETED:
        seconds = services().settings.convert_wait_seconds
        services().waiter.until_ended(document.id, seconds, given_up=_has_hung_up)
    try:
        return services().reader.result(document.id, owner=owner)
    except DocumentFailed as error:
        ended = services().reader.document(document.id, owner=owner).document
        raise ConversionFailed(
            document.id,
            ended.error_code or ConversionFailed.code,
            ended.error or "The conversion failed.",
            engine_fault=ended.engine_fault,
        ) from error
    except DocumentNotReady as error:
        raise StillRunning(document.id, round(time.monotonic() - begun)) from error


def _has_hung_up() -> bool:
    """Return whether the client has closed its connection: others need its slot."""
    client: SlowClientSocket | None = request.environ.get("gunicorn.socket")
    return client is not None and client.has_left()


def _answer(found: Result, shown: Presentation) -> Response:
    document = found.document
    response = forms.answer(found, shown)
    response.headers["Content-Disposition"] = forms.file_name(found, shown)
    response.headers["X-Document-Id"] = document.id
    response.headers["X-Processing-Time-Ms"] = str(streaming.processing_ms(document))
    response.headers["X-Extracted-Pages"] = str(found.page_total)
    return response


def _is_asynchronous() -> bool:
    preferences = ",".join(request.headers.getlist("Prefer")).lower().split(",")
    return any(preference.strip() == "respond-async" for preference in preferences)
