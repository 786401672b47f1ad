"""What an event says, and how it is signed: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from ilios.core import clock
from ilios.db.models import DeliveryStatus

SIGNATURE_VERSION: Final = "v1"


class EventType(StrEnum):
    DOCUMENT_COMPLETED = "document.completed"
    DOCUMENT_FAILED = "document.failed"
    DOCUMENT_CANCELLED = "document.cancelled"
    BATCH_COMPLETED = "batch.completed"  #: all of its documents have ended, however
    TEST = "webhook.test"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event for one address, and how far its delivery has come."""

    owner: str
    number: int
    id: str
    event_id: str
    type: str
    document_id: str | None
    batch_id: str | None
    url: str
    receiver: str
    details: str | None
    occurred_at: datetime
    created_at: datetime
    status: DeliveryStatus
    attempts: int
    first_attempt_at: datetime | None
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None


def body(delivery: Delivery) -> bytes:
    """Return the JSON of an event: the same at every attempt, until its document is deleted.

    From then on it has the ids and the status alone.
    """
    event = {
        "type": delivery.type,
        "timestamp": clock.iso(delivery.occurred_at),
        "data": {**_subject(delivery), **json.loads(delivery.details or "{}")},
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def headers(event_id: str, content: bytes, key: bytes, now: datetime) -> dict[str, str]:
    """Return the header fields of a request that carries an event."""
    seconds = str(int(now.timestamp()))
    signed = b".".join((event_id.encode(), seconds.encode(), content))
    signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"{SIGNATURE_VERSION},{signature}",
    }


def _subject(delivery: Delivery) -> dict[str, Any]:
    of_document = delivery.document_id is not None
    status = delivery.type.rpartition(".")[2]
    if delivery.type == EventType.TEST:
        status = "ok"
    return {
        "id": delivery.document_id if of_document else delivery.batch_id,
        "batchId": delivery.batch_id,
        "status": status,
    }
