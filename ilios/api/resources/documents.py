"""`/api/documents`: queued conversion of one document, its status and its result."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, jsonify

from ilios.accounts.keys import Scope
from ilios.api import batching
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.requests import urls
from ilios.api.requests.idempotency import creates
from ilios.api.requests.options import order_of, password_of
from ilios.api.requests.preferences import NO_BATCH, prefers
from ilios.api.requests.webhooks import webhook_of
from ilios.api.responses import conditional, forms, page_json, serializers, streaming
from ilios.api.responses.links import absolute
from ilios.api.responses.presentation import PDF, Presentation
from ilios.api.schemas.page_responses import PageAnswerSchema, PageListSchema
from ilios.api.schemas.query_params import (
    ListQuery,
    OnePageQuery,
    PageImageQuery,
    PageListQuery,
    ResultQuery,
    WaitQuery,
)
from ilios.api.schemas.requests import SubmitForm
from ilios.api.schemas.responses import (
    BINARY,
    TEXT,
    AcceptedSchema,
    BatchAcceptedSchema,
    DocumentListSchema,
    DocumentStatusSchema,
    ResultSchema,
)
from ilios.api.schemas.retry_form import RetryForm
from ilios.api.schemas.url_requests import SubmitUrlForm
from ilios.api.services import services
from ilios.core.archive_errors import ArchiveGiven
from ilios.core.idempotency_errors import IdempotencyKeyReused
from ilios.db.models import DocumentStatus
from ilios.documents import list_cursors, page_images
from ilios.documents.idempotency import CreatedBefore
from ilios.documents.listing import Filter
from ilios.engines import page_image

blueprint = ApiBlueprint(
    "Documents", __name__, url_prefix="/api/documents", description="Queued conversion."
)
_STATUS = DocumentStatusSchema()
_BATCH = BatchAcceptedSchema()


@blueprint.post("/submit")
@needs(Scope.CONVERT)
@creates
@blueprint.form_or_json(SubmitForm(), SubmitUrlForm())
@blueprint.alt_response(
    201, schema=BatchAcceptedSchema, description="The file is an archive: a batch of its documents."
)
@blueprint.response(202, AcceptedSchema)
@blueprint.refuses(401, 402, 403, 413, 415, 422, 429, 503, 507)
def document_submit(form: dict[str, Any]) -> Response:
    """Queue a document: a file of a form, or one to be fetched from the `url` of a JSON object.

    When this answers, the document, or the address that it is fetched from, is stored for good. An
    archive (ZIP or TAR) becomes a batch of its documents, under their paths in it; with
    `Prefer: no-batch` it is refused with 415 `archive_needs_batch`.
    """
    here = services()
    owner = current_owner()
    order = order_of(form, owner, here.settings, webhook_url=webhook_of(form, owner))
    file = urls.document_of(form)
    try:
        return serializers.accepted(here.submissions.submit(file, order))
    except (ArchiveGiven, CreatedBefore) as reason:
        if prefers(NO_BATCH):
            raise reason if isinstance(reason, ArchiveGiven) else IdempotencyKeyReused from reason
        answer, headers = batching.accepted([file], order)
    response = jsonify(_BATCH.dump(answer))
    response.status_code = HTTPStatus.CREATED
    response.headers.update(headers)
    return response


@blueprint.get("/status/<id:document_id>")
@needs(Scope.READ)
@blueprint.arguments(WaitQuery(), location="query")
@blueprint.response(200, DocumentStatusSchema, headers=conditional.ETAG_HEADER)
@blueprint.alt_response(304, description="The client has this status already (`If-None-Match`).")
@blueprint.refuses(401, 403, 404, 412, 429)
def document_status(query: dict[str, Any], document_id: str) -> Response:
    """Report how far a document's conversion has come."""
    owner = current_owner()
    with services().wait_slots.for_poll(owner, query["wait"]) as seconds:
        report = services().reader.document(document_id, owner=owner, wait_seconds=seconds)
    return conditional.tagged_json(_STATUS.dump(serializers.document_status(report)))


@blueprint.get("")
@needs(Scope.READ)
@blueprint.arguments(ListQuery(), location="query")
@blueprint.response(200, DocumentListSchema)
@blueprint.refuses(401, 403, 429, 503)
def document_list(query: dict[str, Any]) -> Any:
    """List the key's documents, the newest first; or find them by name and by words of their pages.

    Follow `nextCursor` for the next ones: what is submitted meanwhile shifts nothing.
    """
    which = Filter(
        owner=current_owner(),
        status=DocumentStatus(query["status"]) if query["status"] else None,
        batch_id=query["batch_id"],
        q=query["q"],
    )
    found = services().listing.documents(which, query["cursor"], query["limit"])
    return serializers.document_list(found)


@blueprint.delete("/<id:document_id>")
@needs(Scope.CONVERT)
@blueprint.response(204)
@blueprint.refuses(401, 403, 404, 429, 503)
def document_delete(document_id: str) -> Response:
    """Remove a document for good: original, archive, pages, images, and copies at the provider.

    One that is being converted is cancelled first. What it cost stays in the usage.
    """
    services().actions.delete(document_id, owner=current_owner())
    return Response(status=204)


@blueprint.post("/<id:document_id>/cancel")
@needs(Scope.CONVERT)
@blueprint.response(200, DocumentStatusSchema)
@blueprint.refuses(401, 403, 404, 409, 410, 429)
def document_cancel(document_id: str) -> Any:
    """Stop the conversion of a document, also one that is running.

    409 `too_late` when it has ended. Pages that were paid for stay, and a retry finds them.
    """
    owner = current_owner()
    services().actions.cancel(document_id, owner=owner)
    return serializers.document_status(services().reader.document(document_id, owner=owner))


@blueprint.post("/<id:document_id>/retry")
@needs(Scope.CONVERT)
@blueprint.arguments(RetryForm())
@blueprint.response(202, DocumentStatusSchema)
@blueprint.refuses(401, 402, 403, 404, 409, 410, 413, 422, 429, 503, 507)
def document_retry(form: dict[str, Any], document_id: str) -> Any:
    """Convert a document that failed or was cancelled once more, with fresh attempts.

    Only pages that are not there yet are converted, and paid for. The password that it was sent
    with is not kept: it is sent again.
    """
    owner = current_owner()
    password = password_of(form, services().settings)
    services().actions.retry(document_id, owner=owner, password=password)
    return serializers.document_status(services().reader.document(document_id, owner=owner))


@blueprint.get("/<id:document_id>")
@needs(Scope.READ)
@blueprint.arguments(ResultQuery(), location="query")
@blueprint.alt_response(200, schema=TEXT, content_type="text/markdown", success=True)
@blueprint.response(200, ResultSchema, headers=forms.HEADERS)
@blueprint.alt_response(200, schema=TEXT, content_type="text/plain", success=True)
@blueprint.alt_response(200, schema=BINARY, content_type="application/zip", success=True)
@blueprint.alt_response(200, schema=TEXT, content_type="text/html", success=True)
@blueprint.alt_response(200, schema=TEXT, content_type=forms.NDJSON, success=True)
@blueprint.alt_response(200, schema=BINARY, content_type="application/pdf", success=True)
@blueprint.alt_response(304, description="The client has this result already (`If-None-Match`).")
@blueprint.refuses(401, 403, 404, 409, 410, 412, 422, 429, 503, 507)
def document_result(query: dict[str, Any], document_id: str) -> Response:
    """Give the result of a completed document.

    As Markdown, text, JSON, HTML, chunks for retrieval, an archive, or a PDF that can be searched.
    409 while it is not there: with `Retry-After` if it may still come.
    """
    shown = Presentation.of(query)
    owner = current_owner()
    found = services().reader.result(document_id, owner=owner, pages=query["shown_pages"])
    if shown.form != PDF:
        return forms.answer(found, shown)
    with services().wait_slots.for_estimate(owner):
        return forms.answer(found, shown)


@blueprint.get("/<id:document_id>/pages")
@needs(Scope.READ)
@blueprint.arguments(PageListQuery(), location="query")
@blueprint.response(200, PageListSchema)
@blueprint.refuses(401, 403, 404, 410, 429)
def document_pages(query: dict[str, Any], document_id: str) -> Any:
    """List the pages of a document that are stored, without what they say.

    Also while it is converted, and of one that failed: with their sizes, confidence and warnings.
    Follow `nextCursor` for the next ones.
    """
    reader = services().reader
    first = list_cursors.read_page(query["cursor"]) if query["cursor"] is not None else 1
    found = reader.pages(document_id, first, query["limit"], owner=current_owner())
    return page_json.listed(found)


@blueprint.get("/<id:document_id>/pages/<page:number>")
@needs(Scope.READ)
@blueprint.arguments(OnePageQuery(), location="query")
@blueprint.response(200, PageAnswerSchema, headers=forms.HEADERS)
@blueprint.alt_response(304, description="The client has this page already (`If-None-Match`).")
@blueprint.refuses(401, 403, 404, 409, 410, 412, 429)
def document_page(query: dict[str, Any], document_id: str, number: int) -> Response:
    """Give a page of a document as JSON, by its number in the original.

    As soon as it is stored, also of a document that failed: what was paid for is there.
    """
    shown = Presentation.of({**query, "format": "json"})
    found = services().reader.page(document_id, number, owner=current_owner())
    return forms.page_answer(found, shown)


@blueprint.get("/<id:document_id>/pages/<page:number>/image")
@needs(Scope.READ)
@blueprint.arguments(PageImageQuery(), location="query")
@blueprint.response(
    200, BINARY, content_type=page_image.MEDIA_TYPE, headers=conditional.ETAG_HEADER
)
@blueprint.alt_response(304, description="The client has this image already (`If-None-Match`).")
@blueprint.refuses(401, 403, 404, 409, 410, 412, 422, 429, 503, 507)
def document_page_image(query: dict[str, Any], document_id: str, number: int) -> Response:
    """Draw a page of the document as it was sent, by its number in the original, as a PNG.

    Of PDFs and images, as soon as they are here. What is known of the page's size in its JSON
    holds for this picture, whatever its width. 404 `no_page_image` for other types.
    """
    owner = current_owner()
    original = services().reader.original(document_id, owner=owner)
    page_images.require_kind(original)
    response = conditional.tagged(
        Response(mimetype=page_image.MEDIA_TYPE),
        page_images.etag(original, number, query["width"]),
    )
    if response.status_code == HTTPStatus.OK:
        with services().wait_slots.for_estimate(owner):
            file = services().page_images.image(original, number, query["width"])
        return streaming.file(response, file)
    return response


@blueprint.get("/<id:document_id>/original")
@needs(Scope.READ)
@blueprint.response(302, description="A link to the bytes as they were sent; valid for 5 minutes.")
@blueprint.refuses(401, 403, 404, 409, 410, 429, 503)
def document_original(document_id: str) -> Response:
    """Redirect to the document as it was sent."""
    url = services().reader.original_url(document_id, owner=current_owner())
    return Response(status=302, headers={"Location": absolute(url)}, mimetype="text/plain")


@blueprint.get("/<id:document_id>/images/<name>")
@needs(Scope.READ)
@blueprint.response(200, BINARY, content_type="image/*")
@blueprint.refuses(401, 403, 404, 410, 429, 503)
def document_image(document_id: str, name: str) -> Response:
    """Give an image of a result; its Markdown points here."""
    image = services().reader.image(document_id, name, owner=current_owner())
    return streaming.stored(services().store, image.key, image.media_type)
