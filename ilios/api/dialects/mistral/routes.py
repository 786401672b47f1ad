"""`/v1/ocr` and `/v1/models`, and the blueprints of Mistral OCR."""

from __future__ import annotations

from typing import Final

from flask import Response

from ilios.accounts.keys import Scope
from ilios.api import immediate
from ilios.api.dialects import answers, bodies, conversion
from ilios.api.dialects.blueprint import DialectBlueprint
from ilios.api.dialects.mistral import (
    batch_routes,
    error_shape,
    file_routes,
    model_objects,
    ocr_answer,
    ocr_options,
    ocr_schemas,
    sources,
)
from ilios.api.middleware.auth import needs
from ilios.api.requests.idempotency import creates_result
from ilios.api.responses.errors import PROBLEM_JSON
from ilios.api.services import services

blueprint = DialectBlueprint(
    "Mistral OCR",
    __name__,
    paths=("/v1/ocr", "/v1/models"),
    shape=error_shape.shaped,
    error_schema=error_shape.SCHEMA,
    error_type=PROBLEM_JSON,
    description="OCR as Mistral's API has it, with either engine.",
)
BLUEPRINTS: Final[tuple[DialectBlueprint, ...]] = (
    blueprint,
    file_routes.blueprint,
    batch_routes.blueprint,
)


@blueprint.post("/v1/ocr")
@needs(Scope.CONVERT)
@conversion.waits
@creates_result()
@blueprint.doc(requestBody=ocr_schemas.REQUEST_BODY)
@blueprint.response(200, ocr_schemas.ANSWER, headers=answers.HEADERS)
@blueprint.refuses(400, 401, 402, 403, 404, 413, 415, 422, 429, 503, 504, 507)
def ocr() -> Response:
    """Convert a document and wait for its pages.

    Pages count from 0. `model` of the answer says what has converted it.
    """
    here = services()
    body = bodies.receive_json()
    wanted = ocr_options.wanted(bodies.options_of(body.value), body.value, here.settings)
    order = conversion.order(blocks=wanted.shown.blocks, pages=wanted.pages, **wanted.fields)
    document = conversion.submitted_before(order)
    if document is None:
        with sources.received(body) as file:
            document = conversion.submit(file, order)
    found = immediate.wait_for_result(document, order.owner)
    warnings = answers.warnings_of(found, wanted.notes)
    answer = ocr_answer.answer(found, wanted.shown, here.store, warnings)
    return answers.streamed_json(found, answer)


@blueprint.get("/v1/models")
@needs(Scope.READ)
@blueprint.response(200, model_objects.LIST_SCHEMA)
@blueprint.refuses(401, 403, 429)
def models() -> Response:
    """List the names that a request may call a model by."""
    return answers.small(model_objects.listed(services().settings))
