"""What an event says, and its signature."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from ilios.core.settings.webhooks import secret_bytes
from ilios.db.models import DeliveryStatus
from ilios.webhooks import events
from ilios.webhooks.events import Delivery
from tests.support.receivers import SECRET, Received

NOON = datetime(2026, 11, 25, 12, 0, 0, 120_000, tzinfo=UTC)
DOCUMENT = Delivery(
    owner="a",
    number=1,
    id="d" * 24,
    event_id="e" * 24,
    type="document.failed",
    document_id="k" * 24,
    batch_id=None,
    url="https://example.com/",
    receiver="https://example.com/",
    details='{"fileName": "Größe.pdf", "errorCode": "encrypted_document"}',
    occurred_at=NOON,
    created_at=NOON,
    status=DeliveryStatus.SENDING,
    attempts=1,
    first_attempt_at=NOON,
    next_attempt_at=None,
    last_status=None,
    last_error=None,
)


def test_an_event_of_a_document() -> None:
    assert json.loads(events.body(DOCUMENT)) == {
        "type": "document.failed",
        "timestamp": "2026-11-25T12:00:00.120Z",
        "data": {
            "id": "k" * 24,
            "batchId": None,
            "status": "failed",
            "fileName": "Größe.pdf",
            "errorCode": "encrypted_document",
        },
    }


def test_of_a_deleted_document_ids_and_status_are_left() -> None:
    event = json.loads(events.body(replace(DOCUMENT, details=None)))

    assert event["data"] == {"id": "k" * 24, "batchId": None, "status": "failed"}


def test_an_event_of_a_batch_has_the_status_of_the_batch() -> None:
    batch = replace(
        DOCUMENT,
        type="batch.completed",
        document_id=None,
        batch_id="b" * 24,
        details='{"status": "cancelled", "total": 2}',
    )

    data = json.loads(events.body(batch))["data"]

    assert data == {"id": "b" * 24, "batchId": "b" * 24, "status": "cancelled", "total": 2}


def signed() -> Received:
    content = events.body(DOCUMENT)
    headers = events.headers("msg", content, secret_bytes(SECRET), NOON)
    return Received(NOON, "/", headers, content)


def test_the_reference_library_verifies_the_signature() -> None:
    assert signed().verified()["type"] == "document.failed"
    content = signed().body.decode()
    assert signed().headers["webhook-signature"] == Webhook(SECRET).sign("msg", NOON, content)


def test_another_secret_and_another_body_are_noticed() -> None:
    came = signed()
    other = "whsec_" + "AAAA" * 8
    with pytest.raises(WebhookVerificationError):
        came.verified(other)
    with pytest.raises(WebhookVerificationError):
        replace(came, body=came.body + b" ").verified()
