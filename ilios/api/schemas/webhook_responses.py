"""The bodies of answers on webhooks."""

from __future__ import annotations

from marshmallow import fields

from ilios.api.schemas.requests import CamelSchema
from ilios.api.schemas.response_fields import identifier, moment, number, text, url
from ilios.core.telemetry.metrics import DELIVERED, WEBHOOK_OUTCOMES
from ilios.db.models import DeliveryStatus
from ilios.webhooks.events import EventType

DELIVERY_ERRORS = tuple(word for word in WEBHOOK_OUTCOMES if word != DELIVERED)


class DeliverySchema(CamelSchema):
    id = identifier("The delivery.")
    event_id = identifier("The event, as `webhook-id` has it: a replay has the same.")
    type = text(enum=list(EventType), example=EventType.DOCUMENT_COMPLETED)
    document_id = identifier("What it tells of; null for events of a batch and tests.", null=True)
    batch_id = identifier("The batch, or that of the document, if any.", null=True)
    url = url("Where it goes.")
    status = text(
        "`pending` until it is delivered, or given up (`failed`).",
        enum=list(DeliveryStatus),
        example=DeliveryStatus.DELIVERED,
    )
    attempts = number("How often it was sent.", example=1)
    last_status = number("The HTTP status of the last answer.", null=True, example=200)
    last_error = text(
        "Why the last attempt was no success.", null=True, enum=[*DELIVERY_ERRORS, None]
    )
    next_attempt_at = moment(
        "Null once it has ended, and while an earlier event of its document has not.", null=True
    )
    created_at = moment()


class DeliveryListSchema(CamelSchema):
    deliveries = fields.List(
        fields.Nested(DeliverySchema), metadata={"description": "The newest first."}
    )
    next_cursor = text("What `cursor` takes for the next ones; null after the last.", null=True)
