"""`/api/webhooks`: what was sent to webhooks, once more, and a test."""

from __future__ import annotations

from typing import Any

from ilios.accounts.keys import Scope
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.responses import serializers
from ilios.api.schemas.query_params import DeliveriesQuery
from ilios.api.schemas.requests import WebhookTestForm
from ilios.api.schemas.webhook_responses import DeliveryListSchema, DeliverySchema
from ilios.api.services import services

blueprint = ApiBlueprint(
    "Webhooks",
    __name__,
    url_prefix="/api/webhooks",
    description="Events that are sent to `webhookUrl`: `document.completed`, `document.failed`, "
    "`document.cancelled`, `batch.completed`, `webhook.test`.",
)


@blueprint.get("/deliveries")
@needs(Scope.READ)
@blueprint.arguments(DeliveriesQuery(), location="query")
@blueprint.response(200, DeliveryListSchema)
@blueprint.refuses(401, 403, 429)
def delivery_list(query: dict[str, Any]) -> Any:
    """List the key's deliveries, the newest first.

    Those that ended more than 7 days ago are not there any more.
    """
    found = services().webhooks.deliveries(current_owner(), query["cursor"], query["limit"])
    return {
        "deliveries": [serializers.delivery(one) for one in found.deliveries],
        "next_cursor": found.next_cursor,
    }


@blueprint.post("/deliveries/<id:delivery_id>/replay")
@needs(Scope.CONVERT)
@blueprint.response(202, DeliverySchema)
@blueprint.refuses(401, 403, 404, 409, 429, 503)
def delivery_replay(delivery_id: str) -> Any:
    """Send an event once more, as a delivery of its own, under the same `webhook-id`."""
    return serializers.delivery(services().webhooks.replay(delivery_id, owner=current_owner()))


@blueprint.post("/test")
@needs(Scope.CONVERT)
@blueprint.arguments(WebhookTestForm())
@blueprint.response(202, DeliverySchema)
@blueprint.refuses(401, 403, 413, 422, 429, 503)
def webhook_test(form: dict[str, Any]) -> Any:
    """Send `webhook.test` to `webhookUrl`, or to the address of the key."""
    return serializers.delivery(
        services().webhooks.test(form["webhook_url"], owner=current_owner())
    )
