"""Secrets of keys: derived, shown once, and in no row."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from ilios.accounts import webhook_secrets
from ilios.accounts.key_admin import KeyAdmin
from ilios.accounts.key_webhooks import Change
from ilios.accounts.keys import Terms
from ilios.accounts.webhook_secrets import SigningKeys, Unsigned
from ilios.core.settings import Settings
from ilios.core.settings.webhooks import secret_bytes
from ilios.core.webhook_errors import WebhookSecretMissing
from ilios.db.database import Database
from tests.support.issuing import issue
from tests.support.receivers import SECRET

pytestmark = pytest.mark.both_databases

NEW = Change(sets_secret=True, new_secret=True)


@pytest.fixture
def admin(database: Database) -> KeyAdmin:
    return KeyAdmin(database)


def key_of(settings: Settings, database: Database, owner: str) -> bytes | Unsigned:
    with database.watching() as watch:
        return SigningKeys(settings).of(watch, owner)


def with_secret(settings: Settings) -> Settings:
    return settings.model_copy(update={"webhook_secret": SecretStr(SECRET)})


def test_each_key_and_each_renewal_has_a_secret_of_its_own(
    admin: KeyAdmin, database: Database, settings: Settings
) -> None:
    issue(database, "a"), issue(database, "b")
    secrets = [admin.change_webhook(name, NEW, settings).secret for name in ("a", "a", "b")]

    assert len(set(secrets)) == 3
    assert all(len(secret_bytes(secret or "")) == 32 for secret in secrets)


@pytest.mark.only_sqlite
def test_the_database_has_no_secret(
    admin: KeyAdmin, database: Database, settings: Settings
) -> None:
    issued = admin.create(Terms("a"), webhook_secrets.instance_key(settings))

    assert issued.webhook_secret is not None
    database.truncate_wal()
    content = settings.database_path.read_bytes()
    encoded = issued.webhook_secret.removeprefix("whsec_")
    assert encoded.encode() not in content
    assert secret_bytes(issued.webhook_secret) not in content
    assert webhook_secrets.instance_key(settings) not in content
    assert key_of(settings, database, issued.key.owner) == secret_bytes(issued.webhook_secret)


def test_the_secret_of_a_key_goes_before_that_of_the_settings(
    admin: KeyAdmin, database: Database, settings: Settings
) -> None:
    configured = with_secret(settings)
    owner = issue(database, "a").key.owner
    assert key_of(settings, database, owner) is Unsigned.NO_SECRET
    assert key_of(configured, database, owner) == secret_bytes(SECRET)
    assert key_of(configured, database, "of a configured key") == secret_bytes(SECRET)

    secret = admin.change_webhook("a", NEW, configured).secret
    assert key_of(configured, database, owner) == secret_bytes(secret or "")
    admin.change_webhook("a", Change(sets_secret=True), configured)
    assert key_of(configured, database, owner) == secret_bytes(SECRET)


def test_an_address_needs_a_secret(admin: KeyAdmin, database: Database, settings: Settings) -> None:
    issue(database, "a")
    url = Change(sets_url=True, url="https://example.com/")

    with pytest.raises(WebhookSecretMissing):
        admin.change_webhook("a", url, settings)
    assert admin.change_webhook("a", url, with_secret(settings)).key.webhook_url == url.url
    with pytest.raises(WebhookSecretMissing):
        admin.change_webhook("a", Change(sets_secret=True), settings)
    none = Change(sets_url=True)
    assert admin.change_webhook("a", none, settings).key.webhook_url is None
