"""What clients see and ask of their webhooks: deliveries, a replay, a test."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select

from ilios.accounts import webhook_secrets
from ilios.core import clock
from ilios.core.request_errors import InvalidCursor
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.core.webhook_errors import WebhookUrlMissing
from ilios.db.database import Database
from ilios.db.models import WebhookDelivery
from ilios.db.prepared import Prepared
from ilios.outbound.addresses import Address
from ilios.outbound.guard import Guard
from ilios.webhooks import additions, outbox, receivers
from ilios.webhooks.events import Delivery

log = logs.get(__name__)

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
_FIRST: Final = 2**62  #: above all numbers
_LISTED = Prepared(
    select(*outbox.COLUMNS)
    .where(
        WebhookDelivery.owner == bindparam("of_owner"),
        WebhookDelivery.number < bindparam("below"),
    )
    .order_by(WebhookDelivery.number.desc())
    .limit(bindparam("at_most"))
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of deliveries, and the cursor of the next one: None after the last."""

    deliveries: list[Delivery]
    next_cursor: str | None


class Webhooks:
    """Acts on the deliveries of the owner that each call names."""

    def __init__(self, settings: Settings, database: Database, guard: Guard) -> None:
        self._settings = settings
        self._database = database
        self._guard = guard

    def checked(self, url: str, owner: str) -> Address:
        """Return an address that events of an owner may be sent to.

        What a name resolves to is looked at when an event is sent. Raises UrlNotAllowed,
        WebhookSecretMissing.
        """
        address = receivers.checked(self._guard, url)
        with self._database.watching() as watch:
            webhook_secrets.require(watch, owner, self._settings)
        return address

    def deliveries(self, owner: str, cursor: str | None, limit: int) -> Listed:
        """Return at most `limit` deliveries after the cursor, the newest first.

        Raises InvalidCursor.
        """
        below = _FIRST if cursor is None else _number_of(cursor)
        with self._database.watching() as watch:
            rows = _LISTED.all(watch, of_owner=owner, below=below, at_most=limit + 1)
        found = [Delivery(*row) for row in rows[:limit]]
        has_more = len(rows) > limit
        return Listed(found, _cursor(found[-1].number) if has_more else None)

    def replay(self, delivery_id: str, *, owner: str) -> Delivery:
        """Send an event once more, under the id that it has.

        Raises DeliveryNotFound, DeliveryUnderWay.
        """
        with self._database.writing() as session:
            added = additions.replay(session, delivery_id, owner, clock.now())
        log.info("webhook.replayed", delivery_id=added.id, event_id=added.event_id)
        return added

    def test(self, url: str | None, *, owner: str) -> Delivery:
        """Send an event that tells of nothing, to this address or to that of the key.

        Raises WebhookUrlMissing, UrlNotAllowed, WebhookSecretMissing.
        """
        if url is None:
            with self._database.watching() as watch:
                url = webhook_secrets.url_of(watch, owner)
        if url is None:
            raise WebhookUrlMissing
        address = self.checked(url, owner)
        with self._database.writing() as session:
            added = additions.add_test(session, owner, address.url, address.origin, clock.now())
        log.info("webhook.tested", delivery_id=added.id, event_id=added.event_id)
        return added


def _cursor(number: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([number]).encode()).decode().rstrip("=")


def _number_of(cursor: str) -> int:
    try:
        (number,) = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError):
        number = None
    if type(number) is not int or not 0 < number < _FIRST:
        raise InvalidCursor(
            "cursor is none that was given out. Take `nextCursor` of the last answer as it is, "
            "or leave it out to begin anew."
        )
    return int(number)
