"""Commands of operators on API keys, each in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from ilios.accounts import holdings, key_webhooks, keys, quotas, webhook_secrets
from ilios.accounts.holdings import Holding, Standard
from ilios.accounts.keys import KeyState, Limits, Terms
from ilios.accounts.quotas import Amount
from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db import owner_totals
from ilios.db.database import Database
from ilios.db.models import ApiKey
from ilios.db.owner_totals import Difference


@dataclass(frozen=True, slots=True)
class Issued:
    """A key with its secret, which is shown now and can never be shown again."""

    key: ApiKey
    secret: str
    webhook_secret: str | None = None  #: what signs its events; also shown once


@dataclass(frozen=True, slots=True)
class ChangedWebhook:
    """A key whose webhook was changed, and its secret if that is new: shown once."""

    key: ApiKey
    secret: str | None


@dataclass(frozen=True, slots=True)
class KeyReport:
    """A key, and what it has used of its day and its month, in UTC."""

    key: ApiKey
    state: KeyState
    today: Amount
    month: Amount
    reserved: Amount  #: by documents under way
    holding: Holding


class KeyAdmin:
    """Creates, rotates, revokes and reports the keys of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, terms: Terms, instance_key: bytes | None = None) -> Issued:
        """Create a key, with a webhook secret if the `instance_key` is given to derive it from.

        Raises KeyNameTaken.
        """
        secret, webhook_secret = keys.new_secret(), None
        with self._database.writing() as session:
            key = keys.create(session, terms, secret, clock.now())
            if instance_key is not None:
                webhook_secret = key_webhooks.renew(key, instance_key)
        return Issued(key, secret, webhook_secret)

    def change_webhook(
        self, reference: str, wanted: key_webhooks.Change, settings: Settings
    ) -> ChangedWebhook:
        """Change a key's webhook. Raises UnknownKey, KeyAlreadyRevoked, WebhookSecretMissing."""
        instance_key = webhook_secrets.instance_key(settings)
        has_default = settings.webhook_secret is not None
        with self._database.writing() as session:
            key, secret = key_webhooks.change(
                session, reference, wanted, instance_key, has_default=has_default
            )
        return ChangedWebhook(key, secret)

    def rotate(
        self, reference: str, *, grace: timedelta, expires_at: datetime | None = None
    ) -> Issued:
        """Give a key a new secret. Raises UnknownKey, KeyAlreadyRevoked, KeyNotRotatable."""
        secret = keys.new_secret()
        with self._database.writing() as session:
            key = keys.rotate(
                session, reference, secret, clock.now(), grace=grace, expires_at=expires_at
            )
        return Issued(key, secret)

    def limit(self, reference: str, change: Callable[[Limits], Limits]) -> ApiKey:
        """Change what a key may hold. Raises UnknownKey, KeyAlreadyRevoked."""
        with self._database.writing() as session:
            return keys.limit(session, reference, change)

    def recount(self) -> list[Difference]:
        """Count anew what owners hold; return the rows that were wrong, with what they are now."""
        with self._database.writing() as session:
            driver = session.connection().connection.driver_connection
            found = owner_totals.differences(driver)
            if found:
                owner_totals.recount(driver)
        return found

    def revoke(self, reference: str) -> ApiKey:
        """End a key for good. Raises UnknownKey, KeyAlreadyRevoked."""
        with self._database.writing() as session:
            return keys.revoke(session, reference, clock.now())

    def reports(self, standard: Standard, *, revoked: bool = False) -> list[KeyReport]:
        """Return the keys, their use and what they hold; revoked ones only if asked for."""
        now = clock.now()
        with self._database.reading() as session:
            found = keys.listed(session, revoked=revoked)
            return [_report(session, key, standard, now) for key in found]


def _report(session: Session, key: ApiKey, standard: Standard, now: datetime) -> KeyReport:
    return KeyReport(
        key=key,
        state=keys.state_of(key, now),
        today=quotas.used(session, key.owner, *quotas.day_of(now)),
        month=quotas.used(session, key.owner, *quotas.month_of(now)),
        reserved=quotas.reserved(session, key.owner),
        holding=holdings.of(session, key.owner, standard),
    )
