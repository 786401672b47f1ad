"""`/v1/batch/jobs`: many documents in one job, followed and fetched together."""

from __future__ import annotations

from typing import Any, Final

from flask import Response

from ilios.accounts.keys import Scope
from ilios.api.dialects import answers, bodies
from ilios.api.dialects.blueprint import DialectBlueprint
from ilios.api.dialects.mistral import batch_objects, batches, error_shape, list_pages
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.requests.idempotency import creates
from ilios.api.responses.errors import PROBLEM_JSON
from ilios.api.services import services
from ilios.core.request_errors import BatchNotFound

JOBS_MAX: Final = 100  #: of one page of a list

blueprint = DialectBlueprint(
    "Mistral OCR: batches",
    __name__,
    paths=("/v1/batch/jobs",),
    shape=error_shape.shaped,
    error_schema=error_shape.SCHEMA,
    error_type=PROBLEM_JSON,
    description="Batch jobs for OCR, as Mistral's API has them. They are kept for a week.",
)


@blueprint.post("/v1/batch/jobs")
@needs(Scope.CONVERT)
@creates
@blueprint.doc(
    requestBody={
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "title": "MistralBatchRequest",
                    "type": "object",
                    "properties": {
                        "input_files": {"type": "array", "items": {"type": "string"}},
                        "requests": {"type": "array", "items": {"type": "object"}},
                        "endpoint": {"type": "string", "enum": [batch_objects.ENDPOINT]},
                        "model": {"type": "string", "nullable": True},
                        "metadata": {"type": "object", "nullable": True},
                    },
                }
            }
        },
    }
)
@blueprint.response(200, batch_objects.SCHEMA)
@blueprint.refuses(400, 401, 402, 403, 404, 413, 415, 422, 429, 503, 507)
def job_create() -> Response:
    """Queue 1 to 100 requests, all or none.

    `errors` of a refusal has the reason of each request that is wrong, by its `custom_id`.
    """
    kept, notes = batches.submit(bodies.receive_json())
    return answers.small({**_shown(kept.id), "warnings": notes})


@blueprint.get("/v1/batch/jobs")
@needs(Scope.READ)
@blueprint.doc(parameters=[*list_pages.PARAMETERS])
@blueprint.response(200, batch_objects.LIST_SCHEMA)
@blueprint.refuses(400, 401, 403, 429)
def job_list() -> Response:
    """List the key's jobs, the newest first, in pages that count from 0."""
    options, owner = bodies.query_options(), current_owner()
    page = list_pages.asked(options, JOBS_MAX, JOBS_MAX)
    listed = services().kept_files.listed(
        owner=owner, purpose=batch_objects.PURPOSE, skipped=page.skipped, at_most=page.size
    )
    reader = services().reader
    data: list[dict[str, Any]] = []
    for kept in listed.files:
        try:
            report = reader.batch_summary(kept.id, owner=owner)
        except BatchNotFound:  # its documents are being stored just now
            continue
        data.append(batch_objects.shown(kept, report))
    return answers.small({"data": data, "object": "list", "total": listed.total})


@blueprint.get("/v1/batch/jobs/<id:job_id>")
@needs(Scope.READ)
@blueprint.response(200, batch_objects.SCHEMA)
@blueprint.refuses(400, 401, 403, 404, 429)
def job_retrieve(job_id: str) -> Response:
    """Report how far a job has come; `output_file` names its results once it has ended."""
    return answers.small(_shown(job_id))


@blueprint.post("/v1/batch/jobs/<id:job_id>/cancel")
@needs(Scope.CONVERT)
@blueprint.response(200, batch_objects.SCHEMA)
@blueprint.refuses(400, 401, 403, 404, 409, 429)
def job_cancel(job_id: str) -> Response:
    """Stop what of a job has not ended. What was converted before stays, and is paid for."""
    owner = current_owner()
    services().actions.cancel_batch(batches.job(job_id, owner=owner).id, owner=owner)
    return answers.small(_shown(job_id))


def _shown(job_id: str) -> dict[str, Any]:
    owner = current_owner()
    kept = batches.job(job_id, owner=owner)
    return batch_objects.shown(kept, services().reader.batch(job_id, owner=owner))
