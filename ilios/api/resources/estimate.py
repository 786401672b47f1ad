"""`POST /v1/estimate`: what a conversion would cost."""

from __future__ import annotations

from typing import Any

from ilios.accounts.keys import Scope
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.requests.options import options_of
from ilios.api.responses import serializers
from ilios.api.schemas.cost_responses import EstimateSchema
from ilios.api.schemas.requests import EstimateForm
from ilios.api.services import services

blueprint = ApiBlueprint("Estimates", __name__, description="What a conversion would cost.")


@blueprint.post("/v1/estimate")
@needs(Scope.CONVERT)
@blueprint.arguments(EstimateForm(), location="multipart")
@blueprint.response(200, EstimateSchema)
@blueprint.refuses(401, 403, 413, 415, 422, 429, 503, 507)
def estimate(form: dict[str, Any]) -> Any:
    """Tell what a document would cost, without converting or keeping it.

    An earlier result of the same bytes would cost nothing; that is not looked up here.
    """
    options = options_of(form, services().settings)
    with services().wait_slots.for_estimate(current_owner()):
        found = services().estimates.estimate(
            current_owner(),
            form["file"],
            options,
            provider_batch=form["use_mistral_batch"],
            password=form["password"],
        )
    return serializers.estimate(found)
