"""`/v1/batch`: many documents in one request, followed and fetched together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response

from ilios.accounts.keys import Scope
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.requests.options import order_of
from ilios.api.responses import serializers, streaming
from ilios.api.schemas.query_params import BatchDownloadQuery, BatchStatusQuery
from ilios.api.schemas.requests import BatchForm
from ilios.api.schemas.responses import TEXT, BatchAcceptedSchema, BatchStatusSchema, MetadataSchema
from ilios.api.services import services
from ilios.core import clock
from ilios.db.models import Document, statuses
from ilios.documents.result_pages import ResultPage

blueprint = ApiBlueprint(
    "Batches", __name__, url_prefix="/v1/batch", description="Many documents together."
)

NDJSON = "application/x-ndjson"
_METADATA = MetadataSchema()


@blueprint.post("/submit")
@needs(Scope.CONVERT)
@blueprint.arguments(BatchForm(), location="multipart")
@blueprint.response(202, BatchAcceptedSchema)
@blueprint.refuses(401, 402, 403, 413, 415, 422, 429, 503, 507)
def batch_submit(form: dict[str, Any]) -> Any:
    """Queue 1 to 100 documents, all or none.

    One bad file refuses the batch: `errors` lists each of them, and nothing is stored.
    """
    order = order_of(form, current_owner(), services().settings)
    batch, documents = services().submissions.submit_batch(form["files"], order)
    answer = serializers.batch_accepted(batch, documents)
    return answer, {"Location": answer["status_url"]}


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
@blueprint.response(200, TEXT, content_type=NDJSON)
@blueprint.refuses(401, 403, 404, 409, 422, 429)
def batch_download(_query: dict[str, Any], batch_id: str) -> Response:
    """Give all results of a finished batch, one JSON object a line.

    Each line has `id`, `fileName`, `status`, `content`, `metadata`, `error` and `processedAt`.
    """
    results = services().reader.batch_results(batch_id, owner=current_owner())
    return Response(_lines(results), mimetype=NDJSON)


def _lines(results: Iterable[tuple[Document, Iterable[ResultPage]]]) -> Iterator[str]:
    for document, pages in results:
        head = {
            "id": document.id,
            "fileName": document.file_name,
            "status": document.status.value,
        }
        tail: dict[str, Any] = {
            "metadata": None,
            "error": document.error,
            "processedAt": clock.iso(document.processed_at) if document.processed_at else None,
        }
        if document.status in statuses.READABLE:
            tail["metadata"] = _METADATA.dump(
                serializers.metadata(document, document.page_count or 0)
            )
            content = streaming.markdown(document.id, pages)
            yield from streaming.json_with_content(head, content, tail)
        else:
            yield json.dumps({**head, "content": None, **tail})
        yield "\n"
