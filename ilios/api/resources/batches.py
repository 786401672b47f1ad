"""`/v1/batch`: many documents in one request, followed and fetched together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response

from ilios.accounts.keys import Scope
from ilios.api import batching
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.requests import urls
from ilios.api.requests.idempotency import creates
from ilios.api.requests.options import order_of
from ilios.api.requests.webhooks import webhook_of
from ilios.api.responses import content, forms, result_zip, serializers
from ilios.api.responses.image_links import folder_of
from ilios.api.responses.presentation import Presentation
from ilios.api.schemas.query_params import BatchDownloadQuery, BatchStatusQuery
from ilios.api.schemas.requests import BatchForm
from ilios.api.schemas.responses import (
    BINARY,
    TEXT,
    BatchAcceptedSchema,
    BatchStatusSchema,
    MetadataSchema,
)
from ilios.api.schemas.url_requests import BatchUrlForm
from ilios.api.services import services
from ilios.core import clock
from ilios.core.file_names import attachment
from ilios.core.result_forms import SUFFIXES
from ilios.documents import results
from ilios.documents.queries import Result
from ilios.documents.snapshots import Snapshot
from ilios.engines import json_pieces
from ilios.engines.json_pieces import Fields

blueprint = ApiBlueprint(
    "Batches", __name__, url_prefix="/v1/batch", description="Many documents together."
)

_METADATA = MetadataSchema()


@blueprint.post("/submit")
@needs(Scope.CONVERT)
@creates
@blueprint.form_or_json(BatchForm(), BatchUrlForm())
@blueprint.response(202, BatchAcceptedSchema)
@blueprint.refuses(401, 402, 403, 413, 415, 422, 429, 503, 507)
def batch_submit(form: dict[str, Any]) -> Any:
    """Queue 1 to 100 documents, all or none: files of a form, or the `urls` of a JSON object.

    The documents of an archive (ZIP or TAR) take its place, under their paths in it. One bad file,
    or address, refuses the batch: `errors` lists each of them, and nothing is stored.
    """
    owner = current_owner()
    order = order_of(form, owner, services().settings, webhook_url=webhook_of(form, owner))
    return batching.accepted(urls.documents_of(form), order)


@blueprint.get("/status/<id:batch_id>")
@needs(Scope.READ)
@blueprint.arguments(BatchStatusQuery(), location="query")
@blueprint.response(200, BatchStatusSchema)
@blueprint.refuses(401, 403, 404, 429)
def batch_status(query: dict[str, Any], batch_id: str) -> Any:
    """Report how far a batch has come."""
    owner = current_owner()
    with services().wait_slots.for_poll(owner, query["wait"]) as seconds:
        report = services().reader.batch(batch_id, owner=owner, wait_seconds=seconds)
    return serializers.batch_status(report, details=query["details"])


@blueprint.post("/<id:batch_id>/cancel")
@needs(Scope.CONVERT)
@blueprint.response(200, BatchStatusSchema)
@blueprint.refuses(401, 403, 404, 409, 429)
def batch_cancel(batch_id: str) -> Any:
    """Stop the conversion of all documents of a batch that have not ended.

    409 `too_late` when all have ended. What was converted before stays, and is paid for.
    """
    owner = current_owner()
    services().actions.cancel_batch(batch_id, owner=owner)
    return serializers.batch_status(services().reader.batch(batch_id, owner=owner), details=False)


@blueprint.get("/download/<id:batch_id>")
@needs(Scope.READ)
@blueprint.arguments(BatchDownloadQuery(), location="query")
@blueprint.response(200, TEXT, content_type=forms.NDJSON)
@blueprint.alt_response(200, schema=BINARY, content_type=forms.ZIP.media_type, success=True)
@blueprint.refuses(401, 403, 404, 409, 422, 429)
def batch_download(query: dict[str, Any], batch_id: str) -> Response:
    """Give all results of a finished batch, as lines of JSON or as an archive.

    Each line has `id`, `fileName`, `status`, `content`, `extraction`, `metadata`, `partial`,
    `failedPages`, `warnings`, `error` and `processedAt`. The archive has a folder
    for each document, with what `format=zip` of it has; of one that failed `result.json` has the
    `error` alone.
    """
    shown = Presentation.of(query)
    found = services().reader.batch_results(batch_id, owner=current_owner())
    if shown.form != "zip":
        return Response(_lines(found), mimetype=forms.NDJSON)
    response = Response(result_zip.batch(found, shown), mimetype=forms.ZIP.media_type)
    response.headers["Content-Disposition"] = attachment(batch_id + SUFFIXES["zip"])
    return response


def _lines(found: Iterable[tuple[Snapshot, Result | None]]) -> Iterator[str]:
    for document, result in found:
        line: dict[str, Any] = {
            "id": document.id,
            "fileName": document.file_name,
            "status": document.status.value,
            "content": None,
            "extraction": None,
            "metadata": None,
            "partial": results.is_partial(document),
            "failedPages": serializers.failed_pages(document),
            "warnings": document.warnings,
            "error": document.error,
            "processedAt": clock.iso(document.processed_at) if document.processed_at else None,
        }
        if result is not None:
            folder = folder_of(document.id)
            line["content"] = json_pieces.Text(content.markdown_of(result.pages(), folder))
            line["extraction"] = json_pieces.json_or_text(result.extraction())
            line["metadata"] = _METADATA.dump(
                serializers.metadata(document, document.page_count or 0)
            )
        yield from json_pieces.written(Fields(line))
        yield "\n"
