"""Attempts at deliveries: claimed in one transaction, sent outside of any, settled in another."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from ilios.accounts.webhook_secrets import SigningKeys, Unsigned
from ilios.core import clock, failpoints
from ilios.core.settings import Settings
from ilios.core.telemetry import logs, metrics
from ilios.core.telemetry.spans import Span
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.db.models import DeliveryStatus
from ilios.outbound.guard import Guard
from ilios.webhooks import delivery_spans, events, outbox, posting
from ilios.webhooks.events import Delivery
from ilios.webhooks.outbox import Due, Key, Settled
from ilios.webhooks.posting import Outcome

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Settle:
    """Note what an attempt has brought: a unit of work, as in ilios.documents.units_of_work."""

    delivery: Delivery
    outcome: Outcome

    def __call__(self, session: Session) -> Settled:
        return outbox.settle(
            session,
            self.delivery,
            status=self.outcome.status,
            error=self.outcome.error,
            now=clock.now(),
        )


class Attempts:
    """Makes attempts, for the threads of a process."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._group_commit = GroupCommit(database)
        self._signing_keys = SigningKeys(settings)
        self._guard = Guard(settings.url_allowance)

    def claim(self, due: Sequence[Due]) -> list[Delivery]:
        """Claim those that are still due, all in one transaction."""
        now = clock.now()
        with self._database.writing() as session:
            claimed = [outbox.claim(session, one, now) for one in due]
        failpoints.reach(failpoints.WEBHOOK_CLAIMED)
        return [one for one in claimed if one is not None]

    def make(self, delivery: Delivery) -> Settled:
        """Send an event that was claimed, and note the outcome. Raises DatabaseBusy."""
        with delivery_spans.of(self._database, delivery) as span:
            return self._make(delivery, span)

    def _make(self, delivery: Delivery, span: Span) -> Settled:
        began = time.monotonic()
        outcome = self._send(delivery, span)
        delivery_spans.note(span, outcome)
        failpoints.reach(failpoints.WEBHOOK_SENT)
        settled = self._group_commit.write(Settle(delivery, outcome), delivery.owner)
        metrics.WEBHOOK_ATTEMPTS.labels(outcome.error or metrics.DELIVERED).inc()
        _log(delivery, outcome, settled, round(1000 * (time.monotonic() - began)))
        return settled

    def release_stranded(self, held: Collection[Key]) -> None:
        """Let what was claimed, and is not held any more, be sent at once."""
        with self._database.watching() as watch:
            left = outbox.stranded(watch, held)
        if not left:
            return
        with self._database.writing() as session:
            outbox.release(session, left, clock.now())
        log.warning("webhooks.released", deliveries=len(left))

    def sweep(self) -> None:
        """Delete what ended long ago, and make due what was left behind."""
        now = clock.now()
        with self._database.watching() as watch:
            is_due = outbox.anything_to_sweep(watch, now)
            is_empty = outbox.is_empty(watch)
        while is_due:
            with self._database.writing() as session:
                is_due = outbox.sweep(session, now) == outbox.PORTION_ROWS
        if not is_empty:
            with self._database.writing() as session:
                outbox.resume(session, now)

    def _send(self, delivery: Delivery, span: Span) -> Outcome:
        with self._database.watching() as watch:
            key = self._signing_keys.of(watch, delivery.owner)
        if isinstance(key, Unsigned):
            return Outcome(None, key.value)
        content = events.body(delivery)
        headers = events.headers(delivery.event_id, content, key, clock.now())
        headers |= delivery_spans.headers(span)
        return posting.post(self._guard, delivery.url, headers, content)


def _log(delivery: Delivery, outcome: Outcome, settled: Settled, duration_ms: int) -> None:
    host = urlsplit(delivery.receiver).hostname  # what follows it may have a secret
    if settled.status is DeliveryStatus.DELIVERED:
        log.info(
            "webhook.delivered",
            delivery_id=delivery.id,
            event_id=delivery.event_id,
            type=delivery.type,
            document_id=delivery.document_id,
            batch_id=delivery.batch_id,
            host=host,
            status=outcome.status,
            attempts=delivery.attempts,
            duration_ms=duration_ms,
        )
    elif settled.status is DeliveryStatus.PENDING:
        log.info(
            "webhook.attempt_failed",
            delivery_id=delivery.id,
            event_id=delivery.event_id,
            host=host,
            status=outcome.status,
            reason=outcome.error,
            attempts=delivery.attempts,
            duration_ms=duration_ms,
        )
    else:
        log.warning(
            "webhook.given_up",
            delivery_id=delivery.id,
            event_id=delivery.event_id,
            document_id=delivery.document_id,
            batch_id=delivery.batch_id,
            host=host,
            status=outcome.status,
            reason=outcome.error,
            attempts=delivery.attempts,
        )
